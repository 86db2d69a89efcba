"""What the conformance kit needs to try this adapter at the pretend Stripe."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import aiohttp
import msgspec
from msgspec.structs import replace

from adapters.conformance.harness import SampleReport, SandboxHarness, Server
from adapters.contract import Webhook
from adapters.stripe import REGISTRATION
from adapters.stripe.account import StripeCredentials
from hub.sandbox.server import processor, serve
from hub.sandbox.stripe.currencies import SUPPORTED, THREE_DECIMAL, ZERO_DECIMAL
from normalization.declines import DeclineCode
from normalization.money import Currency
from normalization.outcome import ActionRequired
from normalization.settlements import LineType
from normalization.tokens import ProcessorToken

ACCOUNT = "shop"
SECRET = "whsec_conformance"


def card(name: str) -> ProcessorToken:
    return ProcessorToken(processor="stripe", token=f"pm_card_{name}")


def decimals(currency: str) -> int:
    if currency in ZERO_DECIMAL:
        return 0
    return 3 if currency in THREE_DECIMAL else 2


SAMPLE = SampleReport(
    header=(
        "balance_transaction_id", "available_on_utc", "currency", "gross", "fee", "net", "reporting_category",
        "automatic_payout_id", "source_id",
    ),
    rows=(
        (
            LineType.CHARGE,
            ("txn_1", "2026-11-22 00:00:00", "eur", "20.00", "0.55", "19.45", "charge", "po_1", "ch_1"),
        ),
        (LineType.REFUND, ("txn_2", "2026-11-22 00:00:00", "eur", "-5.00", "0", "-5.00", "refund", "po_1", "re_1")),
        (
            LineType.CHARGEBACK,
            ("txn_3", "2026-11-22 00:00:00", "eur", "-9.00", "15.00", "-24.00", "dispute", "po_1", "du_1"),
        ),
        (LineType.FEE, ("txn_4", "2026-11-22 00:00:00", "eur", "-0.50", "0.00", "-0.50", "fee", "po_1", "")),
    ),
    type_column="reporting_category",
    amount_column="gross",
)  # fmt: skip


class StripeHarness:
    registration = REGISTRATION
    sample_report = SAMPLE
    token = card("visa")
    one_time = {"token": "tok_visa_debit"}  # noqa: RUF012 - never changed
    challenged = card("threeDSecure2Required")
    refunded_later = card("pendingRefund")
    yes_words = ("succeeded", "requires_capture")
    signs_the_time = True
    exponents = {one: decimals(one.lower()) for one in Currency if one.lower() in SUPPORTED}  # noqa: RUF012 - never changed
    declines = {  # noqa: RUF012 - never changed
        DeclineCode.DO_NOT_HONOR: card("visa_chargeDeclined"),
        DeclineCode.INSUFFICIENT_FUNDS: card("visa_chargeDeclinedInsufficientFunds"),
        DeclineCode.LIMIT_EXCEEDED: card("visa_chargeDeclinedVelocityLimitExceeded"),
        DeclineCode.LOST_OR_STOLEN_CARD: card("visa_chargeDeclinedStolenCard"),
        DeclineCode.EXPIRED_CARD: card("chargeDeclinedExpiredCard"),
        DeclineCode.INCORRECT_CVC: card("chargeDeclinedIncorrectCvc"),
        DeclineCode.PROCESSOR_ERROR: card("chargeDeclinedProcessingError"),
        DeclineCode.SUSPECTED_FRAUD: card("radarBlock"),
    }

    def credentials(self, base_url: str, *, multiple_captures: bool = False) -> StripeCredentials:
        return StripeCredentials(
            api_key=f"sk_test_{ACCOUNT}", webhook_secret=SECRET, base_url=base_url, multicapture=multiple_captures
        )

    def refused_credentials(self, base_url: str) -> StripeCredentials:
        return replace(self.credentials(base_url), api_key="sk_test_invalid")

    @asynccontextmanager
    async def serving(self, folder: Path) -> AsyncIterator[Server]:
        async with serve(processor("stripe"), folder / "book.db") as sandbox:
            yield Server(base_url=sandbox.url, control_url=f"{sandbox.url}/_control", account=ACCOUNT)

    async def browse(self, http: aiohttp.ClientSession, action: ActionRequired, *, passes: bool) -> Mapping[str, str]:
        async with http.get(action.url) as page:
            assert page.status == 200
        chosen = {"outcome": "complete" if passes else "fail"}
        async with http.post(action.url, data=chosen, allow_redirects=False) as left:
            return dict(parse_qsl(urlsplit(left.headers["Location"]).query))

    def unsigned(self, webhook: Webhook) -> Webhook:
        kept = {name: value for name, value in webhook.headers.items() if name != "stripe-signature"}
        return replace(webhook, headers=kept)

    def elsewhere(self, webhook: Webhook) -> Webhook:
        """An event of a connected account: it carries that account's id."""
        event = msgspec.json.decode(webhook.body, type=dict[str, object])
        body = msgspec.json.encode({**event, "account": "acct_another"})
        signed = processor("stripe").sign(body, {"webhook_secret": SECRET}, webhook.received_at.timestamp())
        return replace(webhook, body=body, headers={name.lower(): value for name, value in signed.headers.items()})

    def joined(self, webhooks: Sequence[Webhook]) -> None:
        """Stripe sends one event in each request."""
        assert webhooks


HARNESS: SandboxHarness = StripeHarness()
