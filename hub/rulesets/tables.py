"""Rulesets, each version a row that never changes, the record of what was made to decide when, and shadows' counts."""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, Table, Text, UniqueConstraint

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
"""Append-only."""

ruleset_activations = Table(
    "ruleset_activations",
    metadata,
    Column("id", Text, primary_key=True),
    Column("livemode", Boolean, nullable=False),
    Column("number", Integer, nullable=False),  # Counts the changes of a mode, in the order in which they were made.
    Column("kind", Text, nullable=False),  # `routing.rollout.Kind`.
    Column("ruleset", Text, ForeignKey("rulesets.id"), nullable=False),  # What is activated or shadows, or is undone.
    Column("rollout_percent", Integer, nullable=False),
    Column("starts_at", Instant),  # None: at once.
    Column("reason", Text),
    Column("created_at", Instant, nullable=False),
    UniqueConstraint("livemode", "number"),
    Index("ix_ruleset_activations_ruleset", "ruleset"),
)
"""Every change of what decides, append-only: what decides at an instant follows from these alone."""

shadow_counts = Table(
    "shadow_counts",
    metadata,
    Column("change", Text, ForeignKey("ruleset_activations.id"), primary_key=True),  # What began the shadow.
    Column("verdict", Text, primary_key=True),  # `routing.shadow.Verdict`.
    Column("rule", Text, primary_key=True),  # Of what decided, and so below; "" is none.
    Column("shadow_rule", Text, primary_key=True),
    Column("merchant_account", Text, primary_key=True),
    Column("shadow_merchant_account", Text, primary_key=True),
    Column("payments", BigInteger, nullable=False),
)
