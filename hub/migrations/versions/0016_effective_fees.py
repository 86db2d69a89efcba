"""What accounts really charged, by kind of card, as settled lines show it."""

from typing import Final

import sqlalchemy as sa
from alembic import op

from hub.database import Instant

revision: Final = "0016"
down_revision: Final = "0015"
branch_labels: Final = None
depends_on: Final = None


def upgrade() -> None:
    """Add the table."""
    kind = ("merchant_account", "currency", "card_brand", "card_funding", "card_region")
    op.create_table(
        "effective_fees",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("livemode", sa.Boolean(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in kind),
        sa.Column("percent_ppm", sa.Integer(), nullable=False),
        sa.Column("fixed_minor", sa.BigInteger(), nullable=False),
        sa.Column("lines", sa.Integer(), nullable=False),
        sa.Column("learned_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_effective_fees")),
        sa.CheckConstraint("percent_ppm BETWEEN 0 AND 1000000", name=op.f("ck_effective_fees_percent")),
        sa.CheckConstraint("fixed_minor >= 0", name=op.f("ck_effective_fees_fixed")),
        sa.CheckConstraint("lines > 0", name=op.f("ck_effective_fees_lines")),
        sa.UniqueConstraint(*kind, name=op.f(f"uq_effective_fees_{'_'.join(kind)}")),
    )


def downgrade() -> None:
    """Books are not taken apart."""
    raise NotImplementedError("restore a backup instead: a downgrade would lose what was written since")
