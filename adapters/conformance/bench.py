"""Where the first half is tried: the adapter at a server that knows nothing of its processor."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from adapters.conformance import asking
from adapters.conformance.checks import Checks, Half
from adapters.conformance.harness import Harness
from adapters.conformance.stub import Stub, stub
from adapters.conformance.verdict import NonconformingError
from adapters.contract import Adapter, Authorize, Capabilities, Credentials, FollowUp
from adapters.errors import AdapterError
from adapters.transport import Deadlines, Transport
from normalization.money import Currency
from normalization.outcome import OPENING, Operation

DEADLINES: Final = Deadlines(connect=1.0, answer=1.0, total=5.0)
"""Short enough to be waited for, long enough for two resends and a busy machine."""
GRACE_S: Final = 2.0
"""How much later than its deadline a call may end on a busy machine."""

BRIEF: Final = (Operation.PURCHASE, Operation.REFUND)
"""Where a call waits before it is sent again, one of each kind has to do."""


class Bench:
    """One adapter, its server and the requests it is tried with."""

    def __init__(self, harness: Harness, stub: Stub, transport: Transport) -> None:
        """Connect the adapter."""
        self.harness = harness
        self.stub = stub
        self.transport = transport
        self.credentials = harness.credentials(stub.base_url)
        self.adapter = self.connect(self.credentials)
        self.capabilities: Capabilities = harness.registration.capabilities(self.credentials)
        self.currency = _currency(self.capabilities)

    def connect(self, credentials: Credentials, *, livemode: bool = False) -> Adapter:
        """Make an adapter."""
        return self.harness.registration.connect(credentials, self.transport, livemode)

    def request(self, operation: Operation) -> Authorize | FollowUp:
        """Ask for *operation*; a follow-up's payment is made up."""
        if operation in OPENING:
            return asking.opening(operation, self.harness.token, self.currency)
        return asking.follow_up(operation, "made_up_reference", self.currency, minor=asking.PAID_MINOR)

    async def calls(self, operations: tuple[Operation, ...] = tuple(Operation)) -> list[tuple[str, object]]:
        """Ask for every operation once, all together; what each call returned or raised, beside its name."""
        asked = [ended(send(self.adapter, self.request(operation))) for operation in operations]
        return list(zip(map(str, operations), await asyncio.gather(*asked), strict=True))

    async def inquiries(self, operations: tuple[Operation, ...] = tuple(Operation)) -> list[tuple[str, object]]:
        """Inquire about every operation once, all together."""
        asked = [ended(self.adapter.inquire(self.request(operation))) for operation in operations]
        names = [f"inquiry about the {operation}" for operation in operations]
        return list(zip(names, await asyncio.gather(*asked), strict=True))


def _currency(capabilities: Capabilities) -> Currency:
    taken = capabilities.currencies
    return Currency.EUR if taken is None or Currency.EUR in taken else next(iter(taken))


def send(adapter: Adapter, request: Authorize | FollowUp) -> Awaitable[object]:
    """Ask for what *request* is."""
    return adapter.authorize(request) if isinstance(request, Authorize) else adapter.follow_up(request)


async def ended(call: Awaitable[object]) -> object:
    """Give what *call* returned, or the error of `adapters.errors` that it raised.

    Raises:
        NonconformingError: when it raised something else, or did not end by its deadline.
    """
    try:
        async with asyncio.timeout((DEADLINES.total or 0) + GRACE_S):
            return await call
    except AdapterError as failure:
        return failure
    except TimeoutError as late:
        raise NonconformingError(f"a call ends within the transport's total deadline of {DEADLINES.total} s") from late
    except Exception as failure:
        kind = type(failure).__name__
        raise NonconformingError(f"a call raises errors of adapters.errors only; saw {kind}: {failure}") from failure


def kept(call: Callable[[], Any], *allowed: type[Exception]) -> object:
    """Give what *call* returned, or the error of a kind that is allowed.

    Raises:
        NonconformingError: when it raised another.
    """
    try:
        return call()
    except allowed as failure:
        return failure
    except Exception as failure:
        kind = type(failure).__name__
        names = " or ".join(one.__name__ for one in allowed) or "nothing"
        raise NonconformingError(f"raises {names}; saw {kind}: {failure}") from failure


@asynccontextmanager
async def _bench(harness: Harness, _folder: Path) -> AsyncIterator[Bench]:
    async with stub() as server:
        transport = Transport(DEADLINES)
        try:
            yield Bench(harness, server, transport)
        finally:
            await transport.close()


FIRST: Final = Checks(Half.FIRST, _bench)
