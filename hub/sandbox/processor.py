"""What one pretend processor brings, and what it finds: book, clock, faults, deliveries and request log."""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from aiohttp import web
from msgspec import Struct

from hub.sandbox.book import Body, Book
from hub.sandbox.clock import Clock
from hub.sandbox.deliveries import Deliveries, Signed
from hub.sandbox.faults import Act, Answer, Faults

if TYPE_CHECKING:
    from hub.sandbox.batches import Batch
    from hub.sandbox.closing import Close

REQUESTS_KEPT_MAX = 1000


class RefusedError(Exception):
    """The dashboard cannot do what was asked; the message says why."""


class Order(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    What somebody does by hand in the processor's dashboard, or the payer's bank behind it.

    `do` is one of the processor's `orders`, `processor_reference` what it is about. `amount` is in the processor's
    minor units; without it, all that is left. `options` are the processor's.
    """

    do: str
    processor_reference: str
    amount: int | None = None
    options: dict[str, Any] = {}


class Processor(Protocol):
    """One pretend processor; everything it remembers is in the sandbox's book."""

    @property
    def name(self) -> str:
        """The processor's name, as the command line has it."""
        ...

    @property
    def retry_delays_s(self) -> tuple[float, ...]:
        """How long after each failed delivery the next try comes; after the last, it is given up."""
        ...

    @property
    def webhook_timeout_s(self) -> float:
        """How long a receiver may take to answer."""
        ...

    @property
    def orders(self) -> tuple[str, ...]:
        """What the dashboard can be told to do."""
        ...

    @property
    def forgeries(self) -> tuple[str, ...]:
        """The ways in which a delivery can be forged; the first is the usual one."""
        ...

    def credentials(self, account: str, url: str) -> Body:
        """
        Return what a hub's merchant account needs to reach *account* of this processor at *url*.

        `webhook_secret` and `base_url` are always among it. The same account always has the same.
        """
        ...

    def routes(self, sandbox: "Sandbox") -> Sequence[web.RouteDef]:
        """Return the processor's own endpoints, each answering through `faults.answer`."""
        ...

    def sign(self, body: bytes, settings: Body, at: float, *, forged: str = "") -> Signed:
        """Sign a delivery as the processor does, or forge it: *forged* is one of `forgeries`. *at* is real time."""
        ...

    def rate_limited(self) -> Answer:
        """Return the processor's own "too many requests"; nothing was done."""
        ...

    def server_error(self) -> Answer:
        """Return the processor's own 500."""
        ...

    def key_in_use(self) -> Answer:
        """Return the answer to a second request while the first with its idempotency key is at work."""
        ...

    def failed_after(self, sandbox: "Sandbox", act: Act, answer: Answer) -> None:
        """Remember that a request that was carried out was answered with a 500, where the processor would."""
        ...

    def dashboard(self, sandbox: "Sandbox", order: Order) -> Body:
        """
        Carry out an order from the dashboard; return the object it made.

        Raises:
            RefusedError: when the payment is unknown or not in a state for it.

        """
        ...

    def due(self, sandbox: "Sandbox", job: Body) -> None:
        """Do what `Sandbox.later` put off; called in a transaction, once."""
        ...

    @property
    def reports(self) -> tuple[str, ...]:
        """The kinds of report that there are of a batch; the first is the usual one."""
        ...

    def close(self, sandbox: "Sandbox", order: "Close") -> "Batch":
        """
        Settle what an account has to settle, pay it out and tell of it.

        Raises:
            RefusedError: when there is nothing to pay out.

        """
        ...

    def report(self, sandbox: "Sandbox", batch: "Batch", kind: str) -> str:
        """Return a batch's report of one of the kinds in `reports`, as CSV."""
        ...


class Sandbox:
    """A pretend processor at work."""

    def __init__(self, processor: Processor, book: Book) -> None:
        """Open shop over *book*, with whatever it remembers."""
        self.processor = processor
        self.book = book
        self.clock = Clock(book)
        self.faults = Faults(book)
        self.deliveries = Deliveries(self, processor)
        self.requests: deque[Body] = deque(maxlen=REQUESTS_KEPT_MAX)
        self.keys_at_work: set[tuple[str, str]] = set()
        self.closing = asyncio.Event()
        self.url = ""  # Where it listens; known once it does.

    def settings(self, account: str) -> Body:
        """Return what is set for an account; empty where nothing is."""
        return self.deliveries.settings.get(account, {})

    def later(self, delay_s: float, job: Body) -> None:
        """Have the processor's `due` called with *job* after *delay_s* seconds of the processor's clock."""
        self.deliveries.schedule(delay_s, job)
