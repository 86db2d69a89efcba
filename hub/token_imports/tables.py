"""How far each import of a file has come."""

from sqlalchemy import BigInteger, Boolean, Column, Integer, Table, Text, UniqueConstraint

from hub.database import Instant, metadata

token_imports = Table(
    "token_imports",
    metadata,
    Column("id", Text, primary_key=True),
    Column("livemode", Boolean, nullable=False),
    Column("file_hash", Text, nullable=False),
    Column("lines", Integer, nullable=False),  # Read and committed, the header included.
    Column("position", BigInteger, nullable=False),  # Bytes of the file that those lines are.
    Column("results_bytes", BigInteger, nullable=False),  # How long the two files beside it were at that commit.
    Column("rejects_bytes", BigInteger, nullable=False),
    Column("created", Integer, nullable=False),
    Column("joined", Integer, nullable=False),
    Column("known", Integer, nullable=False),
    Column("rejected", Integer, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("finished_at", Instant),
    UniqueConstraint("livemode", "file_hash"),
)
"""Changed in the same transaction as what its lines made, so that a killed import goes on where it was."""
