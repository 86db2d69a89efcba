"""What one call through an adapter costs, over a server that says yes at once."""

import asyncio
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from statistics import median
from typing import Final

import msgspec
import uvloop
from msgspec import Struct

from adapters.adyen import REGISTRATION as ADYEN
from adapters.adyen.credentials import AdyenCredentials
from adapters.checkout_com import REGISTRATION as CHECKOUT_COM
from adapters.checkout_com.credentials import CheckoutComCredentials
from adapters.contract import Adapter, Authorize
from adapters.stripe import REGISTRATION as STRIPE
from adapters.stripe.account import StripeCredentials
from adapters.transport import Transport
from normalization.money import Currency, Money
from normalization.outcome import Approved, Operation, Pending
from normalization.tokens import ProcessorToken

BARS_MS: Final = {"stripe": 0.35, "adyen": 0.25, "checkout_com": 0.35}
ROUNDS: Final = 5
CALLS: Final = 1_500
AT_ONCE: Final = 16
WARM_UP: Final = 300


class Cost(Struct, frozen=True):
    """CPU milliseconds a call, round by round."""

    processor: str
    rounds_ms: list[float]

    @property
    def median_ms(self) -> float:
        """The round in the middle."""
        return float(median(self.rounds_ms))


def connect(processor: str, url: str, transport: Transport) -> Adapter:
    """Make the adapter of one account whose processor listens at *url*."""
    if processor == "checkout_com":
        return CHECKOUT_COM.connect(
            CheckoutComCredentials(
                secret_key=f"sk_sbox_{'a' * 27}", processing_channel_id=f"pc_{'a' * 26}", base_url=url
            ),
            transport,
            False,  # noqa: FBT003 - test mode
        )
    if processor == "stripe":
        return STRIPE.connect(StripeCredentials(api_key="sk_test_bench", base_url=url), transport, False)  # noqa: FBT003 - test mode
    credentials = AdyenCredentials(api_key="bench", merchant_account="Bench", base_url=url)
    return ADYEN.connect(credentials, transport, False)  # noqa: FBT003 - test mode


async def measure(url: str) -> list[Cost]:
    """Measure the adapters by turns, in this process."""
    transport = Transport()
    try:
        adapters = {processor: connect(processor, url, transport) for processor in BARS_MS}
        found: dict[str, list[float]] = {processor: [] for processor in BARS_MS}
        for processor, adapter in adapters.items():
            await _calls(processor, adapter, WARM_UP)
        for _ in range(ROUNDS):
            for processor, adapter in adapters.items():
                began = time.process_time()
                await _calls(processor, adapter, CALLS)
                found[processor].append((time.process_time() - began) * 1000 / CALLS)
    finally:
        await transport.close()
    return [Cost(processor, rounds) for processor, rounds in found.items()]


async def _calls(processor: str, adapter: Adapter, calls: int) -> None:
    make = _charges(processor)

    async def lane() -> None:
        for _ in range(calls // AT_ONCE + 1):
            report = await adapter.authorize(make())
            # A purchase at Checkout.com is approved when its capture is told of.
            assert isinstance(report.outcome, Approved | Pending), report

    await asyncio.gather(*(lane() for _ in range(AT_ONCE)))


def _charges(processor: str) -> Callable[[], Authorize]:
    money = Money(4999, Currency("EUR"))
    token = ProcessorToken(processor=processor, token="pm_card_visa", customer_reference="cus_bench")  # noqa: S106 - a public test token
    at = datetime.now(UTC)
    serial = iter(range(10**9))

    def make() -> Authorize:
        number = f"{time.monotonic_ns():x}-{next(serial)}"
        return Authorize(
            operation=Operation.PURCHASE,
            operation_id=f"att_{number}",
            payment_id=f"pay_{number}",
            reference=f"bench-{number}",
            money=money,
            requested_at=at,
            token=token,
        )

    return make


def failures(costs: list[Cost]) -> list[str]:
    """Name every bar that was not reached."""
    return [
        f"the {cost.processor} adapter takes {cost.median_ms:.2f} ms of CPU a call, not under {BARS_MS[cost.processor]}"
        for cost in costs
        if cost.median_ms >= BARS_MS[cost.processor]
    ]


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        sys.stdout.write(msgspec.json.encode(runner.run(measure(sys.argv[1]))).decode())
