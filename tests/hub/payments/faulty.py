"""One operation that goes wrong at one processor in one way, played through and looked at from all sides."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
from msgspec import Struct
from sqlalchemy import text

from hub.ids import new_id
from hub.payments.shell import Shell
from tests.hub.house import House, add_account
from tests.hub.money import rows

ACTED: Final = frozenset({
    "silent_after", "reset_after", "error_500_after", "malformed", "truncated", "delay", "delay_before",
})  # fmt: skip
"""Faults behind which the processor has done what was asked, or does it later."""
NOT_ACTED: Final = frozenset({"silent_before", "reset_before", "error_500_before", "rate_limited"})
FAULTS: Final = (*sorted(ACTED), *sorted(NOT_ACTED))
OPERATIONS: Final = ("purchase", "authorize", "capture", "void", "refund", "complete")
TOKENS: Final = {"stripe": "pm_card_visa", "adyen": "stored_visa"}
CHALLENGED: Final = {"stripe": "pm_card_authenticationRequired", "adyen": "stored_3ds_redirect"}
OTHER: Final = {"stripe": "adyen", "adyen": "stripe"}
AMOUNT: Final = 1000
ANSWER_MS: Final = 800

Job = Callable[[Shell], Awaitable[int]]


class Clock:
    """The hub's clock, which a test can put ahead."""

    def __init__(self) -> None:
        """Tell the true time."""
        self.ahead = timedelta(0)

    def __call__(self) -> datetime:
        """Tell the time."""
        return datetime.now(UTC) + self.ahead


class Case(Struct, frozen=True):
    """Which fault meets which operation at which processor."""

    fault: str
    operation: str
    processor: str

    @property
    def name(self) -> str:
        """An account name of its own, so that many cases run in one house and each fault finds its case."""
        return f"{self.processor}{self.operation}{self.fault}".replace("_", "")

    @property
    def opens(self) -> bool:
        """Whether another account could take over."""
        return self.operation in {"purchase", "authorize"}


class Played(Struct, kw_only=True):
    """What the caller has seen of a case; `back` is where the payer's browser comes back to."""

    case: Case
    payment: str
    path: str
    body: dict[str, Any]
    key: str
    answer: httpx.Response
    back: str | None = None


async def play(made: House, case: Case) -> Played:
    """Bring a payment up to the operation, let that go wrong, and send its request again with the same key."""
    await add_account(made, case.name, case.processor, case.name, brands=[case.name], currencies=["EUR"])
    other = OTHER[case.processor]
    if case.opens:
        await add_account(made, f"{case.name}other", other, f"{case.name}other", brands=[case.name])
    if case.operation == "complete":
        return await _complete(made, case)
    tokens = TOKENS if case.opens else {case.processor: TOKENS[case.processor]}
    wish = {
        "amount": AMOUNT, "currency": "EUR", "brand": case.name, "reference": case.name,
        "payment_method": await made.method(**tokens),
        "capture": "manual" if case.operation in {"authorize", "capture", "void"} else "automatic",
    }  # fmt: skip
    path, body, payment = "/v1/payments", wish, ""
    if not case.opens:
        paid = await made.hub.post("/v1/payments", wish)
        assert paid.json()["status"] in {"authorized", "captured"}, (case, paid.text)
        payment = paid.json()["id"]
        path = f"/v1/payments/{payment}/{ {'capture': 'capture', 'void': 'cancel'}.get(case.operation, 'refunds') }"
        body = {}
    await strike(made, case)
    key = new_id("key_")
    answer = await made.hub.post(path, body, key=key)
    assert answer.status_code in {200, 201, 202}, (case, answer.text)
    return Played(case=case, payment=payment or answer.json()["id"], path=path, body=body, key=key, answer=answer)


async def strike(made: House, case: Case) -> None:
    """Let the next request of the case go wrong; one that is sent again where nothing was done, every time."""
    operation = "inquire" if (case.operation, case.processor) == ("complete", "stripe") else case.operation
    await made.control(case.processor, "POST", "faults", {
        "match": {"operation": operation, "account": case.name}, "fault": case.fault,
        "count": None if case.fault == "rate_limited" else 1, "delay_ms": 2 * ANSWER_MS,
    })  # fmt: skip


async def _complete(made: House, case: Case) -> Played:
    wish = {
        "amount": AMOUNT, "currency": "EUR", "brand": case.name, "reference": case.name,
        "payment_method": await made.method(**{case.processor: CHALLENGED[case.processor]}),
        "return_url": "https://shop.example/done",
    }  # fmt: skip
    key = new_id("key_")
    answer = await made.hub.post("/v1/payments", wish, key=key)
    assert answer.json()["status"] == "requires_action", (case, answer.text)
    back = await pass_challenge(made, answer.json()["next_action"]["url"])
    await strike(made, case)
    returned = await made.hub.client.get(back)
    assert returned.status_code == 303, (case, returned.text)
    payment = answer.json()["id"]
    return Played(case=case, payment=payment, path="/v1/payments", body=wish, key=key, answer=answer, back=back)


async def pass_challenge(made: House, url: str) -> str:
    """Press the button on the bank's page; gives the hub's address that the browser is sent to."""
    if "/3d_secure/" in url:
        sent = await made.controls.post(url, data={"outcome": "complete"})
    else:
        sent = await made.controls.post(f"{url}/complete")
    back = urlsplit(sent.headers["Location"])
    return f"{back.path}?{back.query}"


async def stop_faults(made: House) -> None:
    """Let the processors answer again."""
    for processor in TOKENS:
        await made.control(processor, "DELETE", "faults")


async def work(made: House, *jobs: Job, until_resolved: bool, rounds: int = 400) -> None:
    """Run the worker's *jobs* until nothing is left for them, a bounded number of times.

    With *until_resolved* that is when no outcome is unknown; else when every delivery has been read.
    """
    if until_resolved:
        await hurry(made)
    left: list[dict[str, Any]] = []
    for _ in range(rounds):
        done = [await job(made.hub.parts.shell) for job in jobs]
        waiting = "SELECT id, status FROM webhook_deliveries WHERE due_at IS NOT NULL"
        unknown = "SELECT id, status FROM operations WHERE status IN ('sending', 'unknown')"
        left = await rows(made, unknown if until_resolved else waiting)
        if not left and not any(done):
            return
        if not any(done):
            await made.hub.parts.bell.wait(0.05)
    raise AssertionError(f"after {rounds} rounds: {left}")


async def hurry(made: House) -> None:
    """Have every unknown outcome asked about now: how long the pauses grow is not what these tests are about."""
    soon = "UPDATE operations SET due_at = started_at, inquiries = 0 WHERE status = 'unknown'"
    async with made.hub.parts.database.transaction() as connection:
        await connection.execute(text(soon))


async def eventually(made: House, payment: str, **wanted: Any) -> dict[str, Any]:
    """Wait, ten seconds at most, until a payment shows *wanted*, without reading it in a way that asks."""
    body: dict[str, Any] = {}
    for _ in range(200):
        body = await shown(made, payment)
        if wanted.items() <= body.items():
            return body
        await asyncio.sleep(0.05)
    raise AssertionError({name: body.get(name) for name in ("id", "status", *wanted)})


async def shown(made: House, payment: str) -> dict[str, Any]:
    """Show a payment without asking its processor, which reading one does."""
    tag = (await rows(made, "SELECT attempt_id FROM payments WHERE id = :id", id=payment))[0]["attempt_id"]
    (body,) = (await made.hub.get("/v1/payments", tag=tag)).json()["data"]
    return dict(body)
