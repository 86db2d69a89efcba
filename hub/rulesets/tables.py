"""Rulesets, each version a row that never changes, and the record of which was made to decide when."""

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, Table, Text, UniqueConstraint

from hub.database import Instant, metadata

rulesets = Table(
    "rulesets",
    metadata,
    Column("id", Text, primary_key=True),
    Column("livemode", Boolean, nullable=False),
    Column("name", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("document", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    UniqueConstraint("livemode", "name", "version"),
)

ruleset_activations = Table(
    "ruleset_activations",
    metadata,
    Column("id", Text, primary_key=True),
    Column("livemode", Boolean, nullable=False),
    Column("number", Integer, nullable=False),  # Counts the activations of a mode; the highest decides.
    Column("ruleset", Text, ForeignKey("rulesets.id"), nullable=False),
    Column("rollout_percent", Integer, nullable=False),
    Column("created_at", Instant, nullable=False),
    UniqueConstraint("livemode", "number"),
    Index("ix_ruleset_activations_ruleset", "ruleset"),
)
