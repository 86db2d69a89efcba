"""`/v1/disputes` as support, finance and auditors read it."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from hub.access.rules import Role
from hub.events.jobs import publish_events
from hub.ids import new_id
from normalization.disputes import FundsMovement
from tests.hub.disputes.courts import PAID, about, eur, paid, tell
from tests.hub.disputes.telling import CHARGEBACK, DUE_AT, INQUIRY, LOST, NEEDS
from tests.hub.house import House

pytestmark = pytest.mark.asyncio(loop_scope="module")
PATH = "/v1/disputes"
TAKEN = FundsMovement(key="txn_1", money=eur(PAID))


async def disputed(home: House, processor: str = "stripe", **changes: Any) -> dict[str, Any]:
    """A dispute of a new payment."""
    payment = await paid(home, processor)
    await tell(home, payment, about(payment, **changes))
    found = (await home.hub.get(PATH, payment=payment["id"])).json()["data"]
    assert len(found) == 1
    dispute: dict[str, Any] = found[0]
    return dispute


async def listed(home: House, **query: Any) -> list[str]:
    answer = await home.hub.get(PATH, limit=100, **query)
    assert answer.status_code == 200, answer.text
    return [one["id"] for one in answer.json()["data"]]


def refused(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def test_a_dispute_is_shown_with_everything_that_is_known_of_it(home: House) -> None:
    payment = await paid(home)
    await tell(home, payment, about(payment, INQUIRY), about(payment, movements=(TAKEN,), defendable=True))
    (listed_one,) = (await home.hub.get(PATH, payment=payment["id"])).json()["data"]

    shown = (await home.hub.get(f"{PATH}/{listed_one['id']}")).json()

    assert shown == listed_one
    history = shown.pop("history")
    created_at, updated_at = shown.pop("created_at"), shown.pop("updated_at")
    assert created_at < updated_at
    assert shown == {
        "id": shown["id"],
        "object": "dispute",
        "livemode": False,
        "payment": payment["id"],
        "merchant_account": payment["merchant_account"],
        "processor": "stripe",
        "processor_reference": f"dp_of_{payment['id']}",
        "tag": payment["tag"],
        "stage": "chargeback",
        "status": "needs_response",
        "reason": "fraudulent",
        "processor_reason": "fraudulent",
        "network_reason": None,
        "amount": PAID,
        "currency": "EUR",
        "amount_withdrawn": PAID,
        "amount_reinstated": 0,
        "evidence_due_at": "2026-11-28T09:00:00Z",
        "defendable": True,
        "accepted": False,
        "movements": [{"amount": PAID, "currency": "EUR", "reinstated": False}],
        "submissions": [],
    }
    assert [(told["stage"], told["source"], told["processor_status"]) for told in history] == [
        ("inquiry", "webhook", "inquiry_needs_response"),
        ("chargeback", "webhook", "chargeback_needs_response"),
    ]
    assert shown["id"].startswith("dp_")


async def test_each_filter_finds_what_fits_and_leaves_out_what_does_not(home: House) -> None:
    one = await disputed(home)
    other = await disputed(home, "adyen", stage=INQUIRY, status=LOST, evidence_due_at=DUE_AT + timedelta(days=30))
    both = {one["id"], other["id"]}

    for query in (
        {"status": NEEDS},
        {"stage": CHARGEBACK},
        {"payment": one["payment"]},
        {"merchant_account": one["merchant_account"]},
        {"due_before": (DUE_AT + timedelta(days=1)).isoformat()},
    ):
        assert both & set(await listed(home, **query)) == {one["id"]}, query


async def test_a_second_page_goes_on_where_the_first_ended(home: House) -> None:
    payment = await paid(home)
    await tell(home, payment, *(about(payment, processor_reference=new_id("du_")) for _ in range(3)))

    first = (await home.hub.get(PATH, payment=payment["id"], limit=2)).json()
    second = (await home.hub.get(PATH, payment=payment["id"], limit=2, cursor=first["next_cursor"])).json()

    ids = [one["id"] for one in (*first["data"], *second["data"])]
    assert (len(first["data"]), len(second["data"]), second["next_cursor"]) == (2, 1, None)
    assert ids == sorted(ids, reverse=True)


@pytest.mark.parametrize("query", ["status=undecided", "stage=war", "due_before=2026-11-22T09:00:00", "cursor=x"])
async def test_a_filter_that_is_none_is_refused(home: House, query: str) -> None:
    assert refused(await home.hub.client.get(f"{PATH}?{query}")) == (422, "validation_failed")


@pytest.mark.parametrize("role", [Role.SERVICE, Role.SUPPORT, Role.FINANCE, Role.AUDITOR])
async def test_these_roles_read_disputes(home: House, role: Role) -> None:
    dispute = await disputed(home)
    headers = await home.caller(role)

    assert (await home.hub.client.get(f"{PATH}/{dispute['id']}", headers=headers)).status_code == 200


@pytest.mark.parametrize("role", [Role.SERVICE, Role.SUPPORT, Role.OPERATOR, Role.AUDITOR])
async def test_these_roles_answer_none(home: House, role: Role) -> None:
    dispute = await disputed(home)
    headers = await home.caller(role)

    assert refused(await home.hub.post(f"{PATH}/{dispute['id']}/accept", {}, headers=headers)) == (403, "forbidden")


async def test_the_other_modes_key_and_another_accounts_see_nothing(home: House) -> None:
    dispute = await disputed(home)
    live = await home.caller(Role.ADMIN, livemode=True)
    elsewhere = await home.caller(Role.ADMIN, merchant_accounts=frozenset({home.accounts["adyen-eu"]}))

    for headers in (live, elsewhere):
        one = await home.hub.client.get(f"{PATH}/{dispute['id']}", headers=headers)
        many = await home.hub.client.get(PATH, params={"payment": dispute["payment"]}, headers=headers)
        accept = await home.hub.post(f"{PATH}/{dispute['id']}/accept", {}, headers=headers)
        assert refused(one) == refused(accept) == (404, "not_found")
        assert many.json()["data"] == []


async def test_events_show_the_dispute_as_it_was_then(home: House) -> None:
    dispute = await disputed(home, movements=(TAKEN,))
    told = await published(home, dispute["id"])

    assert [one["type"] for one in told] == ["dispute.created"]
    assert told[0]["data"] == dispute


async def published(home: House, object_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for _ in range(100):
        await publish_events(home.hub.parts.shell)  # Nothing while the house's own worker does it.
        found = (await home.hub.get("/v1/events", object=object_id)).json()["data"]
        if found:
            break
    return found
