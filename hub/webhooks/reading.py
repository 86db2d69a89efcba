"""Reading the deliveries of one subject: what they tell, or what the processor answers when asked about it, is taken.

A delivery is a trigger where its processor can be asked: then the answer is the value, one answer for all deliveries
that it tells of. The signed message itself counts where there is nobody to ask, and where asking failed for long.
"""

import asyncio
from collections.abc import Sequence
from functools import cache
from typing import Final, TypeGuard

import structlog
from msgspec import Struct
from msgspec.structs import replace

from adapters.abilities import Refetches
from adapters.contract import Adapter, Told
from adapters.errors import ConfigurationError, UnclearDeliveryError
from hub import metrics
from hub.erasure.rules import is_erased
from hub.merchants.service import Connected
from hub.payments.saving import AnswerAwaitedError
from hub.payments.shell import Shell
from hub.webhooks.store import Ended, Waiting
from hub.webhooks.taking import IGNORED, UNMATCHED, Taken, take
from normalization.outcome import ActionRequired, Approved, Declined, Pending, Report, Reversed

TRIES_MAX: Final = 10
AGAIN_AFTER_S: Final = (1, 5, 30, 120, 600, 1_800, 3_600, 14_400, 43_200)
"""How long a delivery waits after each try that failed or found no payment."""
FETCH_TRIES: Final = 3
"""How often a processor is asked about a delivery before the delivery itself is believed."""
FETCH_S_MAX: Final = 10.0
BUDGET_PATIENCE_S: Final = 60.0
"""How long a delivery waits for the read budget before it is believed itself: more may come than may be asked about."""
ANSWER_COMES_S: Final = 1.0
"""How long a delivery waits each time for an answer that tells more of its charge."""
BEHIND: Final = "its processor answered of an earlier state than it had told"
FINAL: Final = (Approved, Declined, Reversed)
NO_PAYMENT: Final = "no payment of ours is meant, as far as we know"
_log = structlog.get_logger(__name__)


class Unfetched(Struct, frozen=True):
    """The processor did not answer, for the reason `error`, or could not be asked yet: then come in `again_s`."""

    error: str | None = None
    again_s: float = 0.0


Fetched = Sequence[Told] | Unfetched
"""What the processor answered; nothing at all leaves the message to tell it."""


class Claim(Struct, frozen=True, kw_only=True):
    """What the deliveries share that were claimed together: until when they are in hand, and what was asked."""

    ends: float  # By the event loop's clock.
    fetches: dict[tuple[str, str], "asyncio.Task[Fetched]"]


async def read_subject(shell: Shell, claim: Claim, deliveries: Sequence[Waiting]) -> list[Ended]:
    """Read deliveries of one account and subject, the oldest first; say what becomes of each."""
    connected = await shell.directory.find(deliveries[0].merchant_account)
    ended: list[Ended] = []
    for name, together in _together(connected, deliveries):
        if asyncio.get_running_loop().time() > claim.ends:
            ended += [_not_yet(one, 0.0) for one in together]
        elif name is None or connected is None:
            ended += [await _read(shell, connected, one) for one in together]
        else:
            fetched = await _fetched_once(shell, claim, connected, name)
            ended += await _answered(shell, connected, together, fetched)
    for one in ended:
        if one.again_s is None:
            metrics.DELIVERIES.labels(one.status, connected.account.processor if connected else "").inc()
    return ended


def _together(connected: Connected | None, deliveries: Sequence[Waiting]) -> list[tuple[str | None, list[Waiting]]]:
    """Put those together that one question tells of; None stands for those that are read as they are."""
    parts: list[tuple[str | None, list[Waiting]]] = []
    by_name: dict[str, list[Waiting]] = {}
    for one in deliveries:
        name = _name_of(connected, one)
        if name is not None and name in by_name:
            by_name[name].append(one)
            continue
        parts.append((name, [one]))
        if name is not None:
            by_name[name] = parts[-1][1]
    return parts


def _name_of(connected: Connected | None, one: Waiting) -> str | None:
    if connected is None or one.tries > FETCH_TRIES or not _can_be_asked(connected.adapter):
        return None
    try:
        return connected.adapter.fetched_as(one.delivery)
    except Exception:  # noqa: BLE001 - reading it will fail too, and say why
        return None


def _can_be_asked(adapter: Adapter) -> TypeGuard[Refetches]:
    return _refetches(type(adapter))


@cache
def _refetches(kind: type[Adapter]) -> bool:
    return issubclass(kind, Refetches)  # Asked once of a type: a protocol takes its time.


async def _answered(shell: Shell, connected: Connected, together: Sequence[Waiting], fetched: Fetched) -> list[Ended]:
    """Take what the processor answered once for all of *together*, or each of their messages where it did not."""
    if fetched and not isinstance(fetched, Unfetched):
        try:
            taken = await _take_all(shell, connected, fetched)
        except Exception as failure:  # noqa: BLE001 - one poisoned answer must not keep the others waiting
            return [_failed(one, failure) for one in together]
        return [await _held_against(shell, connected, one, fetched, taken) for one in together]
    ended = []
    for one in together:
        if isinstance(fetched, Unfetched) and fetched.error is not None and one.tries < FETCH_TRIES:
            ended.append(_again(one, "waiting", "parked", fetched.error))
        elif isinstance(fetched, Unfetched) and fetched.again_s and not _is_patient_no_more(shell, one):
            ended.append(_not_yet(one, fetched.again_s))
        else:
            ended.append(await _read(shell, connected, one))
    return ended


async def _held_against(
    shell: Shell, connected: Connected, one: Waiting, fetched: Sequence[Told], taken: Taken
) -> Ended:
    """End a delivery by what was fetched, unless its message knows how it ended and the answer does not yet."""
    if not _is_open(fetched) or not _tells_an_end(connected, one):
        return _ended(one, taken)
    if one.tries < FETCH_TRIES:
        return _again(one, "waiting", "parked", BEHIND)
    return await _read(shell, connected, one)


def _is_open(told: Sequence[Told]) -> bool:
    outcomes = [one.outcome for one in told if isinstance(one, Report)]
    return bool(outcomes) and all(isinstance(outcome, Pending | ActionRequired) for outcome in outcomes)


def _tells_an_end(connected: Connected, one: Waiting) -> bool:
    try:
        told = connected.adapter.read_delivery(one.delivery)
    except Exception:  # noqa: BLE001 - it was looked up because it need not be readable itself
        return False
    return any(isinstance(said, Report) and isinstance(said.outcome, FINAL) for said in told)


def _is_patient_no_more(shell: Shell, one: Waiting) -> bool:
    return (shell.clock() - one.received_at).total_seconds() > BUDGET_PATIENCE_S


async def _fetched_once(shell: Shell, claim: Claim, connected: Connected, name: str) -> Fetched:
    key = connected.account.id, name
    if key not in claim.fetches:
        claim.fetches[key] = asyncio.create_task(_fetch(shell, connected, name))
    return await claim.fetches[key]


async def _fetch(shell: Shell, connected: Connected, name: str) -> Fetched:
    adapter, processor = connected.adapter, connected.account.processor
    if not _can_be_asked(adapter):
        return ()
    async with shell.reads.of(connected.account.id).question() as wait_s:
        if wait_s:
            metrics.READS.labels("over_budget", processor).inc()
            return Unfetched(again_s=wait_s)
        try:
            async with asyncio.timeout(min(FETCH_S_MAX, shell.settings.request_ms / 1000)):
                told = await adapter.fetch(name)
        except ConfigurationError as failure:
            _log.error("processor_refuses_account", processor=processor, failure=str(failure))
            metrics.READS.labels("refused", processor).inc()
            return ()
        except Exception as failure:  # noqa: BLE001 - whatever it is, the message itself is left
            _log.warning("delivery_not_fetched", processor=processor, name=name, failure=str(failure))
            metrics.READS.labels("failed", processor).inc()
            return Unfetched(error=f"its processor did not answer: {type(failure).__name__}")
    metrics.READS.labels("fetched", processor).inc()
    return told


async def _read(shell: Shell, connected: Connected | None, one: Waiting) -> Ended:
    if is_erased(one.delivery.body):
        return Ended(waiting=one, status="ignored", tries=one.tries)
    try:
        if connected is None:
            raise LookupError(f"merchant account {one.merchant_account} is gone")  # noqa: TRY301 - told like the rest
        taken = await _take_all(shell, connected, connected.adapter.read_delivery(one.delivery))
    except Exception as failure:  # noqa: BLE001 - one poisoned delivery must not keep the others waiting
        return _failed(one, failure)
    return _ended(one, taken)


async def _take_all(shell: Shell, connected: Connected, told: Sequence[Told]) -> Taken:
    """Take up all of it; unmatched where any of it is, so that it is looked at again."""
    all_taken = [await take(shell, connected, one) for one in told]
    if unmatched := [taken for taken in all_taken if taken.status == "unmatched"]:
        return next((taken for taken in unmatched if taken.concern is not None), UNMATCHED)
    done = [taken for taken in all_taken if taken.status == "done"]
    named = [taken for taken in done if taken.payment_id is not None]
    return next(iter((*named, *done)), IGNORED)


def _ended(one: Waiting, taken: Taken) -> Ended:
    if taken.status == "unmatched":
        ended = _again(one, "unmatched", "unmatched", NO_PAYMENT)
        return ended if ended.again_s is not None else replace(ended, concern=taken.concern)
    return Ended(waiting=one, status=taken.status, tries=one.tries, payment_id=taken.payment_id)


def _failed(one: Waiting, failure: Exception) -> Ended:
    if isinstance(failure, AnswerAwaitedError):
        return _not_yet(one, ANSWER_COMES_S)
    _log.warning("delivery_failed", delivery=one.id, tries=one.tries, exc_info=failure)
    if isinstance(failure, UnclearDeliveryError):
        return Ended(waiting=one, status="parked", tries=one.tries, error=str(failure))
    return _again(one, "waiting", "parked", type(failure).__name__)


def _again(one: Waiting, status: str, in_the_end: str, why: str) -> Ended:
    if one.tries >= TRIES_MAX:
        # What is unmatched is read again whenever more is told of its subject: only claims that never end count on.
        return Ended(waiting=one, status=in_the_end, tries=TRIES_MAX, error=why)
    seconds = AGAIN_AFTER_S[min(one.tries, len(AGAIN_AFTER_S)) - 1]
    return Ended(waiting=one, status=status, tries=one.tries, error=why, again_s=seconds)


def _not_yet(one: Waiting, seconds: float) -> Ended:
    """Put off what was not looked at: that costs no try."""
    return Ended(waiting=one, status="waiting", tries=one.tries - 1, again_s=seconds)
