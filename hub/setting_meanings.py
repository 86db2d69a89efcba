"""What each setting means, in the words of docs/settings.md."""

from typing import Final

SETTINGS: Final[dict[str, str]] = {
    "database_url": "`sqlite:///file` or `postgresql://user:password@host/name`.",
    "redis_url": "`redis://host:port`: shared limits, health and wake-ups. Nothing is lost without it.",
    "database_connections_max": "Connections to PostgreSQL that the charge path of one process holds at most.",
    "payment_methods_remembered_max": "Payment methods that a process remembers, so that the next charge of one reads "
    "nothing first; the charge's own commit finds out whether it has changed. 0 remembers none.",
    "host": "The address `hub serve` listens on.",
    "port": "The port `hub serve` listens on.",
    "worker_metrics_port": "The port on which `hub worker` answers `/metrics`, at the address of `HUB_HOST`. 0: none.",
    "public_url": "The hub's address as payers' browsers and processors reach it: `/return`, `/redirect`, `/webhooks`.",
    "keys": "Keys that seal what is secret, as `id:base64,…` of 32 bytes each. The first seals, all of them open; "
    "docs/security.md says how to rotate them.",
    "development": "Answers for a machine of one's own: sealing with the public key, sandboxes on loopback.",
    "connect_ms": "How long connecting to a processor may take.",
    "answer_ms": "How long a processor may take to answer. After that the outcome is unknown and inquired about.",
    "request_ms": "How long a charge may take in all.",
    "next_attempt_needs_ms": "How much of that must be left to begin an attempt at another account.",
    "lease_ms": "How long an attempt belongs to the process that sends it. After that it counts as unknown.",
    "inquiry_first_ms": "How soon an unknown outcome is first asked about, and how often reading a payment may ask. "
    "The further questions come after 3, 12, 60, 360, 1440, 5760 and 17280 times as long.",
    "drain_ms": "How long `hub serve` goes on serving once it is told to stop, no longer ready: long enough for what "
    "sends it requests to notice. 0 stops at once.",
    "shutdown_ms": "How long a stopping process waits for what it has begun.",
    "body_read_ms": "How long a request's body may take to arrive.",
    "body_max_bytes": "The largest body of an API request.",
    "webhook_body_max_bytes": "The largest body of a processor's webhook.",
    "settlement_file_max_bytes": "The largest settlement report, unpacked.",
    "rate_limit_per_minute": "Requests that one API key may send in a minute, over all processes.",
    "webhook_reads_per_second": "How often one worker asks a processor what its webhooks are about, for each merchant "
    "account. Stripe takes 25 reads a second in test mode and 100 in live mode, all together.",
    "snapshot_poll_ms": "How often a process looks for changed accounts and rules when Redis does not tell it.",
    "api_key_cache_ms": "How long a process may go on to take an API key that another process has revoked.",
    "challenge_minutes": "How long a payment waits for its payer before it is cancelled at the processor.",
    "replay_present_minutes": "How long after an attempt it may be sent again, when the payer was present.",
    "replay_off_session_hours": "How long after an attempt it may be sent again, when the payer was not present.",
    "idempotency_days": "How long an Idempotency-Key and its answer are kept.",
    "webhook_catch_up_minutes": "How often a processor's list of what it could not deliver is read.",
    "evidence_due_days": "How many days before the evidence on a dispute is due applications are told so, by "
    "`dispute.evidence_due`.",
    "failover_insufficient_funds": "Whether a decline for insufficient funds is tried at another processor.",
    "decline_policy": "What you ask beyond the hub's rules after a decline, as JSON over canonical codes: `never` "
    "(advise no further try), `wait_hours` (advise to wait so long at least), `no_failover` (try no other processor). "
    "It can only be stricter than docs/declines.md.",
    "delivery_ms": "How long an endpoint may take to answer a delivery, from the look-up of its name to the last byte.",
    "approvals": "What needs a second person, as JSON: `refund` and `exception_transfer` (the most that passes "
    "without, by currency; one that is missing passes never), `ruleset_activation` in live mode and `credentials` "
    "(`true`). docs/exceptions.md has an example.",
    "approval_hours": "How long something waits for a second person before it expires.",
    "endpoint_networks": "Networks inside, as `127.0.0.0/8,10.20.0.0/16`, that deliveries of test mode may go to "
    "besides public addresses; `hub dev` allows loopback. Live mode sends to public addresses only.",
}
