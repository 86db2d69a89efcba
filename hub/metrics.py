"""What the hub counts, for Prometheus; names and labels are the words of the API."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

OPERATIONS: Final = Counter(
    "hub_operations", "Operations that got a status, by what told it.", ("kind", "status", "processor", "source")
)
OPERATION_SECONDS: Final = Histogram(
    "hub_operation_seconds",
    "How long processors took to answer.",
    ("kind", "processor"),
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 28),
)
DECLINES: Final = Counter("hub_declines", "Declines, by canonical code.", ("code", "processor"))
UNKNOWN_DECLINE_CODES: Final = Counter(
    "hub_unknown_decline_codes", "Declines whose code stands in no table of the adapter.", ("processor",)
)
EXCEPTIONS: Final = Counter("hub_exceptions", "Disagreements that a human must settle.", ("type",))
LEDGER_FINDINGS: Final = Gauge(
    "hub_ledger_findings", "What the last daily check of the books found wrong; anything above 0 is an alarm."
)
REPORT_FINDINGS: Final = Gauge(
    "hub_report_findings",
    "Accounts and currencies whose outstanding money in reports is not the ledger's; anything above 0 is an alarm.",
    ("livemode",),
)
EXCEPTIONS_OPEN: Final = Gauge(
    "hub_exceptions_open", "Exceptions that wait for a human.", ("type", "severity", "livemode")
)
EXCEPTIONS_OVERDUE: Final = Gauge(
    "hub_exceptions_overdue", "Exceptions that have waited longer than their severity allows.", ("severity", "livemode")
)
FAILOVERS: Final = Counter("hub_failovers", "Attempts passed over for another account.", ("reason",))
SHADOWED: Final = Counter(
    "hub_routing_shadowed", "Payments planned by a shadow ruleset too, by how its plan differs.", ("verdict",)
)
RULESETS_UNREADABLE: Final = Gauge(
    "hub_rulesets_unreadable", "Rulesets that decide, or are to, and that this process cannot read."
)
ACCOUNTS_LEFT_OUT: Final = Gauge(
    "hub_merchant_accounts_left_out", "Merchant accounts that this process cannot connect, and so does not use."
)
TAGS_DISAGREEING: Final = Counter(
    "hub_tags_disagreeing", "Tags that came back from a processor other than they went out.", ("tag", "processor")
)
INQUIRIES: Final = Counter("hub_inquiries", "What was done about operations that were due.", ("step",))
DELIVERIES: Final = Counter(
    "hub_webhook_deliveries", "Deliveries read, by what became of them.", ("status", "processor")
)
READS: Final = Counter(
    "hub_webhook_reads", "What came of asking processors what their deliveries are about.", ("result", "processor")
)
OTHER_VERSIONS: Final = Counter(
    "hub_webhook_other_api_versions",
    "Deliveries of an API version that the adapter was not written for.",
    ("merchant_account", "version"),
)
CAUGHT_UP: Final = Counter(
    "hub_webhook_caught_up",
    "Deliveries that a processor could not make, and that were read from its list of events.",
    ("merchant_account",),
)
DETACHMENTS: Final = Counter("hub_detachments", "Tokens that processors were to forget.", ("status", "processor"))
VERIFICATIONS: Final = Counter("hub_verifications", "Cards verified without charging them.", ("status", "processor"))
UNKNOWN_SECONDS: Final = Gauge(
    "hub_unknown_seconds", "How long ago the oldest operation was begun whose outcome is not known; 0 where none is."
)
LOOP_LATE_SECONDS: Final = Histogram(
    "hub_loop_late_seconds",
    "How late a process comes back to what wants to go on, measured four times a second.",
    buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)
REPLAYS: Final = Counter("hub_idempotent_replays", "Requests that were answered from their key.")
MASKED: Final = Counter("hub_masked_card_numbers", "Card numbers masked in what processors told.")
CIRCUIT_OPEN: Final = Gauge("hub_circuit_open", "1 while no new payments go to an account.", ("merchant_account",))
SETTLEMENT_LINES: Final = Counter(
    "hub_settlement_lines", "Rows of settlement reports, by what an import made of them.", ("status",)
)
SETTLEMENT_ROWS_PER_SECOND: Final = Gauge(
    "hub_settlement_rows_per_second", "How fast the last rows of a settlement report were imported."
)
SETTLEMENT_WAITING_SECONDS: Final = Gauge(
    "hub_settlement_waiting_seconds", "How long ago the oldest report came whose import has not ended."
)
SETTLEMENT_OFF: Final = Counter(
    "hub_settlement_off",
    "Minor units by which imported lines do not add up: gross less fee and net, what was booked, what a payout paid.",
    ("check",),
)
AUDIT_UNSEALED_SECONDS: Final = Gauge(
    "hub_audit_unsealed_seconds",
    "How long ago the oldest row of the audit log was written that was not chained at the last look.",
)
UNPUBLISHED_SECONDS: Final = Gauge(
    "hub_events_unpublished_seconds", "How long ago the oldest event was written that had no position at the last look."
)
EVENT_DELIVERIES: Final = Counter(
    "hub_event_deliveries", "Tries to deliver events to endpoints, by what became of the delivery.", ("status",)
)
EVENT_DELIVERY_SECONDS: Final = Histogram(
    "hub_event_delivery_seconds",
    "How long endpoints took to answer.",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15),
)
ENDPOINTS_DISABLED: Final = Counter("hub_endpoints_disabled", "Endpoints that said they are gone.")
