"""The scenes that lead each route to its successes and to the refusals of its own."""

import asyncio
from typing import Any, Final

import httpx
import msgspec
from sqlalchemy import func, insert, select, text
from sqlalchemy.sql import Executable

from hub.app import utc_now
from hub.ids import new_id
from hub.rulesets.tables import ruleset_activations, rulesets
from tests.hub.house import STRIPE_SECRET, House
from tests.hub.payments.scenes import (
    FORM,
    SCENES,
    TOKEN,
    charged,
    half_sent,
    payment,
    scene,
    waiting,
    way_back,
    webhook,
)

__all__ = ["SCENES"]
METHOD: Final = {"type": "card", "processor_tokens": [TOKEN]}


def account(**changes: Any) -> dict[str, Any]:
    credentials = {"api_key": "sk_test_another", "webhook_secret": STRIPE_SECRET}
    return {"name": new_id("acme-"), "processor": "stripe", "credentials": credentials} | changes


def ruleset(home: House, name: str | None = None) -> dict[str, Any]:
    use = {"strategy": "priority", "accounts": sorted(home.accounts.values())}
    return {"name": name or new_id("rules-"), "rules": [], "otherwise": use}


async def made(home: House, path: str, sent: dict[str, Any]) -> str:
    """The address of something new."""
    answer = await home.hub.post(path, sent)
    assert answer.status_code == 201, answer.text
    return f"{path}/{answer.json()['id']}"


@scene("POST", "/v1/payments", 201)
async def _charged(home: House) -> httpx.Response:
    return await charged(home)


@scene("POST", "/v1/payments", 202)
async def _silent(home: House) -> httpx.Response:
    await home.control("stripe", "POST", "webhooks", {"mode": "delay", "delay_s": 3.0})
    await home.fault("stripe", "silent_after", "purchase")
    answer = await charged(home)
    await home.control("stripe", "POST", "webhooks", {"mode": "normal"})
    return answer


@scene("POST", "/v1/payments", 409)
async def _duplicate(home: House) -> httpx.Response:
    reference = new_id("twice-")
    await charged(home, reference=reference)
    return await charged(home, reference=reference)


@scene("GET", "/v1/payments", 200)
async def _payments(home: House) -> httpx.Response:
    await payment(home)
    return await home.hub.get("/v1/payments")


@scene("GET", "/v1/payments/{payment_id}", 200)
async def _payment(home: House) -> httpx.Response:
    return await home.hub.get(f"/v1/payments/{await payment(home)}")


@scene("GET", "/v1/payments/{payment_id}/timeline", 200)
async def _timeline(home: House) -> httpx.Response:
    return await home.hub.get(f"/v1/payments/{await payment(home)}/timeline")


@scene("POST", "/v1/payments/{payment_id}/capture", 200)
async def _captured(home: House) -> httpx.Response:
    return await home.hub.post(f"/v1/payments/{await payment(home, capture='manual')}/capture", {})


@scene("POST", "/v1/payments/{payment_id}/cancel", 200)
async def _canceled(home: House) -> httpx.Response:
    return await home.hub.post(f"/v1/payments/{await payment(home, capture='manual')}/cancel", {})


@scene("POST", "/v1/payments/{payment_id}/refunds", 201)
async def _refunded(home: House) -> httpx.Response:
    return await home.hub.post(f"/v1/payments/{await payment(home)}/refunds", {})


async def _pending(home: House, follow_up: str) -> httpx.Response:
    capture = "automatic" if follow_up == "refunds" else "manual"
    await home.control("adyen", "POST", "webhooks", {"mode": "delay", "delay_s": 0.5})
    held = await payment(home, capture=capture, merchant_account=home.accounts["adyen-eu"])
    answer = await home.hub.post(f"/v1/payments/{held}/{follow_up}", {})
    await home.control("adyen", "POST", "webhooks", {"mode": "normal"})
    return answer


@scene("POST", "/v1/payments/{payment_id}/capture", 202)
async def _capturing(home: House) -> httpx.Response:
    return await _pending(home, "capture")


@scene("POST", "/v1/payments/{payment_id}/cancel", 202)
async def _canceling(home: House) -> httpx.Response:
    return await _pending(home, "cancel")


@scene("POST", "/v1/payments/{payment_id}/refunds", 202)
async def _refunding(home: House) -> httpx.Response:
    return await _pending(home, "refunds")


@scene("POST", "/v1/payments/{payment_id}/capture", 409)
async def _captured_already(home: House) -> httpx.Response:
    return await home.hub.post(f"/v1/payments/{await payment(home)}/capture", {})


@scene("POST", "/v1/payments/{payment_id}/cancel", 409)
async def _too_late(home: House) -> httpx.Response:
    return await home.hub.post(f"/v1/payments/{await payment(home)}/cancel", {})


@scene("POST", "/v1/payments/{payment_id}/refunds", 409)
async def _nothing_captured(home: House) -> httpx.Response:
    return await home.hub.post(f"/v1/payments/{await payment(home, capture='manual')}/refunds", {})


@scene("POST", "/v1/payments/{payment_id}/confirm", 200)
async def _confirmed(home: House) -> httpx.Response:
    return await home.hub.post(f"/v1/payments/{(await waiting(home))['id']}/confirm", {})


@scene("POST", "/v1/payments/{payment_id}/confirm", 202)
async def _confirmed_in_silence(home: House) -> httpx.Response:
    path = f"/v1/payments/{(await waiting(home, 'adyen'))['id']}/confirm"
    await home.fault("adyen", "silent_before", "complete")
    return await home.hub.post(path, {"returned": {"redirectResult": "made-up"}})


@scene("GET", "/v1/refunds", 200)
async def _refunds(home: House) -> httpx.Response:
    await _refunded(home)
    return await home.hub.get("/v1/refunds")


@scene("GET", "/v1/refunds/{refund_id}", 200)
async def _refund(home: House) -> httpx.Response:
    return await home.hub.get(f"/v1/refunds/{(await _refunded(home)).json()['id']}")


@scene("GET", "/redirect/{payment_id}", 200)
async def _form(home: House) -> httpx.Response:
    return await home.hub.client.get((await waiting(home, "adyen"))["next_action"]["url"])


@scene("GET", "/return/{payment_id}", 303)
async def _back(home: House) -> httpx.Response:
    return await home.hub.client.get(await way_back(home))


@scene("POST", "/return/{payment_id}", 303)
async def _back_by_form(home: House) -> httpx.Response:
    return await home.hub.client.post(await way_back(home), data={"MD": "x", "PaRes": "y"})


@scene("POST", "/return/{payment_id}", 408)
async def _back_slowly(home: House) -> httpx.Response:
    return await half_sent(home.hub, "POST", await way_back(home))


@scene("POST", "/return/{payment_id}", 413)
async def _back_with_much(home: House) -> httpx.Response:
    headers = {"Content-Type": FORM}
    return await home.hub.client.post(await way_back(home), content=b"a" * 300_000, headers=headers)


@scene("POST", "/webhooks/{merchant_account}", 202)
async def _told(home: House) -> httpx.Response:
    return await webhook(home.hub, home.accounts["stripe-eu"])


@scene("POST", "/webhooks/{merchant_account}", 401)
async def _forged(home: House) -> httpx.Response:
    return await home.hub.client.post(f"/webhooks/{home.accounts['stripe-eu']}", json={})


@scene("POST", "/webhooks/{merchant_account}", 408)
async def _told_slowly(home: House) -> httpx.Response:
    return await half_sent(home.hub, "POST", f"/webhooks/{home.accounts['stripe-eu']}")


@scene("POST", "/webhooks/{merchant_account}", 413)
async def _told_much(home: House) -> httpx.Response:
    return await home.hub.client.post(f"/webhooks/{home.accounts['stripe-eu']}", content=b" " * 1_100_000)


@scene("POST", "/v1/payment_methods", 201)
async def _method(home: House) -> httpx.Response:
    return await home.hub.post("/v1/payment_methods", METHOD)


@scene("GET", "/v1/payment_methods/{method_id}", 200)
async def _read_method(home: House) -> httpx.Response:
    return await home.hub.get(await made(home, "/v1/payment_methods", METHOD))


@scene("DELETE", "/v1/payment_methods/{method_id}", 204)
async def _no_method(home: House) -> httpx.Response:
    return await home.hub.client.delete(await made(home, "/v1/payment_methods", METHOD))


@scene("POST", "/v1/payment_methods/{method_id}/processor_tokens", 201)
async def _token(home: House) -> httpx.Response:
    path = await made(home, "/v1/payment_methods", METHOD)
    token = {"processor": "adyen", "token": "stored_visa", "customer_reference": "shopper-1"}
    return await home.hub.post(f"{path}/processor_tokens", token)


@scene("POST", "/v1/payment_methods/{method_id}/processor_tokens", 409)
async def _second_token(home: House) -> httpx.Response:
    path = await made(home, "/v1/payment_methods", METHOD)
    return await home.hub.post(f"{path}/processor_tokens", TOKEN)


async def verified(home: House, key: str | None = None) -> httpx.Response:
    method = await home.method(stripe="pm_card_visa")
    return await home.hub.post(f"/v1/payment_methods/{method}/verify", {"currency": "EUR"}, key=key)


@scene("POST", "/v1/payment_methods/{method_id}/verify", 201)
async def _verified(home: House) -> httpx.Response:
    return await verified(home)


@scene("POST", "/v1/payment_methods/{method_id}/verify", 202)
async def _verified_in_silence(home: House) -> httpx.Response:
    method = await home.method(adyen="stored_visa")
    await home.fault("adyen", "silent_before", "purchase")
    return await home.hub.post(f"/v1/payment_methods/{method}/verify", {"currency": "EUR"})


@scene("POST", "/v1/payment_methods/{method_id}/verify", 409)
async def _verified_at_once(home: House) -> httpx.Response:
    method, key = await home.method(adyen="stored_visa"), new_id("key_")
    path = f"/v1/payment_methods/{method}/verify"
    await home.fault("adyen", "silent_before", "purchase")
    first = asyncio.create_task(home.hub.post(path, {"currency": "EUR"}, key=key))
    await asyncio.sleep(0.3)
    answer = await home.hub.post(path, {"currency": "EUR"}, key=key)
    await first
    return answer


@scene("GET", "/v1/payment_methods/{method_id}/verifications", 200)
async def _verifications(home: House) -> httpx.Response:
    return await home.hub.get((await verified(home)).headers["Location"])


async def opened(home: House, account: str = "stripe-eu") -> httpx.Response:
    sent = {"currency": "EUR", "merchant_account": home.accounts[account]}
    return await home.hub.post("/v1/payment_sessions", sent)


@scene("POST", "/v1/payment_sessions", 201)
async def _opened(home: House) -> httpx.Response:
    return await opened(home)


@scene("GET", "/v1/payment_sessions/{session_id}", 200)
async def _read_session(home: House) -> httpx.Response:
    return await home.hub.get(f"/v1/payment_sessions/{(await opened(home)).json()['id']}")


@scene("POST", "/v1/payment_sessions/{session_id}/complete", 200)
async def _completed(home: House) -> httpx.Response:
    return await home.hub.post((await opened(home)).json()["complete_url"], {"token": "pm_card_visa"})


@scene("POST", "/v1/payment_sessions/{session_id}/complete", 202)
async def _completed_later(home: House) -> httpx.Response:
    account = home.places[home.accounts["adyen-eu"]][1]
    await home.control("adyen", "PUT", f"accounts/{account}", {"tokens_by_webhook_only": True})
    await home.control("adyen", "POST", "webhooks", {"mode": "delay", "delay_s": 0.5})
    typed = {"type": "scheme", "encryptedCardNumber": "test_4111111111111111", "encryptedExpiryMonth": "test_03"}
    typed |= {"encryptedExpiryYear": "test_2030", "encryptedSecurityCode": "test_737"}
    answer = await home.hub.post(
        (await opened(home, "adyen-eu")).json()["complete_url"], {"data": {"paymentMethod": typed}}
    )
    await home.control("adyen", "POST", "webhooks", {"mode": "normal"})
    await home.control("adyen", "PUT", f"accounts/{account}", {"tokens_by_webhook_only": False})
    return answer


@scene("POST", "/v1/customers", 201)
async def _customer(home: House) -> httpx.Response:
    return await home.hub.post("/v1/customers", {})


@scene("GET", "/v1/customers/{customer_id}", 200)
async def _read_customer(home: House) -> httpx.Response:
    return await home.hub.get(await made(home, "/v1/customers", {}))


@scene("DELETE", "/v1/customers/{customer_id}", 204)
async def _no_customer(home: House) -> httpx.Response:
    return await home.hub.client.delete(await made(home, "/v1/customers", {}))


@scene("GET", "/v1/customers/{customer_id}/payment_methods", 200)
async def _methods(home: House) -> httpx.Response:
    return await home.hub.get(f"{await made(home, '/v1/customers', {})}/payment_methods")


@scene("POST", "/v1/merchant_accounts", 201)
async def _account(home: House) -> httpx.Response:
    return await home.hub.post("/v1/merchant_accounts", account())


@scene("POST", "/v1/merchant_accounts", 409)
async def _name_taken(home: House) -> httpx.Response:
    return await home.hub.post("/v1/merchant_accounts", account(name="stripe-eu"))


@scene("GET", "/v1/merchant_accounts", 200)
async def _accounts(home: House) -> httpx.Response:
    return await home.hub.get("/v1/merchant_accounts")


@scene("GET", "/v1/merchant_accounts/{account_id}", 200)
async def _read_account(home: House) -> httpx.Response:
    return await home.hub.get(f"/v1/merchant_accounts/{home.accounts['stripe-eu']}")


@scene("PATCH", "/v1/merchant_accounts/{account_id}", 200)
async def _paused(home: House) -> httpx.Response:
    path = await made(home, "/v1/merchant_accounts", account())
    return await home.hub.client.patch(path, json={"status": "paused"})


@scene("PATCH", "/v1/merchant_accounts/{account_id}", 409)
async def _renamed(home: House) -> httpx.Response:
    path = await made(home, "/v1/merchant_accounts", account())
    return await home.hub.client.patch(path, json={"name": "stripe-eu"})


@scene("POST", "/v1/routing/rulesets", 201)
async def _ruleset(home: House) -> httpx.Response:
    return await home.hub.post("/v1/routing/rulesets", ruleset(home))


async def beaten(home: House, first: Executable, path: str, sent: dict[str, Any]) -> httpx.Response:
    """POST while somebody else's change is not committed yet; once ours waits for it, it is."""
    database = home.hub.parts.database
    async with database.transaction() as connection:
        await connection.execute(first)
        ours = asyncio.create_task(home.hub.post(path, sent))
        for _ in range(500):
            if await connection.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")):
                break
            await asyncio.sleep(0.01)
    return await ours


@scene("POST", "/v1/routing/rulesets", 409)
async def _second_version(home: House) -> httpx.Response:
    name = new_id("rules-")
    row = {"id": new_id("rs_"), "livemode": False, "name": name, "version": 1, "created_at": utc_now()}
    first = insert(rulesets).values(row | {"document": msgspec.json.encode(ruleset(home, name)).decode()})
    return await beaten(home, first, "/v1/routing/rulesets", ruleset(home, name))


@scene("POST", "/v1/routing/rulesets/{ruleset_id}/activate", 409)
async def _second_activation(home: House) -> httpx.Response:
    path = await made(home, "/v1/routing/rulesets", ruleset(home))
    ours = ruleset_activations.c.livemode.is_(False)
    number = select(func.coalesce(func.max(ruleset_activations.c.number), 0) + 1).where(ours).scalar_subquery()
    row = {"id": new_id("rsa_"), "livemode": False, "ruleset": path.rpartition("/")[2], "rollout_percent": 100}
    row |= {"kind": "activate"}
    first = insert(ruleset_activations).values(row | {"created_at": utc_now(), "number": number})
    return await beaten(home, first, f"{path}/activate", {})


@scene("GET", "/v1/routing/rulesets", 200)
async def _rulesets(home: House) -> httpx.Response:
    await made(home, "/v1/routing/rulesets", ruleset(home))
    return await home.hub.get("/v1/routing/rulesets")


@scene("GET", "/v1/routing/rulesets/{ruleset_id}", 200)
async def _read_ruleset(home: House) -> httpx.Response:
    return await home.hub.get(await made(home, "/v1/routing/rulesets", ruleset(home)))


@scene("POST", "/v1/routing/rulesets/{ruleset_id}/activate", 200)
async def _active(home: House) -> httpx.Response:
    return await home.hub.post(f"{await made(home, '/v1/routing/rulesets', ruleset(home))}/activate", {})


@scene("POST", "/v1/api_keys", 201)
async def _key(home: House) -> httpx.Response:
    return await home.hub.post("/v1/api_keys", {"name": "till", "principal": "ada", "role": "service"})


@scene("GET", "/v1/api_keys", 200)
async def _keys(home: House) -> httpx.Response:
    return await home.hub.get("/v1/api_keys")


@scene("GET", "/v1/audit_log", 200)
async def _audit_log(home: House) -> httpx.Response:
    return await home.hub.get("/v1/audit_log")


@scene("GET", "/v1/api_keys/{key_id}", 200)
async def _read_key(home: House) -> httpx.Response:
    return await home.hub.get(f"/v1/api_keys/{(await _key(home)).json()['id']}")


@scene("DELETE", "/v1/api_keys/{key_id}", 204)
async def _no_key(home: House) -> httpx.Response:
    return await home.hub.client.delete(f"/v1/api_keys/{(await _key(home)).json()['id']}")


async def events(home: House) -> httpx.Response:
    """What one payment's events are listed as, once there are any."""
    path = f"/v1/events?object={await payment(home)}"
    answer = await home.hub.get(path)
    for _ in range(100):
        if answer.json()["data"]:
            break
        await asyncio.sleep(0.1)
        answer = await home.hub.get(path)
    return answer


@scene("GET", "/v1/events", 200)
async def _events(home: House) -> httpx.Response:
    return await events(home)


@scene("GET", "/v1/events/{event_id}", 200)
async def _read_event(home: House) -> httpx.Response:
    return await home.hub.get(f"/v1/events/{(await events(home)).json()['data'][0]['id']}")


@scene("GET", "/health/live", 200)
async def _alive(home: House) -> httpx.Response:
    return await home.hub.get("/health/live")


@scene("GET", "/health/ready", 200)
async def _ready(home: House) -> httpx.Response:
    return await home.hub.get("/health/ready")


@scene("GET", "/metrics", 200)
async def _counted(home: House) -> httpx.Response:
    return await home.hub.get("/metrics")


@scene("GET", "/v1/routing/health", 200)
async def _routing_health(home: House) -> httpx.Response:
    return await home.hub.get("/v1/routing/health")


@scene("GET", "/v1/routing/fees", 200)
async def _routing_fees(home: House) -> httpx.Response:
    path = await made(home, "/v1/merchant_accounts", account())
    await home.hub.client.patch(path, json={"fees": [{"percent_bps": 140, "fixed_minor": 25}]})
    return await home.hub.get("/v1/routing/fees")
