"""Webhooks as the three processors sign them, and every way to forge one."""

import base64
import hmac
import json
import time
from collections.abc import Callable
from hashlib import sha256
from typing import Any

from msgspec import Struct

from hub.ids import new_id
from hub.sandbox.adyen.notices import signature
from hub.sandbox.server import processor as pretend

Json = dict[str, Any]
FORGED = "00" * 32


class Sent(Struct, frozen=True, kw_only=True):
    """One request to an account's address, the account being named as in the test's house."""

    account: str
    body: bytes
    headers: dict[str, str] = {}


def secret_of(processor: str, place: str) -> str:
    """The secret that the pretend processor signs with for one of its accounts."""
    return str(pretend(processor).credentials(place, "")["webhook_secret"])


STRIPE, ADYEN, CHECKOUT = secret_of("stripe", "eu"), secret_of("adyen", "HubEU"), secret_of("checkout_com", "pc_eu")


def stripe_event(**changes: Any) -> Json:
    event = {
        "id": new_id("evt_"), "object": "event", "type": "payment_intent.succeeded", "livemode": False, "created": 1,
        "api_version": "2026-07-29.dahlia", "pending_webhooks": 1, "request": None,
        "data": {"object": {"id": "pi_1", "object": "payment_intent"}},
    }  # fmt: skip
    return event | changes


def stripe(
    event: Json | bytes, *, secret: str = STRIPE, age_s: int = 0, scheme: str = "v1", account: str = "stripe-eu"
) -> Sent:
    body = event if isinstance(event, bytes) else json.dumps(event).encode()
    at = int(time.time()) - age_s
    proof = hmac.new(secret.encode(), f"{at}.".encode() + body, sha256).hexdigest()
    return Sent(account=account, body=body, headers={"Stripe-Signature": f"t={at},{scheme}={proof}"})


def adyen_item(**changes: Any) -> Json:
    item = {
        "amount": {"value": 1000, "currency": "EUR"}, "eventCode": "AUTHORISATION", "pspReference": new_id("PSP"),
        "eventDate": "2026-11-21T09:00:00Z", "merchantAccountCode": "HubEU", "merchantReference": "att_unknown",
        "success": "true",
    }  # fmt: skip
    return item | changes


def signed(item: Json, secret: str = ADYEN) -> Json:
    return item | {"additionalData": {"hmacSignature": signature(item, secret)}}


def adyen(*items: Json, live: str = "false", account: str = "adyen-eu", **headers: str) -> Sent:
    envelope = {"live": live, "notificationItems": [{"NotificationRequestItem": item} for item in items]}
    return Sent(account=account, body=json.dumps(envelope).encode(), headers=headers)


def adyen_token(*, secret: str = ADYEN, code: str = "HubEU", environment: str = "test") -> Sent:
    data = {"merchantAccount": code, "storedPaymentMethodId": "M1", "shopperReference": "s-1", "operation": "disabled"}
    told = {"type": "recurring.token.disabled", "eventId": new_id("PSP"), "environment": environment, "version": "1"}
    body = json.dumps(told | {"createdAt": "2026-11-21T09:00:00Z", "data": data}).encode()
    proof = base64.b64encode(hmac.digest(bytes.fromhex(secret), body, "sha256")).decode()
    return Sent(account="adyen-eu", body=body, headers={"HmacSignature": proof, "Protocol": "HmacSHA256"})


def checkout_event(**changes: Any) -> Json:
    data = {"id": "pay_1", "action_id": "act_1", "processing_channel_id": "pc_eu", "amount": 1000, "currency": "EUR"}
    told = {"id": new_id("evt_"), "type": "payment_captured", "version": "1.0", "created_on": "2026-11-21T09:00:00Z"}
    return told | {"data": data | changes.pop("data", {}), "_links": {}} | changes


def checkout(event: Json | bytes, *, secret: str = CHECKOUT, account: str = "checkout-eu") -> Sent:
    body = event if isinstance(event, bytes) else json.dumps(event).encode()
    proof = hmac.new(secret.encode(), body, sha256).hexdigest()
    return Sent(account=account, body=body, headers={"Cko-Signature": proof})


def altered(sent: Sent, old: bytes, new: bytes) -> Sent:
    """Change the body after it was signed."""
    assert old in sent.body
    return Sent(account=sent.account, body=sent.body.replace(old, new), headers=sent.headers)


def bare(sent: Sent, **headers: str) -> Sent:
    """Leave the signature out, or put *headers* in its place."""
    return Sent(account=sent.account, body=sent.body, headers=headers)


def to(account: str, sent: Sent) -> Sent:
    """Send what is genuine to another account's address."""
    return Sent(account=account, body=sent.body, headers=sent.headers)


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


GENUINE: dict[str, Callable[[], Sent]] = {
    "stripe": lambda: stripe(stripe_event()),
    "adyen": lambda: adyen(signed(adyen_item()), signed(adyen_item())),
    "adyen, a token": adyen_token,
    "adyen, with user and password": lambda: adyen(
        signed(adyen_item(merchantAccountCode="HubAuth"), secret_of("adyen", "HubAuth")),
        account="adyen-auth", **basic("adyen", "right"),
    ),
    "checkout.com": lambda: checkout(checkout_event()),
}  # fmt: skip

FORGERIES: dict[str, Callable[[], Sent]] = {
    "stripe: another secret": lambda: stripe(stripe_event(), secret="whsec_forged"),
    "stripe: an empty secret": lambda: stripe(stripe_event(), secret=""),
    "stripe: altered after it was signed": lambda: altered(stripe(stripe_event()), b"pi_1", b"pi_2"),
    "stripe: signed long ago": lambda: stripe(stripe_event(), age_s=400),
    "stripe: signed in the future": lambda: stripe(stripe_event(), age_s=-400),
    "stripe: another scheme of signing": lambda: stripe(stripe_event(), scheme="v0"),
    "stripe: no signature": lambda: bare(stripe(stripe_event())),
    "stripe: an empty signature": lambda: bare(stripe(stripe_event()), **{"Stripe-Signature": ""}),
    "stripe: a time and no signature": lambda: bare(stripe(stripe_event()), **{"Stripe-Signature": "t=1"}),
    "stripe: of the other mode": lambda: stripe(stripe_event(livemode=True)),
    "stripe: of a connected account": lambda: stripe(stripe_event(account="acct_1")),
    "stripe: another account's, at this address": lambda: stripe(stripe_event(), secret=secret_of("stripe", "two")),
    "stripe: genuine, replayed at another account": lambda: to("stripe-two", stripe(stripe_event())),
    "stripe: genuine, replayed at another processor's": lambda: to("adyen-eu", stripe(stripe_event())),
    "stripe: no JSON": lambda: stripe(b"\xff\xfe"),
    "stripe: a list": lambda: stripe(b"[]"),
    "stripe: no event": lambda: stripe(b"{}"),
    "stripe: nothing, signed": lambda: stripe(b""),
    "stripe: nothing at all": lambda: Sent(account="stripe-eu", body=b""),
    "adyen: another secret": lambda: adyen(signed(adyen_item(), FORGED)),
    "adyen: an altered amount": lambda: altered(adyen(signed(adyen_item())), b"1000", b"9000"),
    "adyen: an altered outcome": lambda: altered(
        adyen(signed(adyen_item(success="false"))), b'"success": "false"', b'"success": "true"'
    ),
    "adyen: the second item's secret": lambda: adyen(signed(adyen_item()), signed(adyen_item(), FORGED)),
    "adyen: the second item without signature": lambda: adyen(signed(adyen_item()), adyen_item(additionalData={})),
    "adyen: the second item without additionalData": lambda: adyen(signed(adyen_item()), adyen_item()),
    "adyen: the second item of another account": lambda: adyen(
        signed(adyen_item()), signed(adyen_item(merchantAccountCode="Other"))
    ),
    "adyen: no additionalData": lambda: adyen(adyen_item()),
    "adyen: additionalData of null": lambda: adyen(adyen_item(additionalData=None)),
    "adyen: no signature": lambda: adyen(adyen_item(additionalData={"authCode": "1"})),
    "adyen: a signature that is no text": lambda: adyen(adyen_item(additionalData={"hmacSignature": 1})),
    "adyen: an empty signature": lambda: adyen(adyen_item(additionalData={"hmacSignature": ""})),
    "adyen: a signature beyond ASCII": lambda: adyen(adyen_item(additionalData={"hmacSignature": "ü"})),
    "adyen: fields divided otherwise": lambda: adyen(signed(adyen_item(pspReference="PSP:1"))),
    "adyen: another account's code": lambda: adyen(signed(adyen_item(merchantAccountCode="Other"))),
    "adyen: of the other mode": lambda: adyen(signed(adyen_item()), live="true"),
    "adyen: an empty batch": adyen,
    "adyen: genuine, replayed at another account": lambda: to("adyen-two", adyen(signed(adyen_item()))),
    "adyen: no user and password": lambda: bare(GENUINE["adyen, with user and password"]()),
    "adyen: a wrong password": lambda: bare(GENUINE["adyen, with user and password"](), **basic("adyen", "wrong")),
    "adyen: no JSON": lambda: Sent(account="adyen-eu", body=b"\xff"),
    "adyen: nothing at all": lambda: Sent(account="adyen-eu", body=b""),
    "adyen, a token: another secret": lambda: adyen_token(secret=FORGED),
    "adyen, a token: altered after it was signed": lambda: altered(adyen_token(), b"M1", b"M2"),
    "adyen, a token: no signature": lambda: bare(adyen_token()),
    "adyen, a token: of the other mode": lambda: adyen_token(environment="live"),
    "adyen, a token: another account's code": lambda: adyen_token(code="Other"),
    "checkout.com: another secret": lambda: checkout(checkout_event(), secret="forged"),
    "checkout.com: an empty secret": lambda: checkout(checkout_event(), secret=""),
    "checkout.com: altered after it was signed": lambda: altered(checkout(checkout_event()), b"1000", b"9000"),
    "checkout.com: no signature": lambda: bare(checkout(checkout_event())),
    "checkout.com: an empty signature": lambda: bare(checkout(checkout_event()), **{"Cko-Signature": ""}),
    "checkout.com: another channel": lambda: checkout(checkout_event(data={"processing_channel_id": "pc_other"})),
    "checkout.com: of the other mode": lambda: checkout(
        checkout_event(_links={"payment": {"href": "https://api.checkout.com/payments/pay_1"}})
    ),
    "checkout.com: genuine, replayed at another account": lambda: to("checkout-two", checkout(checkout_event())),
    "checkout.com: no JSON": lambda: checkout(b"\xff"),
    "checkout.com: nothing, signed": lambda: checkout(b""),
    "checkout.com: nothing at all": lambda: Sent(account="checkout-eu", body=b""),
}
