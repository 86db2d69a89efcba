"""The callers: each carries its payment through, asks again with the same key, and remembers what it was told."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Final

import msgspec

from hub.errors import ProblemError
from hub.payments.asked import CaptureRequest, PaymentRequest, RefundRequest
from hub.payments.shell import Shell
from normalization.money import Currency
from tests.simulation import api
from tests.simulation.api import Answer
from tests.simulation.database import is_away
from tests.simulation.instance import GoneError
from tests.simulation.plans import Life
from tests.simulation.template import card

if TYPE_CHECKING:
    from tests.simulation.world import World

TRIES: Final = 40
AGAIN: Final = frozenset({
    "idempotency_in_progress", "database_unavailable", "payment_unresolved", "merchant_accounts_unavailable",
})  # fmt: skip
Request = Callable[[Shell], Coroutine[Any, Any, Answer]]


class Client:
    """One caller with one payment."""

    def __init__(self, world: "World", life: Life) -> None:
        self.life = life
        self.payment: str | None = None
        self.told: dict[str, Answer] = {}
        self.requests: dict[str, Request] = {}
        self._world = world

    async def live(self) -> None:
        """Charge, then do whatever is to be done with the payment."""
        await asyncio.sleep(self.life.begins_s)
        charged = await self._twice(
            "charge", lambda shell: api.create_payment(shell, self._wish(), self._key("charge"))
        )
        if charged is None or charged.status >= 300:
            return
        self.payment = str(msgspec.json.decode(charged.body)["id"])
        shown = msgspec.json.decode(charged.body)
        if shown["status"] == "requires_action" and self.life.returns is not None:
            await self._return()
        for number, step in enumerate(self.life.steps):
            await asyncio.sleep(self._world.random.random() * self.life.within_s)
            await self._step(step, number)

    def _wish(self) -> PaymentRequest:
        return PaymentRequest(
            amount=self.life.amount,
            currency=Currency.EUR,
            reference=f"order-{self.life.number}",
            payment_method=card(self.life.number),
            capture="manual" if self.life.manual else "automatic",
            return_url="https://shop.example/done",
            metadata={"route": self.life.route},
        )

    def _key(self, step: str) -> str:
        return f"{self.life.number}-{step}"

    async def _return(self) -> None:
        """Come back from the bank's page, twice as browsers do."""
        await asyncio.sleep(self._world.random.random() * 60)
        returned = {"result": self.life.returns or ""}
        for _ in range(2 if self.life.twice else 1):
            await self._asked(lambda shell: api.confirm_payment(shell, self.payment or "", returned))

    async def _step(self, step: str, number: int) -> None:
        payment, amount = self.payment or "", self.life.amount
        key = self._key(f"{step}-{number}")
        request: Request
        match step:
            case "capture":
                request = lambda shell: api.capture_payment(shell, payment, CaptureRequest(), key)  # noqa: E731 - one of four alike
            case "cancel":
                request = lambda shell: api.cancel_payment(shell, payment, key)  # noqa: E731 - as above
            case "refund":
                part = RefundRequest(amount=max(1, amount // 2) if number % 2 else None)
                request = lambda shell: api.create_refund(shell, payment, part, key)  # noqa: E731 - as above
            case _:
                await self._asked(lambda shell: api.get_payment(shell, payment))
                return
        await self._twice(f"{step}-{number}", request)

    async def _twice(self, step: str, request: Request) -> Answer | None:
        """Ask; where the caller is of two minds, both ask at the same time with the same key."""
        self.requests[step] = request
        count = 2 if self.life.twice else 1
        answers = await asyncio.gather(*(self._told(step, request) for _ in range(count)))
        return next((answer for answer in answers if answer is not None), None)

    async def _told(self, step: str, request: Request) -> Answer | None:
        answer = await self._asked(request)
        if answer is not None and answer.problem is None:
            self.hear(step, answer)
        return answer

    def hear(self, step: str, answer: Answer) -> None:
        """Hold what is told against what was told before under the same key."""
        first = self.told.setdefault(step, answer)
        if (first.status, first.body) != (answer.status, answer.body):
            self._world.violated(
                f"4: the key of {step} of payment {self.life.number} answered {first} and then {answer}"
            )

    async def ask_again(self) -> None:
        """Send every request once more, long after."""
        for step, request in self.requests.items():
            if step in self.told:
                await self._told(step, request)

    async def _asked(self, request: Request) -> Answer | None:
        """Ask until there is an answer that is no trouble of the moment; None: the caller gave up."""
        wait_s, answer, patience_s = 1.0, None, self.life.patience_s
        for _ in range(TRIES):
            process = self._world.any_server()
            if process is not None:
                sent = process.ask(request(process.shell), self.life.number, patience_s=patience_s)
                patience_s = None
                answer = await self._sent(sent)
                if answer is not None and answer.problem not in AGAIN:
                    self._world.tell(f"payment {self.life.number} was told {answer.status} {answer.problem or ''}")
                    return answer
            await asyncio.sleep(wait_s * (0.5 + self._world.random.random()))
            wait_s = min(wait_s * 1.5, 60.0)
        return answer

    async def _sent(self, sent: Coroutine[Any, Any, Answer]) -> Answer | None:
        try:
            return await sent
        except GoneError:
            return None
        except ProblemError as refused:
            return api.problem(refused)
        except Exception as failure:  # noqa: BLE001 - what the API answers with a 500
            if not is_away(failure):
                self._world.failed(f"a request about payment {self.life.number} ended in a 500", failure)
            return None
