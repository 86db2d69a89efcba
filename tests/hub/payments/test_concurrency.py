"""Many at once: one key charges once, and no amount is given twice."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tests.hub.house import QUICK, House, Hub, add_account, house
from tests.hub.money import agrees, rows
from tests.hub.payments.faulty import eventually, shown

BUSY = replace(QUICK, answer_ms=8_000, request_ms=15_000, connect_ms=5_000)
"""Forty at once on a busy machine are no silence."""


async def paid(made: House, account: str = "stripe-eu", **changes: Any) -> str:
    """Charge 1.00 EUR at *account* and return the payment's path."""
    wish = {"amount": 100, "payment_method": made.payment_method, "merchant_account": made.accounts[account]}
    answer = await made.hub.charge(**(wish | changes))
    assert answer.status_code == 201, answer.text
    return f"/v1/payments/{answer.json()['id']}"


async def both_or_one(made: House) -> list[Hub]:
    return [made.hub, made.second] if made.second else [made.hub]


@pytest.mark.fault_case(id="IDE-02")
async def test_of_fifty_requests_with_one_key_one_charges(database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path, settings=BUSY, second=True) as made:
        hubs = await both_or_one(made)
        body = {
            "amount": 100, "currency": "EUR", "reference": "once", "payment_method": made.payment_method
        }  # fmt: skip

        answers = await asyncio.gather(*(hubs[n % 2].post("/v1/payments", body, key="one") for n in range(50)))

        assert {a.status_code for a in answers} <= {201, 409}
        refused = [a for a in answers if a.status_code == 409]
        assert {a.json()["code"] for a in refused} <= {"idempotency_in_progress"}
        assert all(int(a.headers["Retry-After"]) > 0 for a in refused)
        assert len({a.content for a in answers if a.status_code == 201}) == 1
        late = await asyncio.gather(*(hub.post("/v1/payments", body, key="one") for hub in hubs))
        assert {a.content for a in late} == {a.content for a in answers if a.status_code == 201}
        assert await made.charges("stripe") + await made.charges("adyen") == 1
        await agrees(made)


@pytest.mark.fault_case(id="IDE-04")
async def test_one_key_with_other_bodies_at_once_charges_once_and_says_so(database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path, settings=BUSY, second=True) as made:
        hubs = await both_or_one(made)

        def post(n: int) -> Any:
            body = {"amount": 100 + n, "currency": "EUR", "reference": f"r{n}", "payment_method": made.payment_method}
            return hubs[n % 2].post("/v1/payments", body, key="one")

        answers = await asyncio.gather(*(post(n) for n in range(20)))

        assert sorted(a.status_code for a in answers) == [201] + [422] * 19
        assert {a.json()["code"] for a in answers if a.status_code == 422} == {"idempotency_key_reused"}
        assert len(await rows(made, "SELECT id FROM payments")) == 1
        assert await made.charges("stripe") + await made.charges("adyen") == 1
        await agrees(made)


async def test_of_twenty_keys_with_one_reference_one_charges(database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path, settings=BUSY, second=True) as made:
        hubs = await both_or_one(made)

        answers = await asyncio.gather(*(
            hubs[n % 2].charge(payment_method=made.payment_method, reference="invoice-1") for n in range(20)
        ))  # fmt: skip

        (first,) = [a for a in answers if a.status_code == 201]
        others = [a for a in answers if a.status_code == 409]
        assert len(others) == 19
        assert {(a.json()["code"], a.json()["payment"]) for a in others} == {
            ("duplicate_reference", first.json()["id"])
        }
        assert await made.charges("stripe") + await made.charges("adyen") == 1
        stored = await rows(made, "SELECT count(*) AS n FROM idempotency_keys WHERE operation_id IS NOT NULL")
        assert stored == [{"n": 1}]
        await agrees(made)


async def test_a_second_payment_of_one_reference_is_charged_where_it_is_wanted(
    database_url: str, tmp_path: Path
) -> None:
    async with house(database_url, tmp_path, settings=BUSY) as made:
        first = await made.hub.charge(payment_method=made.payment_method, reference="r")
        second = await made.hub.charge(
            payment_method=made.payment_method, reference="r", allow_duplicate_reference=True
        )

        assert (first.status_code, second.status_code) == (201, 201)
        await agrees(made)


@pytest.mark.fault_case(id="AMT-01")
@pytest.mark.fault_case(id="DB-07")
async def test_of_forty_refunds_of_60_on_100_one_is_accepted(database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path, settings=BUSY, second=True) as made:
        hubs = await both_or_one(made)
        for account, accepted in (("stripe-eu", 201), ("adyen-eu", 202)):
            path = await paid(made, account)

            answers = await asyncio.gather(*(hubs[n % 2].post(f"{path}/refunds", {"amount": 60}) for n in range(40)))

            assert sorted(a.status_code for a in answers) == [accepted] + [422] * 39
            assert {a.json()["code"] for a in answers if a.status_code == 422} == {"amount_exceeds_captured"}
            await eventually(made, path.rpartition("/")[2], amount_refunded=60, amount_refunding=0)
        await agrees(made)


async def test_a_refund_sent_twenty_times_with_one_key_is_made_once(database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path, settings=BUSY, second=True) as made:
        hubs = await both_or_one(made)
        path = await paid(made)

        answers = await asyncio.gather(*(
            hubs[n % 2].post(f"{path}/refunds", {"amount": 10}, key="one") for n in range(20)
        ))  # fmt: skip

        assert {a.status_code for a in answers} <= {201, 409}
        assert len({a.content for a in answers if a.status_code == 201}) == 1
        assert (await shown(made, path.rpartition("/")[2]))["amount_refunded"] == 10
        await agrees(made)


@pytest.mark.fault_case(id="AMT-02")
async def test_of_a_capture_and_a_cancel_at_once_one_is_refused(database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path, settings=BUSY, second=True) as made:
        assert made.second is not None
        paths = [await paid(made, account, capture="manual") for account in ("stripe-eu", "adyen-eu") * 4]

        answers = await asyncio.gather(
            *(
                call
                for path in paths
                for call in (made.hub.post(f"{path}/capture", {}), made.second.post(f"{path}/cancel", {}))
            )
        )

        for path, captured, canceled in zip(paths, answers[::2], answers[1::2], strict=True):
            codes = {captured.status_code, canceled.status_code}
            assert codes in ({200, 409}, {202, 409}), (captured.text, canceled.text)
            won = "captured" if canceled.status_code == 409 else "canceled"
            await eventually(made, path.rpartition("/")[2], status=won)
        await agrees(made)


async def test_captures_at_once_never_take_more_than_was_authorized(database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path, settings=BUSY, second=True) as made:
        assert made.second is not None
        await add_account(made, "several", "stripe", "several", credentials={"multicapture": True})
        await made.control("stripe", "PUT", "accounts/several", {"multiple_captures": True})
        path = await paid(made, "several", capture="manual")

        answers = await asyncio.gather(*(
            hub.post(f"{path}/capture", {"amount": 30, "final": False}) for hub in (made.hub, made.second) * 5
        ))  # fmt: skip

        assert sorted(a.status_code for a in answers) == [200] * 3 + [422] * 7, [a.text for a in answers]
        body = await shown(made, path.rpartition("/")[2])
        assert (body["amount_captured"], body["amount_capturing"]) == (90, 0)
        await agrees(made)


async def test_of_ten_captures_where_one_is_allowed_one_is_made(database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path, settings=BUSY) as made:
        path = await paid(made, capture="manual")

        answers = await asyncio.gather(*(made.hub.post(f"{path}/capture", {"amount": 40}) for _ in range(10)))

        assert sorted(a.status_code for a in answers) == [200] + [409] * 9
        assert (await shown(made, path.rpartition("/")[2]))["amount_captured"] == 40
        await agrees(made)


async def test_a_capture_the_processor_refuses_can_be_asked_for_again(database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path, settings=BUSY) as made:
        path = await paid(made, capture="manual")
        refused = await made.hub.post(f"{path}/capture", {"amount": 40, "final": False})  # No account for that.
        assert refused.json()["amount_captured"] == 0

        again = await made.hub.post(f"{path}/capture", {})

        assert (again.status_code, again.json().get("amount_captured")) == (200, 100), again.text
        await agrees(made)
