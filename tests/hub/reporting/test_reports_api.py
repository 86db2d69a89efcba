"""Reports over HTTP: every format, every grouping, and who may see whose money; on both databases."""

import csv
import io
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pyarrow.parquet
import pytest

from hub.access.rules import Role
from normalization.settlements import LineType
from tests.hub.house import House
from tests.hub.reporting.facts import MARCH, Shop, line, open_shop

pytestmark = pytest.mark.asyncio(loop_scope="module")
PATH = "/v1/reconciliation"
DAY = timedelta(days=1)
DAYS = {"from": "2026-03-01", "to": "2026-03-31"}


async def shop_of(home: House) -> Shop:
    """A merchant account that sold two things in March, one of which was settled."""
    shop = await open_shop(home.hub.parts.database)
    sold = await shop.charged(MARCH, 10_000, rule="cards")
    await shop.charged(MARCH, 500, "JPY")
    await shop.settled(MARCH, line(LineType.CHARGE, 10_000, 320, on=date(2026, 3, 12), of=sold))
    return shop


async def get(home: House, shop: Shop, accept: str = "*/*", **query: Any) -> httpx.Response:
    """Ask for the reconciliation of one merchant account in March."""
    asked = {"merchant_account": shop.account} | DAYS | query
    answer = await home.hub.client.get(PATH, params=asked, headers={"Accept": accept})
    assert answer.status_code == 200, answer.text
    return answer


async def test_a_reconciliation_tells_each_currency_apart(home: House) -> None:
    shop = await shop_of(home)

    body = (await get(home, shop)).json()

    euro, yen = body["data"]
    assert (body["from"], body["to"], body["group_by"]) == ("2026-03-01", "2026-03-31", ["merchant_account"])
    assert (euro["currency"], euro["merchant_account"], euro["processor"]) == ("EUR", shop.account, None)
    assert [euro[name] for name in ("captured", "settled", "fees", "outstanding")] == [10_000, 10_000, 320, 0]
    assert [yen[name] for name in ("captured", "settled", "fees", "outstanding")] == [500, 0, 0, 500]
    assert [total["captured"] for total in body["totals"]] == [10_000, 500]


async def test_a_reconciliation_leads_to_the_rule_that_decided(home: House) -> None:
    shop = await shop_of(home)

    rows = (await get(home, shop, group_by="ruleset,processor", currency="EUR")).json()["data"]

    assert [(row["processor"], row["ruleset"], row["rule"]) for row in rows] == [("stripe", "rs_1", "cards")]


async def test_csv_and_parquet_say_what_json_says(home: House) -> None:
    shop = await shop_of(home)
    body = (await get(home, shop, group_by="day")).json()

    told = await get(home, shop, "text/csv", group_by="day")
    flat = await get(home, shop, "application/vnd.apache.parquet", group_by="day")

    rows = list(csv.DictReader(io.StringIO(told.text)))
    assert told.headers["content-disposition"] == 'attachment; filename="reconciliation_2026-03-01_2026-03-31.csv"'
    assert rows == [{k: "" if v is None else str(v) for k, v in row.items()} for row in body["data"]]
    table = pyarrow.parquet.read_table(io.BytesIO(flat.content)).to_pylist()
    assert [row | {"day": str(row["day"])} for row in table] == body["data"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"group_by": "weather"}, "group_by"),
        ({"to": "2026-02-28"}, "to"),
        ({"to": "9999-12-31", "from": "9999-12-30"}, "to"),
        ({"to": "soon"}, "to"),
        ({"currency": "eur"}, "currency"),
        ({"from": "once"}, "from"),
        ({"first": "2026-03-01"}, "first"),
    ],
)
async def test_a_range_or_a_grouping_that_makes_no_sense_is_told(
    home: House, query: dict[str, str], field: str
) -> None:
    refused = await home.hub.get(PATH, **(DAYS | query))

    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, field)


async def test_days_that_are_not_named_are_those_of_the_month_so_far(home: House) -> None:
    today = datetime.now(UTC).date()

    both, only_to = [(await home.hub.get(PATH, **asked)).json() for asked in ({}, {"to": "2026-03-09"})]

    assert (both["from"], both["to"]) in {(str(day.replace(day=1)), str(day)) for day in (today, today + DAY)}
    assert (only_to["from"], only_to["to"]) == ("2026-03-01", "2026-03-09")


async def test_a_key_sees_the_reports_of_its_own_accounts_and_mode_alone(home: House) -> None:
    mine, other = await shop_of(home), await shop_of(home)
    limited = await home.caller(Role.FINANCE, merchant_accounts=frozenset({mine.account}))
    live = await home.caller(livemode=True)
    statement = f"/v1/merchant_accounts/{other.account}/statements/2026-03"

    def ask(path: str, headers: dict[str, str], **query: str) -> Any:
        return home.hub.client.get(path, params=query, headers=headers)

    listed = (await ask(PATH, limited, **DAYS)).json()["data"]
    assert {row["merchant_account"] for row in listed} == {mine.account}
    assert (await ask(PATH, limited, merchant_account=other.account, **DAYS)).json()["data"] == []
    assert (await ask(PATH, live, **DAYS)).json()["data"] == []
    assert [(await ask(statement, headers)).status_code for headers in (limited, live)] == [404, 404]


async def test_a_caller_without_the_scope_sees_no_report(home: House) -> None:
    service = await home.caller(Role.SERVICE)

    for path in (PATH, "/v1/merchant_accounts/ma_1/statements/2026-03"):
        assert (await home.hub.client.get(path, headers=service)).status_code == 403


async def test_a_statement_is_given_as_json_csv_and_pdf(home: House) -> None:
    shop = await shop_of(home)
    path = f"/v1/merchant_accounts/{shop.account}/statements/2026-03"

    body, told, drawn = [
        await home.hub.client.get(path, headers={"Accept": accept})
        for accept in ("application/json", "text/csv", "application/pdf")
    ]

    euro = body.json()["data"][0]
    assert (body.json()["ended"], euro["captured"], euro["fees"], euro["closing"]["balance"]) == (
        True,
        10_000,
        -320,
        9_680,
    )
    rows = {(row["currency"], row["item"]): row["amount"] for row in csv.DictReader(io.StringIO(told.text))}
    assert (rows["EUR", "closing"], rows["JPY", "closing_outstanding"]) == ("9680", "500")
    assert (drawn.headers["content-type"], drawn.content[:5]) == ("application/pdf", b"%PDF-")


@pytest.mark.parametrize("month", ["2026-13", "26-03", "1999-12", "2026-3"])
async def test_what_is_no_month_has_no_statement(home: House, month: str) -> None:
    refused = await home.hub.get(f"/v1/merchant_accounts/{home.accounts['stripe-eu']}/statements/{month}")

    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "month")
