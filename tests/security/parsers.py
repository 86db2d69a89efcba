"""Every parser of bytes from outside, with what it may raise: anything else is a fault of the parser."""

import asyncio
import csv
import hmac
import json
import tomllib
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from io import BytesIO, StringIO
from typing import Any, Final

import msgspec
from msgspec import Struct

from adapters.abilities import ReadsSettlements
from adapters.adyen.adapter import AdyenAdapter
from adapters.adyen.credentials import AdyenCredentials
from adapters.checkout_com.adapter import CheckoutComAdapter
from adapters.checkout_com.credentials import CheckoutComCredentials
from adapters.conformance.harness import SampleReport
from adapters.contract import Adapter, Webhook
from adapters.errors import AdapterError, WebhookRejectedError
from adapters.stripe.account import StripeCredentials
from adapters.stripe.adapter import StripeAdapter
from adapters.transport import Transport
from hub.decoding import check_content_type, decode
from hub.disputes.evidence import read_evidence
from hub.errors import ProblemError
from hub.events.cursors import Place, read_place, write_place
from hub.merchants.routes import NewMerchantAccount
from hub.pages import read_cursor, read_position, write_cursor, write_position
from hub.pan import find_card_number, mask
from hub.payments.asked import PaymentRequest
from hub.settings import InvalidSettingError, load_settings
from hub.settlement.bank_entries import NotAStatementError
from hub.settlement.bank_files import read_bank_file
from hub.settlement.cells import Rows
from hub.token_imports.lines import UnreadableFileError, read_header, read_lines
from hub.webhook_endpoints.addresses import UrlRefusedError, read_url
from normalization.settlements import NotAReportError
from routing.rules import RuleSet
from tests.adapters.adyen import harness as adyen
from tests.adapters.adyen.conftest import HMAC_KEY
from tests.adapters.adyen.notified import envelope, item, signed
from tests.adapters.checkout_com import harness as checkout_com
from tests.adapters.checkout_com.conftest import SIGNATURE_KEY
from tests.adapters.checkout_com.test_webhooks import event as checkout_event
from tests.adapters.stripe import harness as stripe
from tests.adapters.stripe.events import SECRET, event, sign
from tests.adapters.stripe.pretend import charge, intent, refund
from tests.hub.settlement.test_bank_files import REFERENCES, camt, entry

AT: Final = datetime(2026, 11, 21, 12, tzinfo=UTC)
_TEXTS: Final = ("keys", "approvals", "decline_policy", "endpoint_networks", "database_url", "port", "development")
_FORM: Final = "multipart/form-data; boundary=b"


class Parser(Struct, frozen=True, kw_only=True):
    """A parser, what it raises for what it does not take, and examples of what it does."""

    name: str
    read: Callable[[bytes], object]
    refusals: tuple[type[Exception], ...]
    seeds: tuple[bytes, ...]

    def takes(self, raw: bytes) -> bool:
        """Whether *raw* is taken; what is neither taken nor refused as documented comes out of here as it is."""
        try:
            self.read(raw)
        except self.refusals:
            return False
        return True


def _text(read: Callable[[str], object], raw: bytes) -> object:
    """Give a parser of text what a server makes of a header's or an address's bytes."""
    return read(raw.decode("latin-1"))


def _told(adapter: Adapter, body: bytes, headers: dict[str, str]) -> list[object]:
    """Verify a webhook and read every delivery of it: one that nobody can read, such as for its currency, is parked."""
    told: list[object] = []
    for delivery in adapter.open_webhook(Webhook(headers=headers, body=body, received_at=AT)):
        with suppress(AdapterError, ValueError):
            told += adapter.read_delivery(delivery)
    return told


def _stripe(raw: bytes) -> object:
    signature = sign(raw.decode("utf-8", "replace"), at=AT)
    return _told(_STRIPE, raw, {"stripe-signature": signature})


def _stripe_header(raw: bytes) -> object:
    return _told(_STRIPE, _STRIPE_EVENTS[0].encode(), {"stripe-signature": raw.decode("latin-1")})


def _adyen(raw: bytes) -> object:
    """Sign every item that stands there, since nothing unsigned gets any further."""
    try:
        told = json.loads(raw)
        for one in told["notificationItems"]:
            one["NotificationRequestItem"] = signed(one["NotificationRequestItem"])
        raw = json.dumps(told).encode()
    except Exception:  # noqa: BLE001, S110 - what the SDK cannot sign is sent as it is
        pass
    return _told(_ADYEN, raw, {})


def _checkout(raw: bytes) -> object:
    return _told(_CHECKOUT, raw, {"cko-signature": hmac.digest(SIGNATURE_KEY.encode(), raw, "sha256").hex()})


def _report(adapter: ReadsSettlements, raw: bytes) -> object:
    """Read a report's rows by the adapter itself: the hub's reader would keep a row that it cannot read."""
    rows = Rows().feed(raw, last=True)
    header = rows[0][1] if rows and isinstance(rows[0][1], list) else []
    report = adapter.open_report(header)
    return [report.read(cells) for _, cells in rows[1:] if isinstance(cells, list) and len(cells) == len(header)]


def _statement(raw: bytes) -> object:
    return list(read_bank_file([raw]))


def _import(raw: bytes) -> object:
    file = BytesIO(raw)
    columns, position = read_header(file, "csv")
    return list(read_lines(file, columns, 2, position))


def _toml(raw: bytes) -> object:
    try:
        told = tomllib.loads(raw.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError):
        return None
    return decode(msgspec.json.encode(told), _RULESET)


def _sample(report: SampleReport) -> bytes:
    file = StringIO()
    csv.writer(file).writerows([report.header, *(cells for _, cells in report.rows)])
    return file.getvalue().encode()


def _settings(raw: bytes) -> object:
    text = raw.decode("latin-1")
    for name in _TEXTS:
        try:
            load_settings({f"HUB_{name.upper()}": text})
        except InvalidSettingError:
            continue
    return None


def _decoding(kind: Any, *seeds: object) -> tuple[Callable[[bytes], object], tuple[bytes, ...]]:
    decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(kind)
    return lambda raw: decode(raw, decoder), tuple(msgspec.json.encode(seed) for seed in seeds)


_RULESET: Final = msgspec.json.Decoder(RuleSet)
_RULES: Final = {
    "name": "main",
    "rules": [
        {
            "name": "eu",
            "when": {"all": [{"fact": "currency", "in": ["EUR"]}, {"not": {"fact": "risk_score", "gte": 95}}]},
            "use": {"strategy": "priority", "accounts": ["ma_1"]},
        }
    ],
    "otherwise": {"strategy": "split", "accounts": ["ma_1"], "weights": [1]},
}
_TOML: Final = b"""name = "main"
[[rules]]
name = "eu"
when = {all = [{fact = "currency", in = ["EUR"]}, {fact = "card.country", exists = true}]}
use = {strategy = "priority", accounts = ["ma_1", "ma_2"]}
[otherwise]
strategy = "priority"
accounts = ["ma_1"]
"""
_PAYMENT: Final = {
    "amount": 4999, "currency": "EUR", "reference": "invoice-1", "payment_method": "pm_1", "country": "DE",
    "risk": {"ip_country": "DE", "account_age_days": 40}, "metadata": {"order": "1042"}, "risk_score": 12,
}  # fmt: skip
_ACCOUNT: Final = {
    "name": "eu", "processor": "stripe", "credentials": {"api_key": "k"}, "currencies": ["EUR"], "region": "EEA",
    "fees": [{"percent_bps": 140, "fixed_minor": 25}], "limits": {"ticket_max": 9}, "holidays": ["2026-12-25"],
}  # fmt: skip
_FORM_BODY: Final = (
    b'--b\r\nContent-Disposition: form-data; name="text"\r\n\r\nthe payer had it\r\n'
    b'--b\r\nContent-Disposition: form-data; name="file[receipt]"; filename="a.pdf"\r\n'
    b"Content-Type: application/pdf\r\n\r\n%PDF-1.4\r\n--b--\r\n"
)


async def _connected() -> tuple[StripeAdapter, AdyenAdapter, CheckoutComAdapter]:
    """Make an adapter of each processor; the connections are closed at once, since reading needs none."""
    transport = Transport()
    stripe_key = StripeCredentials(api_key="sk_test_a", webhook_secret=SECRET)
    adyen_key = AdyenCredentials(api_key="k", merchant_account="Shop", webhook_secret=HMAC_KEY)
    checkout_key = CheckoutComCredentials(
        secret_key="sk_sbox_" + "a" * 27, processing_channel_id="pc_shop", webhook_secret=SIGNATURE_KEY
    )
    made = (
        StripeAdapter(stripe_key, transport, livemode=False, clock=lambda: AT),
        AdyenAdapter(adyen_key, transport, livemode=False),
        CheckoutComAdapter(checkout_key, transport, livemode=False),
    )
    await transport.close()
    return made


_STRIPE, _ADYEN, _CHECKOUT = asyncio.run(_connected())


def _parser(
    name: str, read: Callable[[bytes], object], refusals: type[Exception] | tuple[type[Exception], ...], *seeds: bytes
) -> Parser:
    return Parser(name=name, read=read, refusals=refusals if isinstance(refusals, tuple) else (refusals,), seeds=seeds)


def _bodies() -> Sequence[Parser]:
    kinds = (("a payment", PaymentRequest, _PAYMENT), ("an account", NewMerchantAccount, _ACCOUNT))
    made = []
    for name, kind, seed in (*kinds, ("a ruleset", RuleSet, _RULES), ("anything", Any, [_RULES, 1.5, None])):
        read, seeds = _decoding(kind, seed)
        made.append(_parser(f"JSON of {name}", read, ProblemError, *seeds))
    return made


_STRIPE_EVENTS: Final = (
    event("payment_intent.succeeded", intent()), event("charge.refunded", charge()), event("refund.updated", refund()),
)  # fmt: skip
_ADYEN_ITEMS: Final = (
    item(), item("CAPTURE", originalReference="PSP0", merchantReference="cap_1"),
    item("CHARGEBACK", additionalData={"chargebackReasonCode": "10.4", "defensePeriodEndsAt": "2026-12-01T00:00:00Z"}),
    item("REPORT_AVAILABLE", reason="https://ca-test.adyen.com/reports/download/a.csv"),
)  # fmt: skip
PARSERS: Final[Sequence[Parser]] = (
    *_bodies(),
    _parser("a Content-Type", partial(_text, check_content_type), ProblemError, b"application/json; charset=utf-8"),
    _parser("a cursor", partial(_text, read_cursor), ProblemError, write_cursor("pay_1").encode()),
    _parser("a position", partial(_text, read_position), ProblemError, write_position(12).encode()),
    _parser("an event's place", partial(_text, read_place), ProblemError, write_place(Place(7, "evt_1")).encode()),
    _parser("a ruleset in TOML", _toml, ProblemError, _TOML),
    _parser("a webhook of Stripe", _stripe, WebhookRejectedError, *(one.encode() for one in _STRIPE_EVENTS)),
    _parser("a signature of Stripe", _stripe_header, WebhookRejectedError, sign(_STRIPE_EVENTS[0], at=AT).encode()),
    _parser("a webhook of Adyen", _adyen, WebhookRejectedError, *(envelope(one) for one in _ADYEN_ITEMS)),
    _parser(
        "a webhook of Checkout.com", _checkout, WebhookRejectedError,
        *map(checkout_event, ("payment_approved", "payment_captured", "payment_refunded", "payment_declined")),
    ),
    _parser("a report of Stripe", partial(_report, _STRIPE), NotAReportError, _sample(stripe.SAMPLE)),
    _parser("a report of Adyen", partial(_report, _ADYEN), NotAReportError, _sample(adyen.SAMPLE)),
    _parser("a report of Checkout.com", partial(_report, _CHECKOUT), NotAReportError, _sample(checkout_com.SAMPLE)),
    _parser("camt.053", _statement, NotAStatementError, camt(entry(more=REFERENCES), entry())),
    _parser(
        "a bank's CSV", _statement, NotAStatementError,
        b"date,amount,reference,currency,id\n2026-11-12,10.00,po_1,EUR,b1\n2026-11-13,-1.50,rent,EUR,b2\n",
    ),
    _parser(
        "a file of tokens", _import, UnreadableFileError,
        b"processor,token,exp_month,exp_year,last4\nstripe,pm_1,12,2030,4242\nadyen,x,1,2031,1111\n",
    ),
    _parser("a form of evidence", lambda raw: read_evidence(_FORM, raw), ProblemError, _FORM_BODY),
    _parser(
        "a form's Content-Type", partial(_text, lambda text: read_evidence(text, _FORM_BODY)), ProblemError,
        _FORM.encode(),
    ),
    _parser(
        "an endpoint's URL", partial(_text, lambda text: read_url(text, livemode=False, allowed=())), UrlRefusedError,
        b"https://shop.example:8443/hook?a=b", b"http://[2606:4700::1111]/", b"https://8.8.8.8/",
    ),
    _parser(
        "card numbers in text", partial(_text, lambda text: (mask(text), find_card_number({text: text}))), (),
        b"on 2026-11-21 4242 4242 4242 4242 was", b"5555-5555-5555-4444",
    ),
    _parser(
        "a setting", _settings, (),
        b"refund:EUR=1000,USD=2000", b"first:" + b"A" * 43 + b"=", b"10.0.0.0/8,fd00::/8",
    ),
)  # fmt: skip
