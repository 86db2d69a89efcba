"""Reading payments and refunds: one, many, page by page, and everything that happened to one."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from hub.access.rules import Role
from hub.ids import new_id
from tests.hub.house import House

pytestmark = pytest.mark.asyncio(loop_scope="module")
LISTS = ["/v1/payments", "/v1/refunds"]


async def paid(home: House, processor: str = "stripe", **changes: Any) -> dict[str, Any]:
    pinned = {"merchant_account": home.accounts[f"{processor}-eu"], "payment_method": home.payment_method}
    made = await home.hub.charge(**pinned | changes)
    assert made.status_code == 201, made.text
    told: dict[str, Any] = made.json()
    return told


async def refunded(home: House, payment: dict[str, Any], amount: int) -> dict[str, Any]:
    made = await home.hub.post(f"/v1/payments/{payment['id']}/refunds", {"amount": amount})
    assert made.status_code in {201, 202}, made.text
    told: dict[str, Any] = made.json()
    return told


async def listed(home: House, path: str, **query: Any) -> list[str]:
    answer = await home.hub.get(path, **query)
    assert answer.status_code == 200, answer.text
    return [one["id"] for one in answer.json()["data"]]


def field_of(answer: httpx.Response) -> tuple[int, str, str]:
    told = answer.json()
    return answer.status_code, told["code"], told["errors"][0]["field"]


class TestOne:
    @pytest.mark.parametrize("role", sorted(Role))
    async def test_every_role_reads_payments(self, home: House, role: Role) -> None:
        payment = await paid(home)

        answer = await home.hub.client.get(f"/v1/payments/{payment['id']}", headers=await home.caller(role))

        assert (answer.status_code, answer.json()) == (200, payment)

    @pytest.mark.parametrize("what", ["payment", "refund", "timeline"])
    async def test_the_other_mode_sees_nothing(self, home: House, what: str) -> None:
        path = await self.path_of(home, what)

        seen = await home.hub.get(path)
        unseen = await home.hub.client.get(path, headers=await home.caller(livemode=True))

        assert (seen.status_code, unseen.status_code, unseen.json()["code"]) == (200, 404, "not_found")

    @pytest.mark.parametrize("what", ["payment", "refund", "timeline"])
    async def test_a_key_for_another_account_sees_nothing(self, home: House, what: str) -> None:
        path = await self.path_of(home, what)
        elsewhere = await home.caller(merchant_accounts=frozenset({home.accounts["adyen-eu"]}))

        unseen = await home.hub.client.get(path, headers=elsewhere)

        assert (unseen.status_code, unseen.json()["code"]) == (404, "not_found")

    @pytest.mark.parametrize("what", ["payment", "refund", "timeline"])
    async def test_a_key_without_the_scope_sees_nothing(self, home: House, what: str) -> None:
        path = await self.path_of(home, what)
        made = {"name": "narrow", "principal": "ada", "scopes": ["ledger:read"]}
        secret = (await home.hub.post("/v1/api_keys", made)).json()["key"]

        refused = await home.hub.client.get(path, headers={"Authorization": f"Bearer {secret}"})

        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")

    async def test_a_payment_is_no_refund_and_a_refund_no_payment(self, home: House) -> None:
        payment = await paid(home)
        refund = await refunded(home, payment, 1)

        answers = [
            await home.hub.get(f"/v1/payments/{refund['id']}"),
            await home.hub.get(f"/v1/refunds/{payment['tag']}"),
        ]

        assert [answer.status_code for answer in answers] == [404, 404]

    async def path_of(self, home: House, what: str) -> str:
        payment = await paid(home)
        if what == "refund":
            return f"/v1/refunds/{(await refunded(home, payment, 1))['id']}"
        return f"/v1/payments/{payment['id']}{'/timeline' if what == 'timeline' else ''}"


class TestFilters:
    async def test_payments_by_each_of_their_facts(self, home: House) -> None:
        customer = (await home.hub.post("/v1/customers", {"reference": new_id("c-")})).json()["id"]
        wanted = await paid(home, customer=customer)
        other = await paid(home, "adyen")
        refund = await refunded(home, wanted, 1)

        for narrow in (
            {"reference": wanted["reference"]},
            {"customer": customer},
            {"tag": wanted["tag"]},
            {"tag": refund["id"]},
            {"tag": wanted["processor_reference"]},
            {"tag": refund["processor_reference"]},
            {"reference": wanted["reference"], "status": "captured"},
            {"customer": customer, "merchant_account": home.accounts["stripe-eu"]},
        ):
            assert await listed(home, "/v1/payments", **narrow) == [wanted["id"]], narrow
        assert other["id"] not in await listed(home, "/v1/payments", merchant_account=home.accounts["stripe-eu"])
        assert await listed(home, "/v1/payments", reference=wanted["reference"], status="failed") == []

    async def test_payments_by_when_they_were_made(self, home: House) -> None:
        first = await paid(home)
        second = await paid(home)

        since = await listed(home, "/v1/payments", created_after=second["created_at"])
        between = await listed(
            home, "/v1/payments", created_after=first["created_at"], created_before=second["created_at"]
        )

        assert since == [second["id"]]
        assert between == [first["id"]]

    async def test_an_offset_from_utc_is_understood(self, home: House) -> None:
        made = await paid(home)
        east = datetime.fromisoformat(made["created_at"]) + timedelta(hours=5, minutes=30)

        written = east.replace(tzinfo=None).isoformat() + "+05:30"

        assert (await listed(home, "/v1/payments", created_after=written))[-1] == made["id"]

    async def test_refunds_of_one_payment(self, home: House) -> None:
        payment = await paid(home)
        refunds = [await refunded(home, payment, amount) for amount in (1, 2)]
        await refunded(home, await paid(home), 1)

        assert await listed(home, "/v1/refunds", payment=payment["id"]) == [one["id"] for one in reversed(refunds)]

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("status", "paid"),
            ("created_after", "yesterday"),
            ("created_after", "2026-11-21T09:00:00"),
            ("created_before", "2026-11-21"),
            ("limit", "0"),
            ("limit", "101"),
            ("limit", "ten"),
            ("cursor", "nonsense!"),
            ("cursor", "AAAA"),
            ("refrence", "invoice-1"),
            ("reference", "4242 4242 4242 4242"),
            ("card", "4242424242424242"),
        ],
    )
    async def test_a_value_that_no_filter_takes_is_named(self, home: House, field: str, value: str) -> None:
        code = "card_data_refused" if "4242" in value else "validation_failed"

        assert field_of(await home.hub.get("/v1/payments", **{field: value})) == (422, code, field)

    @pytest.mark.parametrize(("field", "value"), [("limit", "0"), ("cursor", "nonsense!")])
    async def test_so_it_is_for_refunds(self, home: House, field: str, value: str) -> None:
        assert field_of(await home.hub.get("/v1/refunds", **{field: value})) == (422, "validation_failed", field)


class TestPages:
    async def test_payments_go_on_where_the_page_before_ended_while_new_ones_come(self, home: House) -> None:
        customer = (await home.hub.post("/v1/customers", {"reference": new_id("c-")})).json()["id"]
        made = [(await paid(home, customer=customer))["id"] for _ in range(3)]
        first = (await home.hub.get("/v1/payments", customer=customer, limit=2)).json()
        await paid(home, customer=customer)

        second = (await home.hub.get("/v1/payments", customer=customer, limit=2, cursor=first["next_cursor"])).json()

        assert [one["id"] for one in first["data"]] == [made[2], made[1]]
        assert [one["id"] for one in second["data"]] == [made[0]]
        assert second["next_cursor"] is None
        assert first["data"][0]["attempts"][0]["status"] == "approved"

    async def test_refunds_go_on_where_the_page_before_ended(self, home: House) -> None:
        payment = await paid(home)
        made = [(await refunded(home, payment, amount))["id"] for amount in (1, 2, 3)]
        first = (await home.hub.get("/v1/refunds", payment=payment["id"], limit=2)).json()

        second = (await home.hub.get("/v1/refunds", payment=payment["id"], limit=2, cursor=first["next_cursor"])).json()

        assert [one["id"] for one in first["data"]] == [made[2], made[1]]
        assert ([one["id"] for one in second["data"]], second["next_cursor"]) == ([made[0]], None)

    async def test_a_full_last_page_says_that_it_is_the_last(self, home: House) -> None:
        customer = (await home.hub.post("/v1/customers", {"reference": new_id("c-")})).json()["id"]
        for _ in range(2):
            await paid(home, customer=customer)

        assert (await home.hub.get("/v1/payments", customer=customer, limit=2)).json()["next_cursor"] is None

    @pytest.mark.parametrize("path", LISTS)
    async def test_the_other_mode_lists_nothing(self, home: House, path: str) -> None:
        await refunded(home, await paid(home), 1)

        answer = await home.hub.client.get(path, headers=await home.caller(livemode=True))

        assert answer.json() == {"data": [], "next_cursor": None}

    @pytest.mark.parametrize("path", LISTS)
    async def test_a_key_for_one_account_lists_that_account_only(self, home: House, path: str) -> None:
        for processor in ("stripe", "adyen"):
            await refunded(home, await paid(home, processor), 1)
        limited = await home.caller(merchant_accounts=frozenset({home.accounts["adyen-eu"]}))

        shown = (await home.hub.client.get(path, headers=limited, params={"limit": 100})).json()["data"]

        assert {one["merchant_account"] for one in shown} == {home.accounts["adyen-eu"]}

    @pytest.mark.parametrize("path", LISTS)
    async def test_a_key_without_the_scope_lists_nothing(self, home: House, path: str) -> None:
        made = {"name": "narrow", "principal": "ada", "scopes": ["ledger:read"]}
        secret = (await home.hub.post("/v1/api_keys", made)).json()["key"]

        refused = await home.hub.client.get(path, headers={"Authorization": f"Bearer {secret}"})

        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")


class TestTimeline:
    async def test_tells_in_order_what_happened_and_by_whose_word(self, home: House) -> None:
        payment = await paid(home)
        refund = await refunded(home, payment, 999)

        told = (await home.hub.get(f"/v1/payments/{payment['id']}/timeline")).json()

        instants = [datetime.fromisoformat(entry["at"]) for entry in told["entries"]]
        seen = {(entry["kind"], entry["summary"].split(" ")[0]) for entry in told["entries"]}
        assert (told["payment"], told["truncated"]) == (payment["id"], False)
        assert instants == sorted(instants)
        assert all(instant <= datetime.now(UTC) for instant in instants)
        assert {("operation", "purchase"), ("operation", "refund"), ("event", "payment.captured")} <= seen
        assert {"report", "transfer", "expected_settlement", "audit"} <= {kind for kind, _ in seen}
        moved = [entry["data"]["amount_minor"] for entry in told["entries"] if entry["kind"] == "transfer"]
        assert moved == [4999, 999]
        assert any(entry["id"] == refund["id"] for entry in told["entries"])

    async def test_tells_why_a_charge_was_declined(self, home: House) -> None:
        poor = await home.method(stripe="pm_card_visa_chargeDeclinedInsufficientFunds")
        payment = await paid(home, payment_method=poor)

        told = (await home.hub.get(f"/v1/payments/{payment['id']}/timeline")).json()

        operation = next(entry for entry in told["entries"] if entry["kind"] == "operation")
        assert operation["data"]["decline"]["code"] == "insufficient_funds"
        assert "declined" in operation["summary"]

    async def test_shows_no_token_and_no_secret(self, home: House) -> None:
        payment = await paid(home)

        told = (await home.hub.get(f"/v1/payments/{payment['id']}/timeline")).text

        assert not [secret for secret in ("pm_card_visa", "sk_test", "whsec_", "client_secret") if secret in told]


class TestWatching:
    async def test_health_and_metrics_need_no_key(self, home: House) -> None:
        async with httpx.AsyncClient(base_url=home.hub.url) as anybody:
            live, ready = await anybody.get("/health/live"), await anybody.get("/health/ready")
            metrics = await anybody.get("/metrics")

        assert (live.json(), ready.json()) == ({"status": "alive"}, {"status": "ready"})
        assert metrics.status_code == 200
        assert metrics.headers["content-type"].startswith("text/plain")
        assert "# TYPE" in metrics.text
