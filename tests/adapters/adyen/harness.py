"""What the conformance kit needs to try this adapter at the pretend Adyen."""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

import aiohttp
import msgspec
from msgspec.structs import replace

from adapters.abilities import EvidenceFile, SubmitEvidence
from adapters.adyen import REGISTRATION
from adapters.adyen.credentials import AdyenCredentials
from adapters.conformance.harness import SampleReport, SandboxHarness, Server
from adapters.contract import Webhook
from hub.sandbox.adyen.currencies import DECIMALS
from hub.sandbox.adyen.notices import signed
from hub.sandbox.server import processor, serve
from normalization.declines import DeclineCode
from normalization.disputes import DisputeReport
from normalization.money import Currency
from normalization.outcome import ActionRequired
from normalization.settlements import LineType
from normalization.tokens import ProcessorToken

ACCOUNT = "HubShop"
HMAC_KEY = "9F" * 32


def card(name: str) -> ProcessorToken:
    return ProcessorToken(processor="adyen", token=f"stored_{name}", customer_reference="shopper-1")


def items(webhook: Webhook) -> list[Any]:
    found: list[Any] = msgspec.json.decode(webhook.body)["notificationItems"]
    return found


def with_items(webhook: Webhook, entries: Sequence[Any]) -> Webhook:
    body = msgspec.json.encode({"live": "false", "notificationItems": entries})
    return replace(webhook, body=body)


HEADER = (
    "Merchant Account", "Psp Reference", "Merchant Reference", "Creation Date", "TimeZone", "Type",
    "Modification Reference", "Gross Currency", "Gross Debit (GC)", "Gross Credit (GC)", "Net Currency",
    "Net Debit (NC)", "Net Credit (NC)", "Commission (NC)", "Batch Number",
)  # fmt: skip


def settled(type: str, psp: str, modification: str, **cells: str) -> tuple[str, ...]:
    known = {"Merchant Account": ACCOUNT, "Psp Reference": psp, "Type": type, "Modification Reference": modification}
    known |= {"Creation Date": "2026-11-20 10:00:00", "TimeZone": "CET", "Net Currency": "EUR", "Batch Number": "12"}
    known |= {"Gross Currency": "EUR" if psp else ""}
    return tuple((known | cells).get(name, "") for name in HEADER)


SAMPLE = SampleReport(
    header=HEADER,
    rows=(
        (
            LineType.CHARGE,
            settled(
                "Settled", "P1", "M1",
                **{"Gross Credit (GC)": "20.00", "Net Credit (NC)": "19.45", "Commission (NC)": "0.55"},
            ),
        ),
        (LineType.REFUND, settled("Refunded", "P1", "M2", **{"Gross Debit (GC)": "5.00", "Net Debit (NC)": "5.00"})),
        (LineType.FEE, settled("Fee", "", "Transaction Fees November 2026", **{"Net Debit (NC)": "0.44"})),
        (LineType.PAYOUT, settled("MerchantPayout", "", "TX1XT batch 12", **{"Net Debit (NC)": "14.01"})),
    ),
    type_column="Type",
    amount_column="Net Credit (NC)",
)  # fmt: skip


class AdyenHarness:
    registration = REGISTRATION
    sample_report = SAMPLE
    token = card("visa")
    one_time = {  # noqa: RUF012 - never changed
        "paymentMethod": {
            "type": "scheme",
            "encryptedCardNumber": "test_4111111111111111",
            "encryptedExpiryMonth": "test_03",
            "encryptedExpiryYear": "test_2030",
            "encryptedSecurityCode": "test_737",
        }
    }
    challenged = card("3ds_redirect")
    refunded_later = card("visa")
    yes_words = ("Authorised", "received")
    signs_the_time = False
    exponents = {Currency(one): digits for one, digits in DECIMALS.items() if one in set(Currency)}  # noqa: RUF012 - never changed
    declines = {  # noqa: RUF012 - never changed
        DeclineCode.DO_NOT_HONOR: card("do_not_honor"),
        DeclineCode.INSUFFICIENT_FUNDS: card("insufficient_funds"),
        DeclineCode.EXPIRED_CARD: card("expired"),
        DeclineCode.LOST_OR_STOLEN_CARD: card("stolen"),
        DeclineCode.BLOCKED_BY_RISK_RULE: card("fraud"),
        DeclineCode.ISSUER_UNAVAILABLE: card("unavailable"),
    }

    def credentials(self, base_url: str, *, multiple_captures: bool = False) -> AdyenCredentials:
        return AdyenCredentials(
            api_key="AQE-conformance-key",
            merchant_account=ACCOUNT,
            webhook_secret=HMAC_KEY,
            base_url=base_url,
            multiple_captures=multiple_captures,
        )

    def refused_credentials(self, base_url: str) -> AdyenCredentials:
        return replace(self.credentials(base_url), api_key="invalid")

    @asynccontextmanager
    async def serving(self, folder: Path) -> AsyncIterator[Server]:
        async with serve(processor("adyen"), folder / "book.db") as sandbox:
            yield Server(base_url=sandbox.url, control_url=f"{sandbox.url}/_control", account=ACCOUNT)

    async def browse(self, http: aiohttp.ClientSession, action: ActionRequired, *, passes: bool) -> Mapping[str, str]:
        fields = action.fields if action.method == "POST" else None
        button = "complete" if passes else "fail"
        async with http.request(action.method, action.url, data=fields) as page:
            form = re.search(rf'<form id="{button}" method="post" action="([^"]+)"', await page.text())
        assert form is not None
        async with http.post(urljoin(action.url, form[1]), allow_redirects=False) as left:
            if "Location" in left.headers:
                return dict(parse_qsl(urlsplit(left.headers["Location"]).query))
            return dict(re.findall(r'name="(\w+)" value="([^"]+)"', await left.text()))

    def evidence(self, told: DisputeReport, operation_id: str) -> SubmitEvidence:
        file = EvidenceFile(
            name="proof.pdf", content_type="application/pdf", content=b"%PDF-1.7", purpose="DefenseMaterial"
        )
        return SubmitEvidence(operation_id=operation_id, told=told, defense="SupplyDefenseMaterial", files=(file,))

    def unsigned(self, webhook: Webhook) -> Webhook:
        entries = items(webhook)
        for entry in entries:
            del entry["NotificationRequestItem"]["additionalData"]["hmacSignature"]
        return with_items(webhook, entries)

    def elsewhere(self, webhook: Webhook) -> Webhook:
        entries = items(webhook)
        for entry in entries:
            entry["NotificationRequestItem"]["merchantAccountCode"] = "AnotherShop"
        told = with_items(webhook, entries)
        return replace(told, body=signed(told.body, HMAC_KEY))

    def joined(self, webhooks: Sequence[Webhook]) -> Webhook:
        return with_items(webhooks[0], [entry for webhook in webhooks for entry in items(webhook)])


HARNESS: SandboxHarness = AdyenHarness()
