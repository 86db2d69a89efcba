"""A processor that says yes to everything, in the formats of three, and counts its charges by tag.

It runs as a process of its own, `python -m benchmarks.processor PORT`, remembers no idempotency key and so counts a
request that was sent twice as two charges. `GET /counts` tells what it counted, `POST /null` does nothing at all.
"""

import asyncio
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from itertools import count
from typing import Final, cast
from urllib.parse import parse_qsl

import msgspec
import uvloop
from msgspec import Struct

from benchmarks.wire import Message, Messages, response

TAG: Final = "metadata[hub_operation]"
_NULL: Final = response(201, b"{}")
_METHOD: Final = (
    b'{"id":"pm_card_visa","object":"payment_method","type":"card","livemode":false,"customer":null,"metadata":{},'
    b'"card":{"brand":"visa","last4":"4242","exp_month":3,"exp_year":2030,"funding":"credit","country":"US"}}'
)
_NOT_FOUND: Final = response(404, b'{"error":{"type":"invalid_request_error","code":"resource_missing"}}')
_ADDRESS: Final = ("city", "country", "line1", "line2", "postal_code", "state")
_ACCOUNT: Final = (
    b'{"id":"acct_bench","object":"account","type":"standard","country":"DE","default_currency":"eur","created":1800000000,'
    b'"livemode":false,"charges_enabled":true,"payouts_enabled":true,"details_submitted":true,"settings":{"branding":{}}}'
)
_numbers: Final = count(1)
LATER: Final = "pm_bench_later"
"""A payment method whose charges are accepted first and have succeeded whenever they are looked at."""


class Counts(Struct, frozen=True):
    """Charges since the start, how many different tags they carried, and how often a payment was looked at."""

    charges: int
    tags: int
    reads: int = 0


class Ledger:
    """What was charged."""

    def __init__(self) -> None:
        self.by_tag: Counter[str] = Counter()
        self.charges = 0
        self.intents: dict[str, dict[str, object]] = {}
        self.reads = 0

    def charge(self, tag: str) -> None:
        """Count one charge."""
        self.by_tag[tag] += 1
        self.charges += 1

    def counts(self) -> Counts:
        """Sum up."""
        return Counts(self.charges, len(self.by_tag), self.reads)


def stripe_charge(ledger: Ledger, message: Message) -> bytes:
    """Answer POST /v1/payment_intents with what Stripe says of a card that was charged."""
    asked = dict(parse_qsl(message.body.decode(), keep_blank_values=True))
    number = next(_numbers)
    ledger.charge(asked[TAG])
    amount = int(asked["amount"])
    intent = {
        "id": f"pi_3Bench{number:012d}",
        "object": "payment_intent",
        "amount": amount,
        "amount_capturable": 0,
        "amount_received": amount,
        "capture_method": asked.get("capture_method", "automatic"),
        "confirmation_method": "automatic",
        "created": 1_800_000_000,
        "currency": asked["currency"],
        "latest_charge": f"ch_3Bench{number:012d}",
        "livemode": False,
        "metadata": {name[9:-1]: value for name, value in asked.items() if name.startswith("metadata[")},
        "next_action": None,
        "payment_method": asked.get("payment_method"),
        "payment_method_types": ["card"],
        "status": "succeeded",
    }
    if asked.get("payment_method") == LATER:
        ledger.intents[str(intent["id"])] = intent
        return response(200, msgspec.json.encode(intent | {"amount_received": 0, "status": "processing"}))
    return response(200, msgspec.json.encode(intent))


def stripe_payment(ledger: Ledger, message: Message) -> bytes:
    """Answer GET /v1/payment_intents/… about a payment that was accepted first, and has succeeded since."""
    ledger.reads += 1
    reference = message.first.split(b" ")[1].partition(b"?")[0].rpartition(b"/")[2].decode()
    intent = ledger.intents.get(reference)
    if intent is None:
        return _NOT_FOUND
    return response(200, msgspec.json.encode(intent | {"latest_charge": charge(intent)}))


def charge(intent: Mapping[str, object]) -> dict[str, object]:
    """Write the charge of *intent* as Stripe shows it when it is asked to expand it."""
    return {
        "id": intent["latest_charge"],
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": intent["amount"],
        "amount_refunded": 0,
        "balance_transaction": "txn_3Bench",
        "billing_details": {"address": dict.fromkeys(_ADDRESS), "email": None, "name": None, "phone": None},
        "captured": True,
        "created": 1_800_000_001,
        "currency": intent["currency"],
        "disputed": False,
        "failure_code": None,
        "livemode": False,
        "metadata": intent["metadata"],
        "outcome": {
            "network_status": "approved_by_network",
            "reason": None,
            "risk_level": "normal",
            "seller_message": "Payment complete.",
            "type": "authorized",
        },
        "paid": True,
        "payment_intent": intent["id"],
        "payment_method": intent["payment_method"],
        "payment_method_details": {
            "card": {
                "brand": "visa",
                "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"},
                "country": "US",
                "exp_month": 3,
                "exp_year": 2030,
                "fingerprint": "Bench",
                "funding": "credit",
                "last4": "4242",
                "network": "visa",
                "three_d_secure": None,
            },
            "type": "card",
        },
        "refunded": False,
        "refunds": None,
        "status": "succeeded",
    }


class AdyenAmount(Struct, frozen=True):
    """Money as Adyen writes it."""

    value: int
    currency: str


class AdyenPayment(Struct, frozen=True):
    """What is read of POST /payments."""

    amount: AdyenAmount
    reference: str


def adyen_charge(ledger: Ledger, message: Message) -> bytes:
    """Answer POST /v72/payments with what Adyen says of a card that was charged."""
    asked = msgspec.json.decode(message.body, type=AdyenPayment)
    number = next(_numbers)
    ledger.charge(asked.reference)
    reply = {
        "pspReference": f"BENCH{number:011d}",
        "resultCode": "Authorised",
        "amount": asked.amount,
        "merchantReference": asked.reference,
        "paymentMethod": {"brand": "visa", "type": "scheme"},
        "additionalData": {"authCode": "012345", "cvcResult": "1 Matches", "avsResult": "0 Unknown"},
    }
    return response(200, msgspec.json.encode(reply))


class CheckoutComPayment(Struct, frozen=True):
    """What is read of POST /payments at Checkout.com."""

    amount: int
    currency: str
    reference: str


def checkout_com_charge(ledger: Ledger, message: Message) -> bytes:
    """Answer POST /payments with what Checkout.com says of a card that was authorized."""
    asked = msgspec.json.decode(message.body, type=CheckoutComPayment)
    number = next(_numbers)
    ledger.charge(asked.reference)
    reply = {
        "id": f"pay_bench{number:021d}",
        "action_id": f"act_bench{number:021d}",
        "amount": asked.amount,
        "currency": asked.currency,
        "approved": True,
        "status": "Authorized",
        "auth_code": "012345",
        "response_code": "10000",
        "reference": asked.reference,
        "source": {"id": "src_bench", "type": "card", "scheme": "Visa", "last4": "4242", "avs_check": "G"},
    }
    return response(201, msgspec.json.encode(reply))


Answering = Callable[[Ledger, Message], bytes]
ROUTES: Final[dict[bytes, Answering]] = {
    b"POST /v1/payment_intents": stripe_charge,
    b"POST /v72/payments": adyen_charge,
    b"POST /payments": checkout_com_charge,
    b"POST /null": lambda _ledger, _message: _NULL,
    b"GET /counts": lambda ledger, _message: response(200, msgspec.json.encode(ledger.counts())),
    b"GET /v1/account": lambda _ledger, _message: response(200, _ACCOUNT),
    b"GET /v1/payment_methods/pm_card_visa": lambda _ledger, _message: response(200, _METHOD),
    b"GET /v1/payment_methods/" + LATER.encode(): lambda _ledger, _message: response(
        200, _METHOD.replace(b"pm_card_visa", LATER.encode())
    ),
}
_PAYMENT: Final = b"GET /v1/payment_intents/"


class Connection(asyncio.Protocol):
    """One client's connection."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._messages = Messages()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep it open for good."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer what has arrived completely."""
        for message in self._messages.feed(data):
            route = message.first.rpartition(b" ")[0].partition(b"?")[0]
            answering = ROUTES.get(route)
            if answering is None and route.startswith(_PAYMENT):
                answering = stripe_payment
            answer = answering(self._ledger, message) if answering else response(404, b'{"error":{"type":"none"}}')
            self._transport.write(answer)


async def serve(port: int) -> None:
    """Listen until the process is ended."""
    ledger = Ledger()
    server = await asyncio.get_running_loop().create_server(lambda: Connection(ledger), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(int(sys.argv[1])))
