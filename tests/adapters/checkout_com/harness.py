"""What the conformance kit needs to try this adapter at the pretend Checkout.com."""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qsl, urljoin, urlsplit

import aiohttp
import msgspec
from msgspec.structs import replace

from adapters.checkout_com import REGISTRATION
from adapters.checkout_com.credentials import CheckoutComCredentials
from adapters.conformance.harness import SampleReport, SandboxHarness, Server
from adapters.contract import Webhook
from hub.sandbox.checkout_com.currencies import DECIMALS
from hub.sandbox.checkout_com.notices import signature
from hub.sandbox.server import processor, serve
from normalization.declines import DeclineCode
from normalization.money import Currency
from normalization.outcome import ActionRequired
from normalization.settlements import LineType
from normalization.tokens import ProcessorToken

CHANNEL = "pc_conformance"
SIGNATURE_KEY = "kit-5c1e6a90d7b84f23"


def card(name: str) -> ProcessorToken:
    return ProcessorToken(processor="checkout_com", token=f"src_{name}")


HEADER = (
    "Action Type", "Action ID", "Payment ID", "Processed On", "Processing Currency", "Holding Currency", "Payout ID",
    "Reference", "Breakdown Type", "Processing Currency Amount", "Holding Currency Amount",
)  # fmt: skip


def booked(action: str, action_id: str, breakdown: str, amount: str) -> tuple[str, ...]:
    return (
        action,
        action_id,
        "pay_1",
        "2026-11-20T10:00:00.000",
        "EUR",
        "EUR",
        "PO1",
        "att_1",
        breakdown,
        amount,
        amount,
    )


SAMPLE = SampleReport(
    header=HEADER,
    rows=(
        (LineType.CHARGE, booked("Capture", "act_1", "Capture", "20.00000000")),
        (LineType.CHARGE, booked("Capture", "act_1", "Premium Variable Fee", "-0.55000000")),
        (LineType.REFUND, booked("Refund", "act_2", "Refund", "-5.00")),
        (LineType.CHARGEBACK, booked("Chargeback", "act_3", "Chargeback (ADJM)", "-9.00")),
        (LineType.FEE, booked("Authorization", "act_4", "Authorization Fixed Fee", "-0.08")),
        (LineType.PAYOUT, booked("Payout", "act_5", "Payout", "-5.37")),
    ),
    type_column="Breakdown Type",
    amount_column="Holding Currency Amount",
)


class CheckoutComHarness:
    registration = REGISTRATION
    sample_report = SAMPLE
    token = card("visa")
    one_time = {"token": "tok_visa"}  # noqa: RUF012 - never changed
    challenged = card("challenge")
    refunded_later = card("visa")
    yes_words = ("Authorized", "Captured")
    signs_the_time = False
    exponents = {Currency(one): digits for one, digits in DECIMALS.items() if one in set(Currency)}  # noqa: RUF012 - never changed
    declines = {  # noqa: RUF012 - never changed
        DeclineCode.DO_NOT_HONOR: card("do_not_honor"),
        DeclineCode.INSUFFICIENT_FUNDS: card("insufficient_funds"),
        DeclineCode.EXPIRED_CARD: card("expired"),
        DeclineCode.LOST_OR_STOLEN_CARD: card("stolen"),
        DeclineCode.BLOCKED_BY_RISK_RULE: card("risk"),
        DeclineCode.ISSUER_UNAVAILABLE: card("unavailable"),
    }

    def credentials(self, base_url: str, *, multiple_captures: bool = False) -> CheckoutComCredentials:
        del multiple_captures  # Every account may.
        return CheckoutComCredentials(
            secret_key="sk_sbox_conformancekitconformance2a",
            public_key="pk_sbox_conformancekitconformance2a",
            processing_channel_id=CHANNEL,
            webhook_secret=SIGNATURE_KEY,
            base_url=base_url,
        )

    def refused_credentials(self, base_url: str) -> CheckoutComCredentials:
        return replace(self.credentials(base_url), secret_key="sk_sbox_invalidkeyinvalidkeyinvalid2")

    @asynccontextmanager
    async def serving(self, folder: Path) -> AsyncIterator[Server]:
        async with serve(processor("checkout_com"), folder / "book.db") as sandbox:
            yield Server(base_url=sandbox.url, control_url=f"{sandbox.url}/_control", account=CHANNEL)

    async def browse(self, http: aiohttp.ClientSession, action: ActionRequired, *, passes: bool) -> Mapping[str, str]:
        button = "complete" if passes else "fail"
        async with http.request(action.method, action.url) as page:
            form = re.search(rf'<form id="{button}" method="post" action="([^"]+)"', await page.text())
        assert form is not None
        async with http.post(urljoin(action.url, form[1]), allow_redirects=False) as left:
            return dict(parse_qsl(urlsplit(left.headers["Location"]).query))

    def unsigned(self, webhook: Webhook) -> Webhook:
        return replace(webhook, headers={k: v for k, v in webhook.headers.items() if k != "cko-signature"})

    def elsewhere(self, webhook: Webhook) -> Webhook:
        told = msgspec.json.decode(webhook.body)
        told["data"]["processing_channel_id"] = "pc_another"
        body = msgspec.json.encode(told)
        return replace(webhook, body=body, headers={**webhook.headers, "cko-signature": signature(body, SIGNATURE_KEY)})

    def joined(self, webhooks: Sequence[Webhook]) -> None:
        del webhooks


HARNESS: SandboxHarness = CheckoutComHarness()
