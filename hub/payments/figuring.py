"""What an attempt's beginning and end tell routing's figures; whatever goes wrong here must not touch a charge."""

import msgspec
import structlog
from msgspec.structs import replace

from hub.figures.days import Attempt
from hub.figures.rules import outcome_of, took_nothing, was_declined
from hub.figures.windows import Subjects, subjects_of
from hub.payments.shell import Shell
from hub.payments.states import OperationState, Payment
from normalization.outcome import OPENING
from routing.facts import Facts
from routing.plan import Snapshot

_log = structlog.get_logger(__name__)


async def with_counts(shell: Shell, facts: Facts, payment_method: str | None, known: Snapshot) -> Facts:
    """Add to *facts* how often it was tried before, where rules of *known* ask for that and are asked themselves."""
    if facts.merchant_account is not None:
        return facts
    counted = await shell.figures.seen(known, subjects_of(facts, payment_method))
    return replace(facts, counted=counted) if counted else facts


def began(shell: Shell, payment: Payment, attempt: OperationState) -> None:
    """Count an attempt that goes out."""
    try:
        _, subjects = _facts(payment)
        shell.figures.begun(attempt.id, _taking(attempt), attempt.started_at, subjects)
    except Exception:  # noqa: BLE001 - see above
        _log.exception("attempt_not_counted", operation=attempt.id)


def ended(shell: Shell, payment: Payment, before: OperationState, after: OperationState) -> None:
    """Count how an attempt ended; other operations, and steps that end nothing, are passed over."""
    if after.kind not in OPENING or before.status is after.status:
        return
    try:
        facts, subjects = _facts(payment)
        shell.figures.ended(
            after.id,
            _taking(after),
            after.started_at,
            subjects,
            outcome_of(facts, before, after),
            declined=was_declined(before, after),
            took_nothing=took_nothing(before, after),
        )
    except Exception:  # noqa: BLE001 - see above
        _log.exception("outcome_not_counted", operation=after.id)


def _taking(attempt: OperationState) -> Attempt:
    return Attempt(attempt.merchant_account, attempt.money)


def _facts(payment: Payment) -> tuple[Facts, Subjects]:
    facts = msgspec.json.decode(payment.facts, type=Facts)
    return facts, subjects_of(facts, payment.payment_method)
