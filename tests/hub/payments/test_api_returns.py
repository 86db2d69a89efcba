"""The payer's challenge over real HTTP: out to the bank's page, back to the hub, and on to the shop."""

import re
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx
import pytest
from msgspec.structs import replace

from hub.access.rules import Role
from hub.ids import new_id
from tests.hub.house import QUICK, House, house

pytestmark = pytest.mark.asyncio(loop_scope="module")
SHOP = "https://shop.example/thanks?order=1"
TOKENS = {
    "stripe": {"stripe": "pm_card_threeDSecure2Required"},
    "adyen": {"adyen": "stored_3ds_redirect"},
    "adyen by form": {"adyen": "stored_3ds_post"},
}
WAYS = sorted(TOKENS)


async def challenged(home: House, way: str = "stripe", **changes: Any) -> dict[str, Any]:
    """A payment that waits for its payer."""
    made = await charged(home, way, **changes)
    assert (made.status_code, made.json()["status"]) == (201, "requires_action"), made.text
    told: dict[str, Any] = made.json()
    return told


async def charged(home: House, way: str, **changes: Any) -> httpx.Response:
    method = await home.method(**TOKENS[way])
    account = home.accounts[f"{way.split(maxsplit=1)[0]}-eu"]
    wanted = {"payment_method": method, "merchant_account": account, "return_url": SHOP} | changes
    return await home.hub.charge(**{name: value for name, value in wanted.items() if value is not None})


async def answered(url: str, outcome: str) -> httpx.Response:
    """Open *url* as a browser does, submit what the bank asks with *outcome*, and stop before the hub."""
    async with httpx.AsyncClient() as browser:
        page = await browser.get(url)
        assert page.status_code == 200, page.text
        if "PaReq" in page.text:  # The hub's own page, whose form goes on by itself.
            page = await browser.post(action_of(page), data=fields_of(page))
        if f'id="{outcome}"' in page.text:  # Adyen's page has a form for each answer.
            return await browser.post(action_of(page, outcome))
        return await browser.post(page.url, data={"outcome": outcome})


async def visit(method: str, url: str, **sent: Any) -> httpx.Response:
    """Open an address as a browser that nobody knows."""
    async with httpx.AsyncClient() as browser:
        return await browser.request(method, url, **sent)


async def brought_back(left: httpx.Response) -> httpx.Response:
    """Follow the bank's redirect, or its form, to the hub."""
    if left.is_redirect:
        return await visit("GET", left.headers["location"])
    return await visit("POST", action_of(left), data=fields_of(left))


def action_of(page: httpx.Response, form: str = "") -> str:
    found = re.search(rf'<form {f"id={chr(34)}{form}{chr(34)} " if form else "[^>]*"}[^>]*action="([^"]*)"', page.text)
    assert found is not None, page.text
    return urljoin(str(page.url), unescape(found[1]))


def fields_of(page: httpx.Response) -> dict[str, str]:
    return {name: unescape(value) for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', page.text)}


def settled(payment: dict[str, Any]) -> tuple[str, int]:
    return payment["status"], payment["amount_captured"]


async def charges(home: House, payment: dict[str, Any]) -> int:
    money = await home.control(payment["processor"], "GET", f"money?tag={payment['tag']}")
    return int(money["charges"])


async def read(home: House, payment: dict[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = (await home.hub.get(f"/v1/payments/{payment['id']}")).json()
    return told


class TestThereAndBack:
    @pytest.mark.parametrize("way", WAYS)
    async def test_a_payer_who_completes_is_charged_once_and_lands_at_the_shop(self, home: House, way: str) -> None:
        payment = await challenged(home, way)
        before = await charges(home, payment)

        back = await brought_back(await answered(payment["next_action"]["url"], "complete"))

        landed = urlsplit(back.headers["location"])
        assert (back.status_code, f"{landed.scheme}://{landed.netloc}{landed.path}") == (
            303, "https://shop.example/thanks",
        )  # fmt: skip
        assert parse_qs(landed.query) == {"order": ["1"], "payment": [payment["id"]]}
        told = await read(home, payment)
        assert (told["status"], told["amount_captured"], told["next_action"]) == ("captured", 4999, None)
        assert (before, await charges(home, payment)) == (0, 1)

    @pytest.mark.parametrize("way", WAYS)
    async def test_a_payer_who_fails_is_not_charged_and_lands_at_the_shop_all_the_same(
        self, home: House, way: str
    ) -> None:
        payment = await challenged(home, way)

        back = await brought_back(await answered(payment["next_action"]["url"], "fail"))

        told = await read(home, payment)
        assert back.status_code == 303
        assert (told["status"], told["decline"]["category"]) == ("failed", "authentication")
        assert await charges(home, payment) == 0

    @pytest.mark.parametrize("way", WAYS)
    async def test_coming_back_again_only_leads_to_the_shop(self, home: House, way: str) -> None:
        payment = await challenged(home, way)
        left = await answered(payment["next_action"]["url"], "complete")
        first = await brought_back(left)
        then = await read(home, payment)

        again = await brought_back(left)

        assert (again.status_code, again.headers["location"]) == (303, first.headers["location"])
        assert settled(await read(home, payment)) == settled(then)
        assert await charges(home, payment) == 1

    async def test_manual_capture_is_held_and_not_taken(self, home: House) -> None:
        payment = await challenged(home, capture="manual")

        await brought_back(await answered(payment["next_action"]["url"], "complete"))

        told = await read(home, payment)
        assert (told["status"], told["amount_authorized"], told["amount_captured"]) == ("authorized", 4999, 0)

    async def test_the_form_is_shown_by_the_hub_for_a_get(self, home: House) -> None:
        payment = await challenged(home, "adyen by form")

        page = await visit("GET", payment["next_action"]["url"])

        assert payment["next_action"]["url"].startswith(f"{home.hub.url}/redirect/{payment['id']}?s=")
        assert page.headers["content-type"].startswith("text/html")
        assert page.headers["cache-control"] == "no-store"
        assert set(fields_of(page)) >= {"MD", "PaReq"}

    async def test_the_form_is_gone_once_the_payer_came_back(self, home: House) -> None:
        payment = await challenged(home, "adyen by form")
        await brought_back(await answered(payment["next_action"]["url"], "complete"))

        page = await visit("GET", payment["next_action"]["url"])

        assert page.status_code == 404


class TestSecrets:
    @pytest.mark.parametrize("secret", ["", "s=", "s=wrong", "s=%C3%A9", f"s={'a' * 40}"])
    @pytest.mark.parametrize("door", ["return", "redirect"])
    async def test_without_the_secret_there_is_no_such_address(self, home: House, door: str, secret: str) -> None:
        payment = await challenged(home, "adyen by form")

        got = await visit("GET", f"{home.hub.url}/{door}/{payment['id']}?{secret}")

        assert (got.status_code, got.json()["code"]) == (404, "not_found")
        assert (await read(home, payment))["status"] == "requires_action"

    async def test_a_form_without_the_secret_changes_nothing(self, home: House) -> None:
        payment = await challenged(home, "adyen by form")

        posted = await visit("POST", f"{home.hub.url}/return/{payment['id']}", data={"MD": "x", "PaRes": "y"})

        assert posted.status_code == 404
        assert (await read(home, payment))["status"] == "requires_action"

    async def test_one_payments_secret_opens_no_other(self, home: House) -> None:
        mine, other = await challenged(home, "adyen by form"), await challenged(home, "adyen by form")
        secret = mine["next_action"]["url"].partition("?")[2]

        got = await visit("GET", f"{home.hub.url}/return/{other['id']}?{secret}")

        assert got.status_code == 404

    async def test_what_the_payer_makes_up_charges_nothing(self, home: House) -> None:
        payment = await challenged(home, "adyen by form")
        secret = payment["next_action"]["url"].partition("?")[2]

        back = await visit("GET", f"{home.hub.url}/return/{payment['id']}?{secret}&redirectResult=made-up")

        assert back.status_code == 303
        assert (await read(home, payment))["status"] != "captured"
        assert await charges(home, payment) == 0


class TestWhoIsAsked:
    @pytest.mark.parametrize("way", WAYS)
    @pytest.mark.parametrize("changes", [{"return_url": None}, {"off_session": True}], ids=["no return_url", "absent"])
    async def test_a_payer_who_cannot_be_asked_is_declined(
        self, home: House, way: str, changes: dict[str, Any]
    ) -> None:
        answer = await charged(home, way, **changes)

        told = answer.json()
        assert (answer.status_code, told["status"], told["next_action"]) == (201, "failed", None)
        assert (told["decline"]["code"], told["decline"]["category"]) == ("authentication_required", "authentication")
        assert await charges(home, told) == 0

    async def test_a_waiting_payment_holds_its_reference(self, home: House) -> None:
        waiting = await challenged(home, reference=(reference := new_id("invoice-")))

        answer = await charged(home, "stripe", reference=reference)

        assert (answer.status_code, answer.json()["payment"]) == (409, waiting["id"])


class TestConfirm:
    @pytest.mark.parametrize("way", WAYS)
    async def test_an_application_that_catches_the_return_brings_what_it_caught(self, home: House, way: str) -> None:
        payment = await challenged(home, way)
        left = await answered(payment["next_action"]["url"], "complete")
        query = parse_qs(urlsplit(left.headers.get("location", "")).query)
        caught = {name: values[0] for name, values in query.items() if name != "s"} or fields_of(left)

        answer = await home.hub.client.post(f"/v1/payments/{payment['id']}/confirm", json={"returned": caught})

        assert (answer.status_code, answer.json()["status"]) == (200, "captured"), answer.text
        assert await charges(home, payment) == 1

    @pytest.mark.parametrize("content", [b"{}", b'{"returned":null}'])
    async def test_without_what_came_back_the_processor_is_asked(self, home: House, content: bytes) -> None:
        payment = await challenged(home)
        await answered(payment["next_action"]["url"], "complete")
        headers = {"Content-Type": "application/json"}

        answer = await home.hub.client.post(f"/v1/payments/{payment['id']}/confirm", content=content, headers=headers)

        assert (answer.status_code, answer.json()["status"]) == (200, "captured")

    async def test_it_needs_no_body_at_all(self, home: House) -> None:
        payment = await challenged(home)

        answer = await home.hub.client.post(f"/v1/payments/{payment['id']}/confirm")

        assert (answer.status_code, answer.json()["status"]) == (200, "requires_action")

    async def test_before_the_payer_answered_the_payment_goes_on_waiting(self, home: House) -> None:
        payment = await challenged(home)

        answer = await home.hub.client.post(f"/v1/payments/{payment['id']}/confirm", json={})

        assert (answer.status_code, answer.json()["status"]) == (200, "requires_action")
        assert answer.json()["next_action"]["url"] == payment["next_action"]["url"]

    async def test_again_it_changes_nothing(self, home: House) -> None:
        payment = await challenged(home)
        await answered(payment["next_action"]["url"], "complete")
        path = f"/v1/payments/{payment['id']}/confirm"
        await home.hub.client.post(path, json={})
        done = await home.hub.until(payment["id"], "captured")  # A worker that asks just then holds the first one up.

        again = await home.hub.client.post(path, json={})

        assert (again.status_code, again.json()) == (200, done)
        assert await charges(home, payment) == 1

    async def test_while_the_outcome_is_unknown_it_is_accepted_only(self, home: House) -> None:
        payment = await challenged(home, "adyen")
        left = await answered(payment["next_action"]["url"], "complete")
        caught = {"redirectResult": parse_qs(urlsplit(left.headers["location"]).query)["redirectResult"][0]}
        await home.control("adyen", "POST", "webhooks", {"mode": "delay", "delay_s": 2.0})
        await home.fault("adyen", "silent_after", "complete")

        answer = await home.hub.client.post(f"/v1/payments/{payment['id']}/confirm", json={"returned": caught})

        await home.control("adyen", "POST", "webhooks", {"mode": "normal"})
        assert (answer.status_code, answer.json()["status"]) == (202, "processing")
        assert (await home.hub.until(payment["id"], "captured"))["amount_captured"] == 4999
        assert await charges(home, payment) == 1

    @pytest.mark.parametrize("role", sorted(set(Role) - {Role.SERVICE, Role.ADMIN}))
    async def test_it_is_for_those_who_charge(self, home: House, role: Role) -> None:
        headers = await home.caller(role)

        answer = await home.hub.client.post("/v1/payments/pay_x/confirm", json={}, headers=headers)

        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")

    @pytest.mark.parametrize("narrow", ["mode", "account"])
    async def test_it_knows_nothing_of_what_the_key_is_not_for(self, home: House, narrow: str) -> None:
        payment = await challenged(home)
        mine = frozenset({home.accounts["adyen-eu"]})
        headers = await (home.caller(livemode=True) if narrow == "mode" else home.caller(merchant_accounts=mine))

        answer = await home.hub.client.post(f"/v1/payments/{payment['id']}/confirm", json={}, headers=headers)

        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


class TestCancel:
    @pytest.mark.parametrize("way", WAYS)
    async def test_a_waiting_payment_can_be_given_up_and_is_never_charged(self, home: House, way: str) -> None:
        payment = await challenged(home, way)

        answer = await home.hub.post(f"/v1/payments/{payment['id']}/cancel", {})
        told = await home.hub.until(payment["id"], "canceled", "failed")

        assert answer.status_code in {200, 202}
        assert told["next_action"] is None
        assert await charges(home, payment) == 0


async def unheard(made: House) -> None:
    """Have no processor tell of the cancellation before the hub, which asks for it, has written down why."""
    for processor in made.sandboxes:
        await made.control(processor, "POST", "webhooks", {"mode": "drop"})


@pytest.mark.parametrize("way", WAYS)
async def test_a_payer_who_never_comes_back_is_given_up(database_url: str, tmp_path: Path, way: str) -> None:
    async with house(database_url, tmp_path, settings=replace(QUICK, challenge_minutes=0)) as made:
        await unheard(made)
        waiting = (await charged(made, way)).json()

        told = await made.hub.until(waiting["id"], "failed")

        assert (told["decline"]["code"], told["next_action"]) == ("customer_cancelled", None)
        assert await charges(made, waiting) == 0


@pytest.mark.parametrize("way", ["stripe", "adyen"])
async def test_a_payer_who_comes_back_too_late_is_not_charged(database_url: str, tmp_path: Path, way: str) -> None:
    async with house(database_url, tmp_path, settings=replace(QUICK, challenge_minutes=0)) as made:
        await unheard(made)
        waiting = (await charged(made, way)).json()
        await made.hub.until(waiting["id"], "failed")

        back = await brought_back(await answered(waiting["next_action"]["url"], "complete"))

        assert back.status_code == 303
        assert (await read(made, waiting))["status"] == "failed"
        assert await charges(made, waiting) == 0
