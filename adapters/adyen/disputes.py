"""What Adyen's webhooks tell of disputes, in the hub's words; pure.

Money and outcome are read from signed fields alone. What is not signed (additionalData) explains: the reason, the time
left, and whether an answer is still ours to give.
Source: https://docs.adyen.com/risk-management/disputes-api/dispute-notifications and the descriptions of the events in
https://docs.adyen.com/api-explorer/Webhooks/1/overview.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from msgspec import Struct

from adapters.adyen import amounts
from adapters.adyen.codes import brand_of
from adapters.adyen.dispute_reasons import reason_of
from adapters.adyen.wire import Item
from adapters.contract import ATTEMPT_PREFIX
from normalization.disputes import DisputeReport, DisputeStatus, FundsMovement, Stage
from normalization.money import Money

SHOWN_MAX: Final = 80
"""How much of an unsigned text is taken, in characters."""


class Word(Struct, frozen=True):
    """What an event says by its name: how far the dispute is, and whether it takes the money or gives it back."""

    stage: Stage
    status: DisputeStatus
    takes: bool = False
    gives_back: bool = False
    accepted: bool = False


_INQUIRY, _CHARGEBACK, _ARBITRATION = Stage.INQUIRY, Stage.CHARGEBACK, Stage.ARBITRATION
_OURS, _THEIRS = DisputeStatus.NEEDS_RESPONSE, DisputeStatus.UNDER_REVIEW
_WON, _LOST = DisputeStatus.WON, DisputeStatus.LOST

WORDS: Final[dict[str, Word]] = {
    "REQUEST_FOR_INFORMATION": Word(_INQUIRY, _OURS),
    "NOTIFICATION_OF_CHARGEBACK": Word(_CHARGEBACK, _OURS),  # The money goes some days later.
    "CHARGEBACK": Word(_CHARGEBACK, _OURS, takes=True),
    "INFORMATION_SUPPLIED": Word(_CHARGEBACK, _THEIRS),
    # The money is back as soon as the defense is sent on; the bank may still take it again.
    "CHARGEBACK_REVERSED": Word(_CHARGEBACK, _THEIRS, gives_back=True),
    "ISSUER_RESPONSE_TIMEFRAME_EXPIRED": Word(_CHARGEBACK, _WON),
    "DISPUTE_DEFENSE_PERIOD_ENDED": Word(_CHARGEBACK, _LOST, accepted=True),
    "SECOND_CHARGEBACK": Word(_ARBITRATION, _LOST, takes=True),
    "PREARBITRATION_OPEN": Word(_ARBITRATION, _OURS),
    # Whose answer these two are, Adyen does not say: what comes of it is told by an event of its own.
    "PREARBITRATION_ACCEPTED": Word(_ARBITRATION, _THEIRS),
    "PREARBITRATION_DECLINED": Word(_ARBITRATION, _THEIRS),
    "PREARBITRATION_ISSUER_WITHDRAWN": Word(_ARBITRATION, _WON),
    "PREARBITRATION_WON": Word(_ARBITRATION, _WON),
    "PREARBITRATION_LOST": Word(_ARBITRATION, _LOST),
    "SCHEME_ARBITRATION": Word(_ARBITRATION, _THEIRS),
    "SCHEME_ARBITRATION_WON": Word(_ARBITRATION, _WON),
    "SCHEME_ARBITRATION_LOST": Word(_ARBITRATION, _LOST),
}
"""By eventCode.

Three of them move money, the three that Adyen's settlement reports book: Chargeback, ChargebackReversed and
SecondChargeback (https://docs.adyen.com/reporting/settlement-reconciliation/transaction-level/settlement-details-report).
What a won or lost arbitration moves comes as one of these.
"""

OF_EITHER: Final = frozenset({"INFORMATION_SUPPLIED", "DISPUTE_DEFENSE_PERIOD_ENDED"})
"""What follows on an inquiry as well as on a chargeback."""

OPEN: Final = {"Unresponded": _OURS, "Undefended": _OURS, "Responded": _THEIRS, "Pending": _THEIRS}
"""The disputeStatus that tells whose turn it is while nothing is decided; it is not signed and decides nothing."""


def read(item: Item, *, livemode: bool) -> list[DisputeReport]:
    """Tell of a dispute; empty for an event that speaks of none, or of what did not happen.

    Raises:
        ValueError: when money was moved and the amount is missing or cannot be expressed in the hub's money.
    """
    word = WORDS.get(item.event_code)
    if word is None or item.success != "true":
        return []
    facts = item.additional_data or {}
    code = _reason_code(facts)
    network_code = (code or "").strip() or None
    return [
        DisputeReport(
            processor_reference=item.psp_reference,
            parent_reference=item.original_reference or item.psp_reference,
            tag=_tag(item.merchant_reference),
            livemode=livemode,
            stage=_stage(item, word, facts),
            status=_status(item, word, facts),
            money=None if item.amount is None else amounts.from_wire(item.amount),
            reason=reason_of(_network(item, facts), network_code),
            processor_reason=code,
            network_reason=network_code,
            evidence_due_at=_instant(facts.get("defensePeriodEndsAt")),
            defendable=_flag(facts.get("defendable")),
            accepted=word.accepted and _stage(item, word, facts) is not _INQUIRY,
            movements=_movements(item, word),
            raw_status=f"{item.event_code} {_text(facts.get('disputeStatus'))}".strip(),
        )
    ]


def _movements(item: Item, word: Word) -> tuple[FundsMovement, ...]:
    """Give what was moved; its key holds the signed fields by which Adyen itself knows duplicates.

    Source: https://docs.adyen.com/development-resources/webhooks/handle-webhook-events
    """
    if not (word.takes or word.gives_back):
        return ()
    if item.amount is None or item.amount.value < 0:
        msg = f"{item.event_code} moved money and its amount cannot be read: look it up at Adyen and book it by hand"
        raise ValueError(msg)
    money: Money = amounts.from_wire(item.amount)
    key = f"{item.psp_reference}:{item.event_code}"
    return (FundsMovement(key=key, money=money, reinstated=word.gives_back),) if money.minor else ()


def _stage(item: Item, word: Word, facts: Mapping[str, object]) -> Stage:
    """Answers and missed answers may be to an inquiry: then the codes beside them are an inquiry's."""
    return _INQUIRY if item.event_code in OF_EITHER and _is_inquiry(facts) else word.stage


def _is_inquiry(facts: Mapping[str, object]) -> bool:
    return "rfiReasonCode" in facts or "rfiSchemeCode" in facts


def _status(item: Item, word: Word, facts: Mapping[str, object]) -> DisputeStatus:
    """Say whose turn it is; what is decided is decided by the event's name. An inquiry takes nothing, and so ends."""
    if word.status is _LOST and _stage(item, word, facts) is _INQUIRY:
        return DisputeStatus.CLOSED
    if word.status not in (_OURS, _THEIRS):
        return word.status
    if _flag(facts.get("autoDefended")):
        return _THEIRS
    return OPEN.get(_text(facts.get("disputeStatus")), word.status)


def _reason_code(facts: Mapping[str, object]) -> str | None:
    told = facts.get("chargebackReasonCode") or facts.get("rfiReasonCode")
    return told[:SHOWN_MAX] if isinstance(told, str) else None


def _network(item: Item, facts: Mapping[str, object]) -> str | None:
    told = facts.get("chargebackSchemeCode") or facts.get("rfiSchemeCode")
    return brand_of(told) or brand_of(item.payment_method)


def _tag(reference: str | None) -> str | None:
    """Find our attempt: what is disputed is what it took, by itself or by the capture that it needed."""
    return reference.partition(":")[0] if reference and reference.startswith(ATTEMPT_PREFIX) else None


def _instant(told: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(told) if isinstance(told, str) else None
        return at.astimezone(UTC) if at is not None and at.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def _flag(told: object) -> bool | None:
    return {"true": True, "false": False}.get(told.lower()) if isinstance(told, str) else None


def _text(told: object) -> str:
    return told[:SHOWN_MAX] if isinstance(told, str) else ""
