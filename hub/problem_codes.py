"""Every reason for which the API does not do as asked: one row each, and docs/errors.md is made from them."""

from typing import Final

from msgspec import Struct


class Code(Struct, frozen=True):
    """What stands behind an error code; `retryable` means that the same request may succeed later."""

    status: int
    title: str
    retryable: bool
    meaning: str


CODES: Final[dict[str, Code]] = {
    "malformed_request": Code(
        400,
        "Malformed request",
        retryable=False,
        meaning="The body or a header cannot be read: not UTF-8, not JSON, a key twice in an object, nested too deep.",
    ),
    "idempotency_key_missing": Code(
        400,
        "Idempotency key missing",
        retryable=False,
        meaning="This request moves money and needs an Idempotency-Key header, so that sending it twice charges once.",
    ),
    "idempotency_key_invalid": Code(
        400,
        "Idempotency key invalid",
        retryable=False,
        meaning="An Idempotency-Key has 1 to 255 visible ASCII characters and holds no card number.",
    ),
    "request_timeout": Code(
        408,
        "Request timeout",
        retryable=True,
        meaning="The body did not arrive in time. Nothing was done; send the request again.",
    ),
    "unauthorized": Code(
        401,
        "Unauthorized",
        retryable=False,
        meaning="The Authorization header holds no valid API key: missing, unknown, revoked or expired.",
    ),
    "forbidden": Code(
        403,
        "Forbidden",
        retryable=False,
        meaning="The API key is valid but may not do this. Ask an admin for a key with the scope.",
    ),
    "not_found": Code(
        404,
        "Not found",
        retryable=False,
        meaning="There is no such address or thing, or it belongs to the other mode (test or live) than the API key.",
    ),
    "method_not_allowed": Code(
        405,
        "Method not allowed",
        retryable=False,
        meaning="This address does not take this HTTP method; see the Allow header.",
    ),
    "not_acceptable": Code(
        406,
        "Not acceptable",
        retryable=False,
        meaning="The Accept header asks for nothing that this address can give; the detail lists what it can.",
    ),
    "idempotency_in_progress": Code(
        409,
        "Request in progress",
        retryable=True,
        meaning="A request with this Idempotency-Key is being carried out. Repeat it after Retry-After for its answer.",
    ),
    "duplicate_reference": Code(
        409,
        "Duplicate reference",
        retryable=False,
        meaning=(
            "Another payment with this reference is open or succeeded, or it failed and was settled all the same: "
            "an open exception tells. Use another reference, settle the exception, or say allow_duplicate_reference."
        ),
    ),
    "secret_being_rotated": Code(
        409,
        "Secret being rotated",
        retryable=False,
        meaning=(
            "The endpoint's previous secret is still valid, and receivers may have no other: it is not pushed out. "
            "Wait until previous_secret_ends_at, say force, or end both with previous_valid_hours 0."
        ),
    ),
    "payment_unresolved": Code(
        409,
        "Payment unresolved",
        retryable=True,
        meaning="The outcome of an operation of this payment is not known yet. Repeat the request after Retry-After.",
    ),
    "payment_not_capturable": Code(
        409,
        "Payment not capturable",
        retryable=False,
        meaning="The payment's status does not allow a capture.",
    ),
    "payment_not_cancelable": Code(
        409,
        "Payment not cancelable",
        retryable=False,
        meaning="The payment's status does not allow a cancel.",
    ),
    "payment_not_refundable": Code(
        409,
        "Payment not refundable",
        retryable=False,
        meaning="The payment's status does not allow a refund.",
    ),
    "payment_disputed": Code(
        409,
        "Payment disputed",
        retryable=False,
        meaning=(
            "The payer's bank claims or has taken money of this payment, which a refund would give back a second time. "
            "Say despite_dispute to ask the processor all the same; once the bank has the money, Stripe refuses, and "
            "Adyen gives back only what is left of the payment."
        ),
    ),
    "dispute_decided": Code(
        409,
        "Dispute decided",
        retryable=False,
        meaning="The dispute has ended: it was won, lost or closed, and nothing can be answered any more.",
    ),
    "dispute_answered": Code(
        409,
        "Dispute answered",
        retryable=False,
        meaning="The dispute was answered already, and the payer's bank or the network decides now.",
    ),
    "dispute_answer_under_way": Code(
        409,
        "Dispute answer under way",
        retryable=True,
        meaning="Another answer to this dispute is on its way to the processor. Read the dispute after Retry-After.",
    ),
    "dispute_not_defendable": Code(
        409,
        "Dispute not defendable",
        retryable=False,
        meaning="The payer's bank takes no answer to this dispute, or its processor takes none through the hub.",
    ),
    "dispute_past_due": Code(
        409,
        "Dispute past due",
        retryable=False,
        meaning="The time to answer this dispute is over.",
    ),
    "payment_not_confirmable": Code(
        409,
        "Payment not confirmable",
        retryable=False,
        meaning="A routing rule refused the payment: there is nothing to confirm.",
    ),
    "exception_not_open": Code(
        409,
        "Exception not open",
        retryable=False,
        meaning="The exception was resolved already, perhaps by somebody else just now. Reopen it first.",
    ),
    "exception_not_resolved": Code(
        409,
        "Exception not resolved",
        retryable=False,
        meaning="The exception is open: there is nothing to reopen.",
    ),
    "approval_decided": Code(
        409,
        "Approval decided",
        retryable=False,
        meaning="It was approved, rejected or expired already. A decision is made once.",
    ),
    "conflict": Code(
        409,
        "Conflict",
        retryable=True,
        meaning="Somebody else changed this at the same moment. Read it again and repeat the request.",
    ),
    "ruleset_unreadable": Code(
        409,
        "Ruleset unreadable",
        retryable=False,
        meaning="The ruleset was stored by another version of the hub, which this one cannot read. Write it anew.",
    ),
    "nothing_to_undo": Code(
        409,
        "Nothing to undo",
        retryable=False,
        meaning="Nothing is scheduled, shadowed or active that could be ended or rolled back to what was there before.",
    ),
    "name_taken": Code(
        409,
        "Name taken",
        retryable=False,
        meaning="Another object of this kind and mode has this name already.",
    ),
    "token_exists": Code(
        409,
        "Token exists",
        retryable=False,
        meaning="This payment method has a token for this processor and merchant account already.",
    ),
    "settlement_not_failed": Code(
        409,
        "Settlement not failed",
        retryable=False,
        meaning="Only a report whose import failed can be retried, and not one that was handed in again since.",
    ),
    "body_too_large": Code(
        413,
        "Body too large",
        retryable=False,
        meaning="The body is larger than this address takes (256 KiB unless stated; docs/settings.md for reports).",
    ),
    "unsupported_media_type": Code(
        415,
        "Unsupported media type",
        retryable=False,
        meaning="Send the body as Content-Type: application/json in UTF-8, a settlement report as text/csv.",
    ),
    "validation_failed": Code(
        422,
        "Validation failed",
        retryable=False,
        meaning="The request can be read, but a field is missing, unknown or not valid.",
    ),
    "idempotency_key_reused": Code(
        422,
        "Idempotency key reused",
        retryable=False,
        meaning="This Idempotency-Key was used for another request. Take a new key for a new request.",
    ),
    "amount_exceeds_authorized": Code(
        422,
        "Amount exceeds authorized",
        retryable=False,
        meaning="More would be captured than is authorized and not captured yet.",
    ),
    "amount_exceeds_captured": Code(
        422,
        "Amount exceeds captured",
        retryable=False,
        meaning="More would be refunded than is captured and not refunded yet.",
    ),
    "amount_not_supported": Code(
        422,
        "Amount not supported",
        retryable=False,
        meaning="The amount cannot be processed, or not in part, for this payment.",
    ),
    "no_merchant_account": Code(
        422,
        "No merchant account",
        retryable=False,
        meaning="No merchant account takes a payment of these facts; `considered` says why for each account.",
    ),
    "session_refused": Code(
        422,
        "Session refused",
        retryable=False,
        meaning="The processor opens no such payment session; `decline` has its reason.",
    ),
    "retry_not_permitted": Code(
        422,
        "Retry not permitted",
        retryable=False,
        meaning=(
            "The card was declined before, and its network forbids to try it now: `rule` says why, `retry_after` until "
            "when (null: for good). Nothing was sent. Use another payment method, wait, or say override_retry_rules."
        ),
    ),
    "card_data_refused": Code(
        422,
        "Card data refused",
        retryable=False,
        meaning="A field holds what looks like a card number. The hub takes tokens only; nothing of it was kept.",
    ),
    "not_a_report": Code(
        422,
        "Not a report",
        retryable=False,
        meaning=(
            "The file's first line names the columns of no report that the account's processor writes; the detail says "
            "which are missing. Nothing was kept."
        ),
    ),
    "not_a_statement": Code(
        422,
        "Not a bank statement",
        retryable=False,
        meaning="The file is neither camt.053 nor a CSV with a bank statement's columns. Nothing was kept.",
    ),
    "too_many_requests": Code(
        429,
        "Too many requests",
        retryable=True,
        meaning="This API key sends faster than its limit. Wait for Retry-After seconds.",
    ),
    "internal_error": Code(
        500,
        "Internal error",
        retryable=True,
        meaning="Something went wrong in the hub; repeat with the same Idempotency-Key.",
    ),
    "merchant_accounts_unavailable": Code(
        503,
        "Merchant accounts unavailable",
        retryable=True,
        meaning="Accounts fit this payment, but all are paused, draining or failing now. Nothing was charged.",
    ),
    "uploads_busy": Code(
        503,
        "Uploads busy",
        retryable=True,
        meaning="So many forms with files are being taken now that this one was not read. Repeat it after Retry-After.",
    ),
    "database_unavailable": Code(
        503,
        "Database unavailable",
        retryable=True,
        meaning="The hub cannot reach its database now. Repeat with the same Idempotency-Key.",
    ),
    "shutting_down": Code(
        503,
        "Shutting down",
        retryable=True,
        meaning="This process is stopping. Repeat with the same Idempotency-Key.",
    ),
}
