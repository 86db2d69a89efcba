"""Reading settlements: lists, filters, pages, and who sees what."""

import pytest

from hub.access.rules import Role
from tests.hub.house import House
from tests.hub.settlement.reports import PATH, charge, hand_in, imported, written

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_reports_are_listed_newest_first_by_account_and_status_in_pages(quiet: House) -> None:
    account = quiet.accounts["stripe-too"]
    ids = [(await imported(quiet.hub, account, [charge(f"list-{n}")]))["id"] for n in range(2)]
    ids.append((await hand_in(quiet.hub, account, written([charge("list-9")]))).json()["id"])

    first = (await quiet.hub.get(PATH, merchant_account=account, limit=2)).json()
    second = (await quiet.hub.get(PATH, merchant_account=account, limit=2, cursor=first["next_cursor"])).json()
    done = (await quiet.hub.get(PATH, merchant_account=account, status="done")).json()

    assert [one["id"] for one in first["data"] + second["data"]] == ids[::-1]
    assert second["next_cursor"] is None
    assert [one["id"] for one in done["data"]] == ids[1::-1]
    assert (await quiet.hub.get(PATH, status="gone")).status_code == 422


async def test_lines_are_paged_in_the_order_of_the_file_and_narrowed_by_type_and_status(quiet: House) -> None:
    refund = {"gross": "-1.00", "fee": "0.00", "net": "-1.00", "reporting_category": "refund"}
    file = [charge("page-1"), charge("page-2", **refund), charge("page-3"), charge("page-4", **refund)]
    path = f"{PATH}/{(await imported(quiet.hub, quiet.accounts['stripe-eu'], file))['id']}/lines"

    first = (await quiet.hub.get(path, limit=3)).json()
    second = (await quiet.hub.get(path, limit=3, cursor=first["next_cursor"])).json()
    refunds = (await quiet.hub.get(path, type="refund")).json()

    assert [line["number"] for line in first["data"] + second["data"]] == [2, 3, 4, 5]
    assert second["next_cursor"] is None
    assert [line["key"] for line in refunds["data"]] == ["txn_page-2", "txn_page-4"]
    assert (await quiet.hub.get(path, status="superseded")).json()["data"] == []
    assert (await quiet.hub.get(path, cursor="?")).status_code == 422


async def test_a_payout_leads_to_the_report_that_told_of_it_and_to_its_lines(quiet: House) -> None:
    account = quiet.accounts["stripe-too"]
    paid = {"automatic_payout_id": "po_traced"}
    batch = (await imported(quiet.hub, account, [charge("po-1"), charge("po-2", **paid), charge("po-3", **paid)]))["id"]
    await imported(quiet.hub, account, [charge("po-4")])

    told = (await quiet.hub.get(PATH, merchant_account=account, payout="po_traced")).json()["data"]
    lines = (await quiet.hub.get(f"{PATH}/{batch}/lines", payout="po_traced")).json()["data"]

    assert [one["id"] for one in told] == [batch]
    assert [line["key"] for line in lines] == ["txn_po-2", "txn_po-3"]
    assert (await quiet.hub.get(PATH, payout="po_of_nobody")).json()["data"] == []


async def test_the_other_mode_and_a_key_of_other_accounts_see_nothing_of_it(quiet: House) -> None:
    batch = await imported(quiet.hub, quiet.accounts["stripe-eu"], [charge("hidden-1")])
    live = await quiet.caller(Role.FINANCE, livemode=True)
    other = await quiet.caller(Role.FINANCE, merchant_accounts=frozenset({quiet.accounts["adyen-eu"]}))

    for headers in (live, other):
        for path in ("", "/lines", "/broken_rows"):
            answer = await quiet.hub.client.get(f"{PATH}/{batch['id']}{path}", headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
        assert (await quiet.hub.client.post(f"{PATH}/{batch['id']}/retry", headers=headers)).status_code == 404
        listed = (await quiet.hub.client.get(PATH, headers=headers)).json()["data"]
        assert batch["id"] not in {one["id"] for one in listed}


async def test_support_reads_no_settlements(quiet: House) -> None:
    support = await quiet.caller(Role.SUPPORT)

    answer = await quiet.hub.client.get(PATH, headers=support)

    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
