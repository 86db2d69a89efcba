"""The load: payers who charge, capture, cancel and refund, and insist until they are answered; what they were told.

A caller that hears nothing, or "not now", sends the same request again under the same key, as the API says it may.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

import aiohttp
import msgspec
from msgspec import Struct

from hub.ids import new_id
from tests.chaos.stage import Ground

PAYERS: Final = 8
PAUSE_S: Final = 0.4
AGAIN_S: Final = 0.25
INSIST_S: Final = 300.0
"""How long a caller goes on after the last new request was made."""
_NOT_NOW: Final = frozenset({"idempotency_in_progress", "payment_unresolved"})
_UNRESOLVED_TRIES: Final = 8
"""How often a caller comes back to a payment whose last operation is not resolved yet."""
_acks: Final = frozenset({200, 201, 202})


class Way(Struct, frozen=True, kw_only=True):
    """Facts that lead a payment to some account."""

    currency: str
    country: str
    risk_score: int = 5
    account: str | None = None  # Pinned by name.


WAYS: Final = (
    Way(currency="EUR", country="DE"),
    Way(currency="EUR", country="FR"),
    Way(currency="EUR", country="DE", account="adyen-eea"),
    Way(currency="GBP", country="GB"),
    Way(currency="USD", country="US"),
    Way(currency="JPY", country="JP"),
    Way(currency="USD", country="BR", account="stripe-world"),
    Way(currency="EUR", country="AU", risk_score=70),
)


class Acknowledged(Struct, frozen=True, kw_only=True):
    """A request that was answered with success, and the answer's bytes."""

    what: str
    path: str
    body: Mapping[str, Any]
    key: str
    status: int
    answer: bytes

    @property
    def told(self) -> dict[str, Any]:
        """What the answer says."""
        return msgspec.json.decode(self.answer, type=dict[str, Any])


class Shop:
    """Everybody who charges; `open` until no new payments are begun."""

    def __init__(self, at: Ground) -> None:
        self.open = True
        self.acknowledged: list[Acknowledged] = []
        self.statuses: Counter[str] = Counter()
        self.faults: list[str] = []  # Answers that no request may get.
        self.given_up: list[str] = []
        self._charged = asyncio.Event()
        self._at = at
        self._random = random.Random(7)  # noqa: S311 - which payment is made next
        self._methods: list[str] = []
        self._closed_at: float | None = None

    async def stock(self) -> None:
        """Make the payment methods that are charged."""
        for _ in range(4):
            made = await self._insist("payment_method", "/v1/payment_methods", _card("pm_card_visa", "stored_visa"))
            assert made is not None
            self._methods.append(made.told["id"])

    async def next_charge(self) -> None:
        """Wait until a charge is acknowledged."""
        await self._charged.wait()

    def close(self) -> None:
        """Begin no new payment."""
        self.open, self._closed_at = False, time.monotonic()

    async def run(self, payers: int = PAYERS) -> None:
        """Trade until closed, then until everybody is answered."""
        await asyncio.gather(*(self._payer() for _ in range(payers)))

    async def pay_once(self) -> None:
        """Make one payment more than the payers do."""
        await self._pay()

    async def _payer(self) -> None:
        while self.open:
            try:
                await self._pay()
            except (KeyError, msgspec.DecodeError) as strange:
                self.faults.append(f"an answer that cannot be read: {strange!r}")
            await asyncio.sleep(PAUSE_S * 2 * self._random.random())

    async def _pay(self) -> None:
        draw, way = self._random.random, self._random.choice(WAYS)
        amount = self._random.randrange(500, 20_000)
        method = self._random.choice(self._methods)
        if draw() < 0.08:
            made = await self._insist("payment_method", "/v1/payment_methods", _card(*DECLINES))
            method = method if made is None else made.told["id"]
        wish = {
            "amount": amount, "currency": way.currency, "country": way.country, "risk_score": way.risk_score,
            "reference": new_id("invoice-"), "payment_method": method,
            "capture": "manual" if draw() < 0.35 else "automatic",
        }  # fmt: skip
        if way.account is not None:
            wish["merchant_account"] = self._at.accounts[way.account]
        paid = await self._insist("charge", "/v1/payments", wish)
        if paid is None:
            return
        self._charged.set()
        self._charged = asyncio.Event()
        await asyncio.sleep(PAUSE_S * draw())
        await self._follow_up(paid.told["id"], paid.told["status"], amount)

    async def _follow_up(self, payment: str, status: str, amount: int) -> None:
        draw, path = self._random.random(), f"/v1/payments/{payment}"
        if status == "authorized" and draw < 0.7:
            if await self._insist("capture", f"{path}/capture", {}) is not None and draw < 0.2:
                await self._insist("refund", f"{path}/refunds", {"amount": amount // 3})
        elif status == "authorized" or (status == "processing" and draw < 0.2):
            await self._insist("cancel", f"{path}/cancel", {})
        elif status == "captured" and draw < 0.4:
            await self._insist("refund", f"{path}/refunds", {"amount": amount // 2})

    async def _insist(self, what: str, path: str, body: Mapping[str, Any]) -> Acknowledged | None:
        """Send until there is an answer that says yes or no."""
        key, unresolved = new_id("key_"), 0
        while True:
            status, answer = await self.send("POST", path, body=msgspec.json.encode(body), key=key)
            if status in _acks:
                made = Acknowledged(what=what, path=path, body=body, key=key, status=status, answer=answer)
                self.acknowledged.append(made)
                return made
            code = _code(answer)
            self.statuses[f"{status} {code}".strip()] += 1
            unresolved += code == "payment_unresolved"
            if unresolved > _UNRESOLVED_TRIES or (status not in _AGAIN and code not in _NOT_NOW):
                if status >= _SERVER_ERROR:
                    self.faults.append(f"{what}: {status} {answer[:300]!r}")
                return None
            if self._closed_at is not None and time.monotonic() - self._closed_at > INSIST_S:
                self.given_up.append(f"{what} of {body} under {key}: {status} {answer[:2_000]!r}")
                return None
            await asyncio.sleep(AGAIN_S * (0.5 + self._random.random()))

    async def send(
        self, method: str, path: str, *, body: bytes | None = None, key: str = "", type_: str = "application/json"
    ) -> tuple[int, bytes]:
        """Send to one of the servers; status 0 where no whole answer came."""
        server = self._random.choice(self._at.servers)
        headers = {**self._at.headers, **({"Idempotency-Key": key} if key else {}), "Content-Type": type_}
        url = f"http://127.0.0.1:{server.port}{path}"
        try:
            async with self._at.http.request(method, url, data=body, headers=headers) as answer:
                return answer.status, await answer.read()
        except (aiohttp.ClientError, TimeoutError, OSError):
            return 0, b""

    async def answers_again(self, many: Sequence[Acknowledged], at_once: int = 8) -> list[str]:
        """Send again what was acknowledged under a key, and tell of every answer that is another than the first."""
        waiting, wrong = list(many), list[str]()

        async def one() -> None:
            while waiting:
                made = waiting.pop()
                status, answer = 0, b""
                for _ in range(20):
                    encoded = msgspec.json.encode(made.body)
                    status, answer = await self.send("POST", made.path, body=encoded, key=made.key)
                    if status:
                        break
                if (status, answer) != (made.status, made.answer):
                    was, now = (made.status, made.answer[:120]), (status, answer[:120])
                    wrong.append(f"{made.what} {made.key}: was {was}, now {now}")

        await asyncio.gather(*(one() for _ in range(at_once)))
        return wrong


DECLINES: Final = ("pm_card_visa_chargeDeclinedInsufficientFunds", "stored_insufficient_funds")
_SERVER_ERROR: Final = 500
_AGAIN: Final = frozenset({0, 408, 429, 503})


def _card(stripe: str, adyen: str) -> dict[str, Any]:
    return {
        "type": "card",
        "processor_tokens": [
            {"processor": "stripe", "token": stripe},
            {"processor": "adyen", "token": adyen, "customer_reference": "shopper-1"},
        ],
    }


def _code(answer: bytes) -> str:
    try:
        told = msgspec.json.decode(answer)
    except msgspec.DecodeError:
        return ""
    return str(told.get("code", "")) if isinstance(told, dict) else ""
