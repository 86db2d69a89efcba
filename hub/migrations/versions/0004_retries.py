"""What counts against a card: declines, fingerprints, attempts under way."""

from typing import Final

import sqlalchemy as sa
from alembic import op

from hub.database import Instant

revision: Final = "0004"
down_revision: Final = "0003"
branch_labels: Final = None
depends_on: Final = None


def upgrade() -> None:
    """Add the tables."""
    _card_declines()
    _card_prints()
    _card_slots()


def downgrade() -> None:
    """Books are not taken apart."""
    raise NotImplementedError("restore a backup instead: a downgrade would lose what was written since")


def _card_declines() -> None:
    op.create_table(
        "card_declines",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("livemode", sa.Boolean(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("processor", sa.Text(), nullable=False),
        sa.Column("brand", sa.Text(), nullable=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("decline", sa.LargeBinary(), nullable=False),
        sa.Column("stops", sa.Boolean(), nullable=False),
        sa.Column("declined_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["id"], ["operations.id"], name=op.f("fk_card_declines_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_card_declines")),
    )
    op.create_index("ix_card_declines_holder", "card_declines", ["livemode", "holder"])
    old = sa.text("NOT stops")
    op.create_index("ix_card_declines_old", "card_declines", ["declined_at"], postgresql_where=old, sqlite_where=old)


def _card_prints() -> None:
    key = ("livemode", "processor", "fingerprint", "merchant_account", "holder")
    op.create_table(
        "card_prints",
        sa.Column("livemode", sa.Boolean(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in key[1:]),
        sa.PrimaryKeyConstraint(*key, name=op.f("pk_card_prints")),
    )
    op.create_index("ix_card_prints_holder", "card_prints", ["livemode", "holder"])


def _card_slots() -> None:
    op.create_table(
        "card_slots",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("livemode", sa.Boolean(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("card", sa.Text(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("sent_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["id"], ["operations.id"], name=op.f("fk_card_slots_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_card_slots")),
        sa.UniqueConstraint("livemode", "card", "place", name=op.f("uq_card_slots_livemode_card_place")),
    )
    op.create_index("ix_card_slots_holder", "card_slots", ["livemode", "holder"])
    op.create_index("ix_card_slots_old", "card_slots", ["sent_at"])
