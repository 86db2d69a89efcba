"""What becomes of a report's rows: each line once, whatever happens on the way."""

import asyncio
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from asyncpg import PostgresError
from msgspec.structs import replace
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from hub.settlement import batches
from hub.settlement.batches import LostError, to_batch
from hub.settlement.importing import Importer
from hub.settlement.jobs import TRIES_MAX, import_next
from tests.hub.house import House
from tests.hub.money import rows
from tests.hub.settlement.reports import PATH, adyen, charge, hand_in, import_all, imported, written

pytestmark = pytest.mark.asyncio(loop_scope="module")
MISMATCH = "SELECT status, variance_minor FROM exceptions WHERE type = 'batch_total_mismatch' AND batch_id = :id"
ON_SQLITE = (
    """CREATE TRIGGER stumble BEFORE INSERT ON settlement_lines WHEN NEW.key = '{}'
       BEGIN SELECT RAISE(ABORT, 'stumbled'); END""",
)
ON_POSTGRESQL = (
    """CREATE OR REPLACE FUNCTION stumble() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
       IF NEW.key = '{}' THEN RAISE EXCEPTION 'stumbled'; END IF; RETURN NEW; END $$""",
    "CREATE TRIGGER stumble BEFORE INSERT ON settlement_lines FOR EACH ROW EXECUTE FUNCTION stumble()",
)


async def change(made: House, *statements: str, **values: Any) -> None:
    async with made.hub.parts.database.transaction() as connection:
        for statement in statements:
            await connection.execute(text(statement), values)


@asynccontextmanager
async def stumbling(made: House, key: str) -> AsyncIterator[None]:
    """Have the database refuse the line *key*, and with it the chunk it comes in."""
    postgresql = made.hub.parts.database.is_postgresql
    await change(made, *(part.format(key) for part in (ON_POSTGRESQL if postgresql else ON_SQLITE)))
    yield
    await change(made, "DROP TRIGGER stumble" + (" ON settlement_lines" if postgresql else ""))


async def make_due(made: House, batch: str) -> None:
    await change(made, "UPDATE settlement_batches SET due_at = created_at WHERE id = :id", id=batch)


async def attempt(made: House, batch: str, **how: Any) -> bool:
    """Take the batch up now; true where that ended in a failure that the worker's log shows."""
    await make_due(made, batch)
    try:
        assert await import_next(made.hub.parts.shell, asyncio.Event(), only=batch, **how)
    except (DBAPIError, PostgresError):
        return True
    return False


async def shown(made: House, batch: str) -> dict[str, Any]:
    body: dict[str, Any] = (await made.hub.get(f"{PATH}/{batch}")).json()
    return body


async def lines(made: House, batch: str, **query: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await made.hub.get(f"{PATH}/{batch}/lines", limit=100, **query)).json()["data"]
    return found


async def test_a_report_is_read_to_its_last_row_and_added_up(quiet: House) -> None:
    file = [charge("sum-1"), charge("sum-2", gross="-4.00", fee="0.00", net="-4.00", reporting_category="refund")]

    body = await imported(quiet.hub, quiet.accounts["stripe-eu"], file)

    assert (body["status"], body["error"], body["source"]) == ("done", None, "upload")
    counts = {name: body["counts"][name] for name in ("added", "known", "restated", "broken", "skipped")}
    assert counts == {"added": 2, "known": 0, "restated": 0, "broken": 0, "skipped": 0}
    assert body["totals"] == {"EUR": {"gross": 600, "fee": 55, "net": 545, "payout": 0}}
    assert body["progress"] == {"bytes_read": len(written(file)), "bytes_total": len(written(file)), "rows_read": 2}
    kept = await rows(quiet, f"SELECT n FROM settlement_files WHERE batch_id = '{body['id']}'")  # noqa: S608 - our id
    assert kept == []


async def test_its_end_is_told_as_an_event_that_shows_it(quiet: House) -> None:
    body = await imported(quiet.hub, quiet.accounts["stripe-eu"], [charge("event-1")])

    told = await rows(quiet, "SELECT type, data FROM events WHERE object_id = :id", id=body["id"])

    assert [row["type"] for row in told] == ["settlement.imported"]
    assert body["id"].encode() in bytes(told[0]["data"])
    assert b'"status":"done"' in bytes(told[0]["data"])


async def test_a_line_shows_its_row_what_it_says_and_what_is_the_matter_with_it(quiet: House) -> None:
    note = "order 7, card 4111111111111111"
    body = await imported(quiet.hub, quiet.accounts["stripe-eu"], [charge("shown-1", description=note)])

    (line,) = await lines(quiet, body["id"])

    assert (line["number"], line["key"], line["type"], line["raw_type"]) == (2, "txn_shown-1", "charge", "charge")
    assert (line["gross"], line["fee"], line["net"], line["currency"]) == (1000, 55, 945, "EUR")
    assert line["row"]["description"] == "order 7, card 411111******1111"
    assert line["facts"]["description"] == line["row"]["description"]
    assert line["row"]["gross"] == "10.00"


async def test_the_exception_of_a_line_shows_the_row_as_the_line_does(quiet: House) -> None:
    batch = await imported(quiet.hub, quiet.accounts["stripe-eu"], [charge("strange-1")])

    (line,) = await lines(quiet, batch["id"], status="exception")
    one = (await quiet.hub.get(f"/v1/exceptions/{line['exceptions'][0]}")).json()

    assert one["trace"]["settlement_line"]["row"] == line["row"]
    assert line["row"]["gross"] == "10.00"


@pytest.mark.fault_case(id="REC-02")
async def test_what_an_overlapping_report_tells_again_is_known(quiet: House) -> None:
    account = quiet.accounts["stripe-eu"]
    await imported(quiet.hub, account, [charge("lap-1"), charge("lap-2")])

    body = await imported(quiet.hub, account, [charge("lap-2"), charge("lap-3")])

    assert (body["counts"]["known"], body["counts"]["added"], body["counts"]["restated"]) == (1, 1, 0)
    assert [line["key"] for line in await lines(quiet, body["id"])] == ["txn_lap-3"]


@pytest.mark.fault_case(id="REC-02")
async def test_a_line_that_now_says_something_else_stands_in_the_place_of_the_one_before(quiet: House) -> None:
    account = quiet.accounts["stripe-eu"]
    before = await imported(quiet.hub, account, [charge("else-1"), charge("else-2")])

    after = await imported(quiet.hub, account, [charge("else-1"), charge("else-2", fee="0.75", net="9.25")])

    assert (after["counts"]["known"], after["counts"]["restated"], after["counts"]["added"]) == (1, 1, 0)
    (old,) = await lines(quiet, before["id"], status="superseded")
    (new,) = await lines(quiet, after["id"])
    assert (old["key"], old["net"], new["key"], new["net"]) == ("txn_else-2", 945, "txn_else-2", 925)
    found = await rows(
        quiet, "SELECT variance_minor, amount_minor, context FROM exceptions WHERE type = :type AND line_id = :id",
        type="settlement_file_restated", id=new["id"],
    )  # fmt: skip
    assert [(row["variance_minor"], row["amount_minor"]) for row in found] == [(-20, 20)]
    assert old["id"] in found[0]["context"]
    assert await open_about(quiet, old["id"]) == []
    assert await posted(quiet, old["id"]) == {}


async def open_about(made: House, line: str) -> list[dict[str, Any]]:
    return await rows(made, "SELECT type FROM exceptions WHERE status = 'open' AND line_id = :id", id=line)


async def posted(made: House, line: str) -> dict[str, int]:
    """What a line's transfers leave on the accounts."""
    found: dict[str, int] = {}
    for row in await rows(made, "SELECT debit, credit, amount_minor FROM transfers WHERE line_id = :id", id=line):
        for side, sign in ((row["debit"], 1), (row["credit"], -1)):
            found[side] = found.get(side, 0) + sign * row["amount_minor"]
    return {name: minor for name, minor in found.items() if minor}


async def test_a_line_of_another_account_is_told_as_that(quiet: House) -> None:
    answer = await hand_in(quiet.hub, quiet.accounts["adyen-eu"], adyen("stray", "SomebodyElse"))
    await import_all(quiet.hub.parts.shell)

    (line,) = await lines(quiet, answer.json()["id"])

    assert [row["type"] for row in await open_about(quiet, line["id"])] == ["wrong_merchant_account"]


async def test_what_a_payout_adds_up_to_goes_by_the_lines_that_stand(quiet: House) -> None:
    account = quiet.accounts["stripe-eu"]
    paid = {"gross": "-18.70", "fee": "0.00", "net": "-18.70", "reporting_category": "payout", "source_id": "po_sum"}
    payout = charge("sum-payout", automatic_payout_id="po_sum", **paid)
    wrong = [charge(f"sum-{n}", automatic_payout_id="po_sum") for n in (7, 8)]
    right = [wrong[0], charge("sum-8", automatic_payout_id="po_sum", fee="0.75", net="9.25")]

    before = await imported(quiet.hub, account, [*wrong, payout])
    off = await rows(quiet, MISMATCH, id=before["id"])
    await imported(quiet.hub, account, [*right, payout])

    assert [(row["status"], row["variance_minor"]) for row in off] == [("open", -20)]
    assert [row["status"] for row in await rows(quiet, MISMATCH, id=before["id"])] == ["resolved"]


async def test_a_matched_line_that_is_restated_is_matched_anew_and_the_books_have_it_once(quiet: House) -> None:
    account = quiet.accounts["stripe-eu"]
    charged = await quiet.hub.charge(amount=1000, payment_method=quiet.payment_method, merchant_account=account)
    payment = charged.json()
    tagged = charge("paid-1", **{"payment_metadata[hub_operation]": payment["tag"]})
    before = await imported(quiet.hub, account, [tagged])
    (old,) = await lines(quiet, before["id"])

    after = await imported(quiet.hub, account, [tagged | {"fee": "0.75", "net": "9.25"}])

    (new,) = await lines(quiet, after["id"])
    assert (old["status"], old["payment"], new["status"], new["payment"]) == ("matched", payment["id"]) * 2
    assert new["expected"] == old["expected"] != []
    left = "SELECT sum(CASE WHEN debit LIKE :name THEN amount_minor ELSE -amount_minor END) AS minor FROM transfers"
    about = f"{left} WHERE payment_id = :payment AND (debit LIKE :name OR credit LIKE :name)"
    sums = {
        name: int((await rows(quiet, about, payment=payment["id"], name=f"{name}:%"))[0]["minor"])
        for name in ("settlement_receivable", "bank_clearing", "processor_fees")
    }
    assert sums == {"settlement_receivable": 0, "bank_clearing": 925, "processor_fees": 75}


async def test_of_a_line_that_one_file_tells_twice_the_later_word_stands(quiet: House) -> None:
    file = [charge("twice-1"), charge("twice-1", fee="0.75", net="9.25"), charge("twice-1", fee="0.75", net="9.25")]

    body = await imported(quiet.hub, quiet.accounts["stripe-eu"], file)

    assert (body["counts"]["added"], body["counts"]["restated"], body["counts"]["known"]) == (1, 1, 1)
    assert {line["number"]: line["status"] == "superseded" for line in await lines(quiet, body["id"])} == {
        2: True,
        3: False,
    }


async def test_a_broken_row_is_told_by_line_and_column_and_the_rest_goes_on(quiet: House) -> None:
    good, bad = charge("broken-1"), charge("broken-2", gross="ten")
    file: list[dict[str, str] | str] = [good, bad, 'x,"y', "too,few", charge("broken-3")]

    body = await imported(quiet.hub, quiet.accounts["stripe-eu"], file)

    assert (body["status"], body["counts"]["broken"], body["counts"]["added"]) == ("done", 3, 2)
    first = (await quiet.hub.get(f"{PATH}/{body['id']}/broken_rows", limit=2)).json()
    second = (await quiet.hub.get(f"{PATH}/{body['id']}/broken_rows", limit=2, cursor=first["next_cursor"])).json()
    told = [(row["number"], row["column"]) for row in first["data"] + second["data"]]
    assert (told, second["next_cursor"]) == ([(3, "gross"), (4, None), (5, None)], None)
    assert '"ten"' in first["data"][0]["raw"]


async def test_who_stumbles_in_a_chunk_leaves_nothing_of_it_and_goes_on_there(quiet: House) -> None:
    file = [charge(f"stumble-{n}") for n in range(10)]
    batch = (await hand_in(quiet.hub, quiet.accounts["stripe-eu"], written(file))).json()["id"]
    async with stumbling(quiet, "txn_stumble-7"):
        assert await attempt(quiet, batch, rows_at_once=3)
        halted = await shown(quiet, batch)
        assert (halted["status"], halted["progress"]["rows_read"]) == ("importing", 6)
        assert len(await lines(quiet, batch)) == 6

    assert not await attempt(quiet, batch, rows_at_once=3)

    done = await shown(quiet, batch)
    assert (done["status"], done["counts"]["added"], done["progress"]["rows_read"]) == ("done", 10, 10)
    assert [line["number"] for line in await lines(quiet, batch)] == list(range(2, 12))
    assert done["totals"]["EUR"]["gross"] == 10_000


async def test_one_that_comes_no_further_is_given_up_and_can_be_retried(quiet: House) -> None:
    batch = (await hand_in(quiet.hub, quiet.accounts["stripe-eu"], written([charge("given-1")]))).json()["id"]
    async with stumbling(quiet, "txn_given-1"):
        for _ in range(TRIES_MAX):
            assert await attempt(quiet, batch)
        assert not await attempt(quiet, batch)
    failed = await shown(quiet, batch)
    assert (failed["status"], "came no further after 0 rows" in failed["error"]) == ("failed", True)
    assert len(await rows(quiet, "SELECT id FROM exceptions WHERE batch_id = :id", id=batch)) == 1

    again = await quiet.hub.client.post(f"{PATH}/{batch}/retry")
    await import_all(quiet.hub.parts.shell)

    assert (again.status_code, again.json()["status"]) == (202, "waiting")
    assert (await shown(quiet, batch))["status"] == "done"
    (told,) = await rows(quiet, "SELECT status, resolved_by FROM exceptions WHERE batch_id = :id AND line_id IS NULL",
                         id=batch)  # fmt: skip
    assert (told["status"], told["resolved_by"]) == ("resolved", "hub")
    late = await quiet.hub.client.post(f"{PATH}/{batch}/retry")
    assert (late.status_code, late.json()["code"]) == (409, "settlement_not_failed")


async def test_a_report_that_failed_and_is_retried_after_a_newer_one_takes_no_lines_place(quiet: House) -> None:
    account = quiet.accounts["stripe-eu"]
    older = (await hand_in(quiet.hub, account, written([charge("older-1"), charge("older-2")]))).json()["id"]
    await change(quiet, "UPDATE settlement_batches SET status = 'failed', due_at = NULL WHERE id = :id", id=older)
    newer = await imported(quiet.hub, account, [charge("older-1", fee="0.75", net="9.25")])

    await quiet.hub.client.post(f"{PATH}/{older}/retry")
    await import_all(quiet.hub.parts.shell)

    counts = (await shown(quiet, older))["counts"]
    assert (counts["added"], counts["known"], counts["restated"]) == (1, 1, 0)
    (past, _), (stands,) = await lines(quiet, older), await lines(quiet, newer["id"])
    assert (past["status"], stands["status"]) == ("superseded", "exception")
    listed = (await quiet.hub.get("/v1/exceptions", settlement=older, type="settlement_file_restated")).json()["data"]
    (told,) = [one["context"] | {"line": one["settlement_line"]} for one in listed]
    assert (told["superseded_line"], told["line"]) == (past["id"], stands["id"])
    assert (told["before"]["net"], told["after"]["net"]) == (945, 925)
    booked = await rows(quiet, "SELECT id FROM transfers WHERE line_id = :id", id=past["id"])
    assert booked == []


async def test_who_lost_its_lease_writes_nothing_any_more(quiet: House) -> None:
    database, shell = quiet.hub.parts.database, quiet.hub.parts.shell
    account = quiet.accounts["stripe-eu"]
    batch = (await hand_in(quiet.hub, account, written([charge("lost-1"), charge("lost-2")]))).json()["id"]
    slow = await batches.claim(database, 60.0, only=batch)
    assert slow is not None
    assert not await attempt(quiet, batch)
    connected = shell.directory.connected(account)
    assert connected is not None

    with pytest.raises(LostError):
        await Importer(shell=shell, connected=connected, stop=asyncio.Event()).run(to_batch(slow))

    assert (await shown(quiet, batch))["counts"]["added"] == len(await lines(quiet, batch)) == 2


@pytest.mark.parametrize("forgotten", [1, 2], ids=["in the middle", "at the end"])
async def test_what_a_database_that_crashed_has_forgotten_is_read_once_more(quiet: House, forgotten: int) -> None:
    shell, account = quiet.hub.parts.shell, quiet.accounts["stripe-eu"]
    file = written([charge(f"crash-{forgotten}-1"), charge(f"crash-{forgotten}-2")])
    batch = (await hand_in(quiet.hub, account, file)).json()["id"]
    row = await batches.claim(shell.database, 60.0, only=batch)
    connected = shell.directory.connected(account)
    assert row is not None
    assert connected is not None
    committed = replace(to_batch(row), rows_read=forgotten, lines_added=forgotten)

    with pytest.raises(LostError):
        await Importer(shell=shell, connected=connected, stop=asyncio.Event()).run(committed)
    assert await lines(quiet, batch) == []

    assert not await attempt(quiet, batch)
    assert (await shown(quiet, batch))["counts"]["added"] == len(await lines(quiet, batch)) == 2


async def test_who_is_stopped_gives_the_rest_to_whoever_comes_next(quiet: House) -> None:
    stop = asyncio.Event()
    stop.set()
    file = written([charge("stop-1"), charge("stop-2")])
    batch = (await hand_in(quiet.hub, quiet.accounts["stripe-eu"], file)).json()["id"]

    assert await import_next(quiet.hub.parts.shell, stop, only=batch, rows_at_once=1)
    assert (await shown(quiet, batch))["progress"]["rows_read"] == 1

    await import_all(quiet.hub.parts.shell)
    assert (await shown(quiet, batch))["counts"]["added"] == 2


@pytest.mark.fault_case(id="REC-09")
async def test_reports_of_one_account_go_one_after_the_other_and_those_of_another_beside(quiet: House) -> None:
    database = quiet.hub.parts.database
    account = quiet.accounts["stripe-eu"]
    first = (await hand_in(quiet.hub, account, written([charge("order-1")]))).json()["id"]
    second = (await hand_in(quiet.hub, account, written([charge("order-2")]))).json()["id"]
    other = (await hand_in(quiet.hub, quiet.accounts["stripe-too"], written([charge("order-3")]))).json()["id"]

    taken = [await batches.claim(database, 60.0) for _ in range(3)]

    assert [row and row["id"] for row in taken] == [first, other, None]
    for batch in (first, other, second):
        assert not await attempt(quiet, batch)


async def test_a_file_that_is_no_report_any_more_is_refused_with_an_event(quiet: House) -> None:
    batch = (await hand_in(quiet.hub, quiet.accounts["stripe-eu"], written([charge("refused-1")]))).json()["id"]
    other = zlib.compress(b"currency,gross\neur,1\n")
    await change(quiet, "UPDATE settlement_files SET content = :content WHERE batch_id = :id", id=batch, content=other)

    assert not await attempt(quiet, batch)

    refused = await shown(quiet, batch)
    assert (refused["status"], "net" in refused["error"]) == ("refused", True)
    told = await rows(quiet, "SELECT type FROM events WHERE object_id = :id", id=batch)
    assert [row["type"] for row in told] == ["settlement.refused"]
