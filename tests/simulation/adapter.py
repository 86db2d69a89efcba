"""The adapter contract over a pretend processor that is at hand: each call may go wrong in every way a network has."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec
from msgspec import Struct

from adapters.abilities import SettlementReport
from adapters.contract import (
    AmountRange,
    Authorize,
    Capabilities,
    Complete,
    Credentials,
    Delivery,
    FollowUp,
    Inquiry,
    Registration,
    Told,
    Webhook,
)
from adapters.errors import ConfigurationError, NotSentError, OutcomeUnknownError, WebhookRejectedError
from normalization.outcome import OPENING, Operation, Report
from tests.simulation.faults import CALL, CRASH, Fault
from tests.simulation.processors import ARRIVES_MAX_S, LAG_MAX_S, NORTH, SOUTH, Processor
from tests.simulation.reports import open_report

if TYPE_CHECKING:
    from tests.simulation.instance import Instance

T = TypeVar("T")
GRACE: Final = timedelta(seconds=ARRIVES_MAX_S + LAG_MAX_S + 30)
SIGNATURE: Final = "signed by the processor"
_ANSWER_S: Final = 25.0
_CHARGED: Final = frozenset({Fault.SILENT_AFTER, Fault.RESET_AFTER, Fault.ERROR_AFTER, Fault.GARBLED, Fault.KEY_IN_USE})


class Notice(Struct, frozen=True, kw_only=True):
    """One message of a processor, before it is sent."""

    key: str
    subject: str
    told: Report


class SimulatedAdapter:
    """One account at one processor, as one process of the hub sees it."""

    def __init__(self, owner: "Instance", processor: Processor, *, looks_up: bool) -> None:
        self._owner = owner
        self._world = owner.world
        self._processor = processor
        self._looks_up = looks_up

    async def authorize(self, request: Authorize) -> Report:
        life = self._world.life_of(request.reference)
        return await self._call("charge.call", life, request.operation_id, lambda: self._processor.open(request, life))

    async def complete(self, request: Complete) -> Report:
        life = self._world.life_of(request.request.reference)
        result = request.returned.get("result")
        operation = request.request.operation_id
        return await self._call(
            "challenge.call", life, operation, lambda: self._processor.finish(operation, result), asks=True
        )

    async def follow_up(self, request: FollowUp) -> Report:
        life = self._world.life_of(request.reference)
        step = f"{request.operation}.call"
        return await self._call(step, life, request.operation_id, lambda: self._processor.follow(request, life))

    async def inquire(self, request: Authorize | FollowUp) -> Report | None:
        life = self._world.life_of(request.reference)

        def answer() -> Report | None:
            if self._looks_up:
                return self._processor.find(request)
            if isinstance(request, FollowUp):
                return self._processor.follow(request, life)
            return self._processor.open(request, life)

        if isinstance(request, Authorize) and not self._looks_up:
            self._world.watch.replays(request.operation_id, life)
        return await self._call("inquiry.call", life, request.operation_id, answer, asks=True)

    async def cancel_by_reference(self, request: Authorize) -> None:
        await self._owner.awaiting()
        self._processor.cancel(request.operation_id)
        await self._owner.awaiting()

    def open_webhook(self, webhook: Webhook) -> list[Delivery]:
        if webhook.headers.get("signature") != SIGNATURE:
            raise WebhookRejectedError(self._processor.name, "the signature is not ours")
        notices = msgspec.json.decode(webhook.body, type=list[Notice])
        return [
            Delivery(
                key=notice.key,
                subject=notice.subject,
                account=None,
                livemode=False,
                body=msgspec.json.encode(notice.told),
            )
            for notice in notices
        ]

    def read_delivery(self, delivery: Delivery) -> list[Told]:
        return [msgspec.json.decode(delivery.body, type=Report)]

    def open_report(self, header: Sequence[str]) -> SettlementReport:
        return open_report(header)

    async def _call(self, step: str, life: int, operation: str, act: Callable[[], T], *, asks: bool = False) -> T:
        """Send a request; where it only *asks*, no failure says anything of what it asks about."""
        try:
            answer = await self._sent(step, life, act, asks=asks)
        except asyncio.CancelledError:
            if self._owner.hung_up():
                self._world.watch.broken_off(step, operation)
            raise
        if answer is not None:
            self._world.watch.hears(self._owner, step, operation)
        return answer

    async def _sent(self, step: str, life: int, act: Callable[[], T], *, asks: bool) -> T:
        await self._owner.awaiting()
        fault = self._world.struck(life, step, CALL | CRASH)
        self._world.tell(
            f"{self._owner.name} calls {self._processor.name}: {step} of {life}" + (f", {fault}" if fault else "")
        )
        if fault is Fault.STALLED:
            self._owner.freeze()
        if fault is None or fault is Fault.STALLED:
            await self._pass(0.2)
            answer = act()
            await self._pass(4.0 if self._world.takes_its_time(life) else 0.2)
            return answer
        if fault in CRASH:
            await self._crash(fault, act)
        await self._fail(fault, act, asks=asks)
        raise AssertionError(f"{fault} ends every call")

    async def _crash(self, fault: Fault, act: Callable[[], Any]) -> None:
        if fault is Fault.CRASH_BEFORE:
            self._owner.kill()
        await self._pass(0.2)
        act()
        if fault is Fault.CRASH_AFTER:
            await self._pass(0.2)
        self._owner.kill()

    async def _fail(self, fault: Fault, act: Callable[[], Any], *, asks: bool) -> None:
        name = self._processor.name
        await self._pass(0.2)
        if fault is Fault.ARRIVES_LATE:
            self._world.loop.call_later(self._world.random.random() * ARRIVES_MAX_S, act)
        if fault in _CHARGED or fault is Fault.HANGS_AFTER:
            act()
        if fault is Fault.HANGS_AFTER:
            await asyncio.sleep(10 * _ANSWER_S)
        if fault in {Fault.SILENT_BEFORE, Fault.SILENT_AFTER, Fault.ARRIVES_LATE}:
            await asyncio.sleep(_ANSWER_S)
        self._owner.check()
        if not asks and fault in {Fault.REFUSED, Fault.RATE_LIMITED}:
            raise NotSentError(name, fault)
        if not asks and fault is Fault.UNAUTHORIZED:
            raise ConfigurationError(name, fault)
        raise OutcomeUnknownError(name, fault)

    async def _pass(self, seconds: float) -> None:
        await asyncio.sleep(self._world.random.random() * seconds)
        self._owner.check()


def registrations(owner: "Instance") -> Mapping[str, Registration[Any]]:
    """Give both processors' adapters to one process of the hub."""
    replays = owner.world.options.replay
    return {
        NORTH: _registration(owner, NORTH, looks_up=True),
        SOUTH: _registration(owner, SOUTH, looks_up=not replays),
    }


def _registration(owner: "Instance", name: str, *, looks_up: bool) -> Registration[Any]:
    able = Capabilities(
        currencies=None,
        amounts=AmountRange(),
        partial_capture=True,
        multiple_captures=False,
        inquiry=Inquiry.LOOKUP if looks_up else Inquiry.REPLAY,
        replay_for=timedelta(days=7),
        lookup_grace=GRACE,
        pending_max=timedelta(days=5),
        replay_re_answers=True,
        too_many_requests_not_executed=True,
        documentation="https://processor.example",
    )
    processor = owner.world.processors[name]
    return Registration(
        processor=name,
        credentials=Credentials,
        connect=lambda _credentials, _transport, _livemode: SimulatedAdapter(owner, processor, looks_up=looks_up),
        capabilities=lambda _credentials: able,
        check=lambda _credentials, _livemode: [],
    )


def kind_of(operation: Operation) -> str:
    """Name the step of an operation."""
    return "charge" if operation in OPENING else str(operation)
