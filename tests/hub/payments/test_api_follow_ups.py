"""Capture, cancel and refund as callers meet them, at a processor that answers at once and at one that does not."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from hub.access.rules import Role
from hub.ids import new_id
from tests.hub.house import House, add_account

pytestmark = pytest.mark.asyncio(loop_scope="module")
FOLLOW_UPS = ["capture", "cancel", "refunds"]


async def paid(home: House, processor: str = "stripe", **changes: Any) -> str:
    """The address of a payment of 100.00 EUR that was captured."""
    pinned = {"merchant_account": home.accounts[f"{processor}-eu"], "payment_method": home.payment_method}
    made = await home.hub.charge(**{"amount": 10_000} | pinned | changes)
    assert made.status_code == 201, made.text
    return f"/v1/payments/{made.json()['id']}"


async def held(home: House, processor: str = "stripe", **changes: Any) -> str:
    """The address of a payment of 100.00 EUR that is authorized only."""
    return await paid(home, processor, capture="manual", **changes)


async def ready_for(home: House, follow_up: str, processor: str = "stripe") -> str:
    return f"{await (paid if follow_up == 'refunds' else held)(home, processor)}/{follow_up}"


def code_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


@pytest_asyncio.fixture(loop_scope="module")
async def late_webhooks(home: House) -> AsyncIterator[None]:
    """Let what Adyen tells come after its answer, as it does in the world."""
    await home.control("adyen", "POST", "webhooks", {"mode": "delay", "delay_s": 0.5})
    yield
    await home.control("adyen", "POST", "webhooks", {"mode": "normal"})


@pytest_asyncio.fixture(loop_scope="module")
async def lost_webhooks(home: House) -> AsyncIterator[None]:
    """Let Stripe's silence be one: nothing else tells what became of the request."""
    await home.control("stripe", "POST", "webhooks", {"mode": "drop"})
    yield
    await home.control("stripe", "DELETE", "faults")
    await home.control("stripe", "POST", "webhooks", {"mode": "normal"})


async def read(home: House, path: str) -> dict[str, Any]:
    told: dict[str, Any] = (await home.hub.get(path)).json()
    return told


class TestCapture:
    async def test_takes_all_that_was_authorized(self, home: House) -> None:
        payment = await held(home)

        answer = await home.hub.post(f"{payment}/capture", {})

        assert (answer.status_code, answer.json()["status"]) == (200, "captured")
        assert (answer.json()["amount_captured"], answer.json()["amount_capturing"]) == (10_000, 0)
        assert answer.json() == await read(home, payment)

    @pytest.mark.fault_case(id="AMT-04")
    async def test_takes_a_part_and_gives_the_rest_back(self, home: House) -> None:
        payment = await held(home)

        answer = await home.hub.post(f"{payment}/capture", {"amount": 6000})
        again = await home.hub.post(f"{payment}/capture", {"amount": 1000})

        money = await home.control("stripe", "GET", f"money?tag={answer.json()['tag']}")
        assert (answer.status_code, answer.json()["amount_captured"], money["captured"]) == (200, 6000, 6000)
        assert code_of(again) == (409, "payment_not_capturable")

    @pytest.mark.usefixtures("late_webhooks")
    async def test_is_under_way_until_the_processor_tells_the_result(self, home: House) -> None:
        payment = await held(home, "adyen")

        answer = await home.hub.post(f"{payment}/capture", {"amount": 6000})

        told = answer.json()
        assert (answer.status_code, told["status"]) == (202, "authorized")
        assert (told["amount_capturing"], told["amount_captured"]) == (6000, 0)
        assert (await home.hub.until(told["id"], "captured"))["amount_captured"] == 6000

    async def test_of_more_than_is_authorized_is_refused(self, home: House) -> None:
        payment = await held(home)

        answer = await home.hub.post(f"{payment}/capture", {"amount": 10_001})

        assert code_of(answer) == (422, "amount_exceeds_authorized")

    async def test_of_a_captured_payment_is_refused(self, home: House) -> None:
        answer = await home.hub.post(f"{await paid(home)}/capture", {})

        assert code_of(answer) == (409, "payment_not_capturable")


class TestCancel:
    async def test_gives_an_authorization_back(self, home: House) -> None:
        payment = await held(home)

        answer = await home.hub.post(f"{payment}/cancel", {})

        money = await home.control("stripe", "GET", f"money?tag={answer.json()['tag']}")
        assert (answer.status_code, answer.json()["status"], answer.json()["canceling"]) == (200, "canceled", False)
        assert (money["voided"], money["captured"]) == (10_000, 0)

    @pytest.mark.usefixtures("late_webhooks")
    async def test_is_under_way_until_the_processor_tells_the_result(self, home: House) -> None:
        payment = await held(home, "adyen")

        answer = await home.hub.post(f"{payment}/cancel", {})

        told = answer.json()
        assert (answer.status_code, told["status"], told["canceling"]) == (202, "authorized", True)
        assert (await home.hub.until(told["id"], "canceled"))["canceling"] is False

    async def test_of_a_captured_payment_is_refused(self, home: House) -> None:
        answer = await home.hub.post(f"{await paid(home)}/cancel", {})

        assert code_of(answer) == (409, "payment_not_cancelable")

    @pytest.mark.usefixtures("lost_webhooks")
    @pytest.mark.usefixtures("lost_webhooks")
    async def test_of_a_payment_that_is_not_known_yet_is_kept_and_carried_out_later(self, home: House) -> None:
        await home.fault("stripe", "silent_after", "authorize")
        await home.fault("stripe", "reset_before", count=1000)
        pinned = {"merchant_account": home.accounts["stripe-eu"], "payment_method": home.payment_method}
        unknown = await home.hub.charge(capture="manual", **pinned)

        answer = await home.hub.post(f"/v1/payments/{unknown.json()['id']}/cancel", {})

        assert (unknown.status_code, unknown.json()["status"]) == (202, "processing")
        assert (answer.status_code, answer.json()["status"], answer.json()["canceling"]) == (202, "processing", True)
        await home.control("stripe", "DELETE", "faults")
        assert (await home.hub.until(unknown.json()["id"], "canceled"))["amount_captured"] == 0


class TestRefund:
    async def test_gives_back_a_part_and_then_the_rest(self, home: House) -> None:
        payment = await paid(home)

        part = await home.hub.post(f"{payment}/refunds", {"amount": 4000, "reason": "late", "reference": "r-1"})
        rest = await home.hub.post(f"{payment}/refunds", {})

        told = part.json()
        assert (part.status_code, told["object"], told["status"], told["amount"]) == (201, "refund", "succeeded", 4000)
        assert (told["reason"], told["reference"], told["payment"]) == ("late", "r-1", payment.rpartition("/")[2])
        assert (rest.status_code, rest.json()["amount"]) == (201, 6000)
        assert (await read(home, payment))["amount_refunded"] == 10_000
        assert await read(home, f"/v1/refunds/{told['id']}") == told

    @pytest.mark.usefixtures("late_webhooks")
    async def test_is_under_way_until_the_processor_tells_the_result(self, home: House) -> None:
        payment = await paid(home, "adyen")
        answer = await home.hub.post(f"{payment}/refunds", {"amount": 4000})

        assert (answer.status_code, answer.json()["status"]) == (202, "pending")
        assert (await read(home, payment))["amount_refunding"] == 4000

    async def test_of_more_than_is_left_is_refused(self, home: House) -> None:
        payment = await paid(home)
        await home.hub.post(f"{payment}/refunds", {"amount": 4000})

        answer = await home.hub.post(f"{payment}/refunds", {"amount": 6001})

        assert code_of(answer) == (422, "amount_exceeds_captured")
        assert (await read(home, payment))["amount_refunding"] == 0

    async def test_of_what_was_never_captured_is_refused(self, home: House) -> None:
        answer = await home.hub.post(f"{await held(home)}/refunds", {})

        assert code_of(answer) == (409, "payment_not_refundable")

    @pytest.mark.parametrize(
        ("limit", "amount", "status"),
        [({"EUR": 500}, 500, 201), ({"EUR": 500}, 501, 403), ({"USD": 9999}, 1, 403), ({"EUR": 500}, None, 403)],
    )
    async def test_within_the_keys_limit_per_currency(
        self, home: House, limit: dict[str, int], amount: int | None, status: int
    ) -> None:
        payment = await paid(home)
        limited = await home.caller(Role.SUPPORT, refund_max=limit)
        sent = {} if amount is None else {"amount": amount}

        answer = await home.hub.post(f"{payment}/refunds", sent, headers=limited)

        assert answer.status_code == status, answer.text
        assert (await read(home, payment))["amount_refunding"] == 0

    @pytest.mark.parametrize("role", [Role.SERVICE, Role.SUPPORT, Role.ADMIN])
    async def test_services_supporters_and_admins_refund(self, home: House, role: Role) -> None:
        headers = await home.caller(role)

        answer = await home.hub.post(f"{await paid(home)}/refunds", {}, headers=headers)

        assert answer.status_code == 201


class TestEveryFollowUp:
    @pytest.mark.usefixtures("late_webhooks")
    @pytest.mark.parametrize("processor", ["stripe", "adyen"])
    @pytest.mark.parametrize("follow_up", FOLLOW_UPS)
    async def test_answers_a_key_the_same_ever_after(self, home: House, follow_up: str, processor: str) -> None:
        path, key = await ready_for(home, follow_up, processor), new_id("key_")
        first = await home.hub.post(path, {}, key=key)

        again = await home.hub.post(path, {}, key=key)

        done = {"stripe": 201 if follow_up == "refunds" else 200, "adyen": 202}[processor]
        assert (first.status_code, again.status_code, again.content) == (done, done, first.content)
        assert "idempotent-replayed" not in first.headers
        assert again.headers["idempotent-replayed"] == "true"
        read_at = first.headers["location"]
        assert again.headers["location"] == read_at
        assert (await read(home, read_at))["id"] == first.json()["id"]

    @pytest.mark.parametrize("follow_up", FOLLOW_UPS)
    async def test_takes_a_key_for_one_payment_only(self, home: House, follow_up: str) -> None:
        key = new_id("key_")
        await home.hub.post(await ready_for(home, follow_up), {}, key=key)

        answer = await home.hub.post(await ready_for(home, follow_up), {}, key=key)

        assert code_of(answer) == (422, "idempotency_key_reused")

    @pytest.mark.parametrize("follow_up", FOLLOW_UPS)
    async def test_needs_a_key(self, home: House, follow_up: str) -> None:
        answer = await home.hub.client.post(await ready_for(home, follow_up), json={})

        assert code_of(answer) == (400, "idempotency_key_missing")

    @pytest.mark.parametrize("follow_up", FOLLOW_UPS)
    async def test_knows_nothing_of_the_other_mode(self, home: House, follow_up: str) -> None:
        path = await ready_for(home, follow_up)

        answer = await home.hub.post(path, {}, headers=await home.caller(livemode=True))

        assert code_of(answer) == (404, "not_found")

    @pytest.mark.parametrize("follow_up", FOLLOW_UPS)
    async def test_knows_nothing_of_accounts_that_the_key_is_not_for(self, home: House, follow_up: str) -> None:
        path = await ready_for(home, follow_up)
        limited = await home.caller(merchant_accounts=frozenset({home.accounts["adyen-eu"]}))

        answer = await home.hub.post(path, {}, headers=limited)

        assert code_of(answer) == (404, "not_found")

    @pytest.mark.parametrize(
        ("follow_up", "role"),
        [(way, role) for way in ("capture", "cancel") for role in sorted(set(Role) - {Role.SERVICE, Role.ADMIN})]
        + [("refunds", role) for role in (Role.FINANCE, Role.OPERATOR, Role.AUDITOR)],
    )
    async def test_is_for_those_whose_role_says_so(self, home: House, follow_up: str, role: Role) -> None:
        answer = await home.hub.post(f"/v1/payments/pay_x/{follow_up}", {}, headers=await home.caller(role))

        assert code_of(answer) == (403, "forbidden")

    @pytest.mark.parametrize("follow_up", ["capture", "refunds"])
    async def test_that_the_account_does_not_take_leaves_the_payment_as_it_was(
        self, home: House, follow_up: str
    ) -> None:
        path = await ready_for(home, follow_up)
        kind = {"capture": "capture", "refunds": "refund"}[follow_up]
        await home.fault("stripe", "rate_limited", kind, count=9)

        answer = await home.hub.post(path, {})

        await home.control("stripe", "DELETE", "faults")
        payment = await read(home, path.rpartition("/")[0])
        assert answer.status_code in {200, 201}, answer.text
        assert (payment["amount_capturing"], payment["amount_refunding"]) == (0, 0)
        assert payment["status"] == ("captured" if follow_up == "refunds" else "authorized")

    async def test_a_cancel_that_the_account_does_not_take_is_tried_until_it_does(self, home: House) -> None:
        path = await ready_for(home, "cancel")
        await home.fault("stripe", "rate_limited", "void", count=4)

        answer = await home.hub.post(path, {})

        assert (answer.status_code, answer.json()["canceling"]) == (202, True)
        canceled = await home.hub.until(answer.json()["id"], "canceled")
        assert (canceled["canceling"], canceled["cancel_reason"]) == (False, "requested")

    @pytest.mark.usefixtures("lost_webhooks")
    @pytest.mark.parametrize("follow_up", ["capture", "refunds"])
    async def test_waits_for_an_outcome_that_is_not_known(self, home: House, follow_up: str) -> None:
        await home.fault("stripe", "silent_after", "authorize")
        await home.fault("stripe", "silent_before", "inquire", count=2)
        pinned = {"merchant_account": home.accounts["stripe-eu"], "payment_method": home.payment_method}
        unknown = (await home.hub.charge(capture="manual", **pinned)).json()

        answer = await home.hub.post(f"/v1/payments/{unknown['id']}/{follow_up}", {})

        assert unknown["status"] == "processing"
        assert code_of(answer) == (409, "payment_unresolved")
        assert int(answer.headers["retry-after"]) > 0

    async def test_several_captures_where_the_account_grants_them(self, home: House) -> None:
        several = await add_account(
            home, new_id("several-"), "adyen", "HubMany", currencies=["EUR"], credentials={"multiple_captures": True}
        )
        payment = await held(home, "adyen", merchant_account=several)

        first = await home.hub.post(f"{payment}/capture", {"amount": 1000, "final": False})
        second = await home.hub.post(f"{payment}/capture", {"amount": 2000})

        assert [one.status_code for one in (first, second)] == [202, 202]
        assert second.json()["amount_capturing"] + second.json()["amount_captured"] == 3000
