"""Customers, their payment methods, the processor tokens behind those, and what is asked about and of them."""

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, LargeBinary, Table, Text, UniqueConstraint, text

from hub.database import Instant, metadata

customers = Table(
    "customers",
    metadata,
    Column("id", Text, primary_key=True),
    Column("livemode", Boolean, nullable=False),
    Column("person", Text),  # All that tells who it is, as JSON; None once erased.
    Column("created_at", Instant, nullable=False),
    Column("deleted_at", Instant),
    Column("import_key", Text),  # What the file calls it that it was imported from.
    Index("uq_customers_import_key", "livemode", "import_key", unique=True),
)

payment_methods = Table(
    "payment_methods",
    metadata,
    Column("id", Text, primary_key=True),
    Column("livemode", Boolean, nullable=False),
    Column("customer", Text, ForeignKey("customers.id")),
    # Counts what a charge must know of; a charge that knows an older one reads again.
    Column("version", Integer, nullable=False, default=1, server_default="1"),
    Column("type", Text, nullable=False),
    Column("card", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("deleted_at", Instant),
    Column("network_transaction_id", Text),  # The card network's id of the first charge that the payer made.
    Column("import_key", Text),
    Index("ix_payment_methods_customer", "customer", "id"),
    Index("uq_payment_methods_import_key", "livemode", "import_key", unique=True),
)

processor_tokens = Table(
    "processor_tokens",
    metadata,
    Column("id", Text, primary_key=True),
    Column("livemode", Boolean, nullable=False),
    Column("payment_method", Text, ForeignKey("payment_methods.id"), nullable=False),
    Column("processor", Text, nullable=False),
    Column("token", Text, nullable=False),
    Column("customer_reference", Text),
    Column("merchant_account", Text, nullable=False),  # Empty: every account of the processor.
    Column("created_at", Instant, nullable=False),
    Column("fingerprint", Text),  # The processor's own for the card, comparable within one of its accounts.
    UniqueConstraint("payment_method", "processor", "merchant_account"),
    Index("ix_processor_tokens_token", "livemode", "processor", "token"),
    Index(
        "ix_processor_tokens_fingerprint",
        "livemode",
        "processor",
        "fingerprint",
        postgresql_where=text("fingerprint IS NOT NULL"),
        sqlite_where=text("fingerprint IS NOT NULL"),
    ),
)

retired_tokens = Table(
    "retired_tokens",
    metadata,
    Column("id", Text, primary_key=True),  # What it had in processor_tokens.
    Column("livemode", Boolean, nullable=False),
    Column("payment_method", Text, ForeignKey("payment_methods.id"), nullable=False),
    Column("processor", Text, nullable=False),
    Column("token_hash", Text, nullable=False),  # Nobody can be charged by it, and it outlives the card.
    Column("merchant_account", Text, nullable=False),  # As in processor_tokens.
    Column("retired_at", Instant, nullable=False),
    Index("ix_retired_tokens_token", "livemode", "processor", "token_hash"),
    Index("ix_retired_tokens_payment_method", "payment_method"),
)
"""Tokens that can be charged no more, retired by their processors or deleted here: what is told of one is no riddle."""

detachments = Table(
    "detachments",
    metadata,
    Column("id", Text, primary_key=True),
    Column("livemode", Boolean, nullable=False),
    Column("payment_method", Text, ForeignKey("payment_methods.id"), nullable=False),
    Column("processor", Text, nullable=False),
    Column("merchant_account", Text, nullable=False),  # As in processor_tokens.
    Column("token", Text),  # None once the processor has forgotten it, or cannot.
    Column("customer_reference", Text),
    Column("status", Text, nullable=False),  # waiting, done, shared, refused, unsupported, failed
    Column("tries", Integer, nullable=False),
    Column("due_at", Instant),  # When the worker asks next; NULL: never again.
    Column("error", Text),
    Column("created_at", Instant, nullable=False),
    Index("ix_detachments_payment_method", "payment_method"),
    Index(
        "ix_detachments_due",
        "due_at",
        postgresql_where=text("due_at IS NOT NULL"),
        sqlite_where=text("due_at IS NOT NULL"),
    ),
)
"""Tokens of deleted payment methods that their processors have to forget too."""

verifications = Table(
    "verifications",
    metadata,
    Column("id", Text, primary_key=True),
    Column("livemode", Boolean, nullable=False),
    Column("payment_method", Text, ForeignKey("payment_methods.id")),  # None: of a session that has made none yet.
    Column("session", Text),
    Column("merchant_account", Text, nullable=False),
    Column("processor", Text, nullable=False),
    Column("status", Text, nullable=False),  # sending, approved, declined, unknown
    Column("request", LargeBinary),  # As sent, for as long as it may be sent again; without one-time data.
    Column("processor_reference", Text),
    Column("decline", LargeBinary),
    Column("avs", Text),
    Column("cvc", Text),
    Column("idempotency_key", Text),
    Column("requested_by", Text, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("due_at", Instant),  # When the worker asks next; NULL: never again.
    Column("created_at", Instant, nullable=False),
    Column("finished_at", Instant),
    Index("ix_verifications_payment_method", "payment_method", "id"),
    Index(
        "ix_verifications_due",
        "due_at",
        postgresql_where=text("due_at IS NOT NULL"),
        sqlite_where=text("due_at IS NOT NULL"),
    ),
)
"""A card's bank asked whether it is good, without money; its answers about address and security code stand here."""
