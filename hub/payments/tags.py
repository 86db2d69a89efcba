"""What came back with a report of what went along with the operation, held against the hub's own record.

Anybody with a login at the processor can change it there, and some of it is not signed: it is never trusted. Where it
disagrees, that is logged and counted, and stands with the report.
"""

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec
import structlog
from msgspec import Struct

from adapters import tagging
from adapters.contract import Routed
from hub import metrics
from hub.payments.states import OperationState, Payment
from normalization.outcome import Report

_log: Final = structlog.get_logger(__name__)


class _Sent(Struct, frozen=True):
    """What of an attempt's request says where it belongs."""

    routed: Routed | None = None


def compared(
    payment: Payment, operation: OperationState, operations: Iterable[OperationState], report: Report
) -> dict[str, str]:
    """Give those of a report's tags that are others than those the attempt of *operation* went out with."""
    attempt = next((one for one in operations if one.id == operation.attempt_id), operation)
    wrong = disagreeing(report.tags, _went_out(payment, attempt))
    for name in wrong:
        metrics.TAGS_DISAGREEING.labels(name, operation.processor).inc()
    if wrong:
        _log.warning("tags_disagree", operation=operation.id, processor=operation.processor, tags=sorted(wrong))
    return wrong


def disagreeing(told: Mapping[str, str], sent: Mapping[str, str | None]) -> dict[str, str]:
    """List the tags *told* that are others than those *sent*; of what is not among those, nothing is known."""
    return {
        name: value for name, value in told.items() if name in sent and not tagging.is_same(value, sent[name] or "")
    }


def _went_out(payment: Payment, attempt: OperationState) -> dict[str, str | None]:
    known: dict[str, str | None] = {
        tagging.PAYMENT: payment.id,
        tagging.REFERENCE: payment.reference,
        tagging.MERCHANT_ACCOUNT: attempt.merchant_account,
        tagging.ATTEMPT: attempt.id,
    }
    routed = msgspec.json.decode(attempt.request, type=_Sent).routed
    if routed is None:
        return known
    version = None if routed.version is None else str(routed.version)
    rules = {tagging.RULESET: routed.ruleset, tagging.RULESET_VERSION: version, tagging.RULE: routed.rule}
    return known | rules
