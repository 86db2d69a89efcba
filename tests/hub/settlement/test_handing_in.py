"""`POST /v1/settlements`: what is taken, what is refused, and that nothing is left of what was cut off."""

import asyncio
import gzip
import os
from collections.abc import AsyncIterator, Callable
from urllib.parse import urlsplit

import pytest
from sqlalchemy import text

from hub.access.rules import Role
from hub.settlement.jobs import remove_cut_off
from tests.hub.house import House
from tests.hub.money import rows
from tests.hub.settlement.reports import CSV, PATH, charge, hand_in, import_all, written

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def batches(made: House) -> int:
    (row,) = await rows(made, "SELECT count(*) AS n FROM settlement_batches")
    return int(row["n"])


async def until(made: House, told: Callable[[int], bool]) -> None:
    """Wait until the number of batches is as wanted, ten seconds at most."""
    for _ in range(500):
        if told(await batches(made)):
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it stayed as it was")


async def test_a_report_is_taken_and_the_same_file_again_is_the_same_batch(quiet: House) -> None:
    file = written([charge("again-1")])

    first = await hand_in(quiet.hub, quiet.accounts["stripe-eu"], file)
    second = await hand_in(quiet.hub, quiet.accounts["stripe-eu"], file)

    assert (first.status_code, first.json()["status"], first.json()["requested_by"]) == (202, "waiting", "ada")
    assert (second.status_code, second.json()["id"]) == (200, first.json()["id"])
    assert second.headers["Idempotent-Replayed"] == "true"
    assert first.headers["Location"] == second.headers["Location"] == f"{PATH}/{first.json()['id']}"


@pytest.mark.fault_case(id="REC-09")
async def test_the_same_file_handed_in_twice_at_once_is_one_batch(quiet: House) -> None:
    file = written([charge("at-once-1")])

    answers = await asyncio.gather(*(hand_in(quiet.hub, quiet.accounts["stripe-eu"], file) for _ in range(3)))

    assert sorted(answer.status_code for answer in answers) == [200, 200, 202]
    assert len({answer.json()["id"] for answer in answers}) == 1


async def test_a_file_of_many_pieces_comes_packed_or_streamed_and_is_the_same(quiet: House) -> None:
    file = written([charge(f"piece-{n}", description=os.urandom(400).hex()) for n in range(500)])
    account = quiet.accounts["stripe-eu"]

    async def slowly() -> AsyncIterator[bytes]:
        for start in range(0, len(file), 50_001):
            yield file[start : start + 50_001]

    packed = await hand_in(quiet.hub, account, gzip.compress(file), **{"Content-Encoding": "gzip"})
    streamed = await hand_in(quiet.hub, account, slowly())

    assert (packed.status_code, packed.json()["progress"]["bytes_total"]) == (202, len(file))
    assert (streamed.status_code, streamed.json()["id"]) == (200, packed.json()["id"])
    await import_all(quiet.hub.parts.shell)
    shown = (await quiet.hub.get(f"{PATH}/{packed.json()['id']}")).json()
    assert (shown["status"], shown["counts"]["added"]) == ("done", 500)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"balance_transaction_id,currency,gross\ntxn_1,eur,1.00\n", "reporting_category"),
        (b"", "empty"),
        (b"\x89PNG\r\n\x1a\n\0\0\0", "line 1"),
        (b"a;b;c\n1;2;3\n", "commas"),
        (b"x" * 70_000, "does not end"),
    ],
)
async def test_what_is_no_report_is_refused_whole_and_nothing_of_it_kept(
    quiet: House, content: bytes, told: str
) -> None:
    before = await batches(quiet)

    answer = await hand_in(quiet.hub, quiet.accounts["stripe-eu"], content)

    assert (answer.status_code, answer.json()["code"]) == (422, "not_a_report")
    assert told in answer.json()["detail"]
    assert await batches(quiet) == before


async def test_a_file_that_is_too_large_is_refused_and_nothing_of_it_kept(quiet: House) -> None:
    before = await batches(quiet)
    file = written([charge("large")]) + b"x" * 1024 * 1024

    plain = await hand_in(quiet.hub, quiet.accounts["stripe-eu"], file)
    packed = await hand_in(quiet.hub, quiet.accounts["stripe-eu"], gzip.compress(file), **{"Content-Encoding": "gzip"})

    assert (plain.status_code, packed.status_code) == (413, 413)
    assert await batches(quiet) == before
    assert await rows(quiet, "SELECT n FROM settlement_files f WHERE NOT EXISTS"
                      " (SELECT 1 FROM settlement_batches b WHERE b.id = f.batch_id)") == []  # fmt: skip


@pytest.mark.parametrize("packed", [b"no gzip at all", gzip.compress(written([charge("short")]))[:-9]])
async def test_what_does_not_unpack_is_refused(quiet: House, packed: bytes) -> None:
    before = await batches(quiet)

    answer = await hand_in(quiet.hub, quiet.accounts["stripe-eu"], packed, **{"Content-Encoding": "gzip"})

    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_request")
    assert await batches(quiet) == before


async def test_another_kind_of_body_is_refused(quiet: House) -> None:
    answer = await hand_in(quiet.hub, quiet.accounts["stripe-eu"], b"{}", **{"Content-Type": "application/json"})

    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


async def test_a_report_that_is_cut_off_or_stands_still_leaves_nothing_behind(quiet: House) -> None:
    before, file = await batches(quiet), written([charge(f"cut-{n}") for n in range(5_000)])
    url = urlsplit(quiet.hub.url)
    head = (
        f"POST {PATH}?merchant_account={quiet.accounts['stripe-eu']} HTTP/1.1\r\nHost: hub\r\n"
        f"Authorization: {quiet.hub.client.headers['Authorization']}\r\nContent-Type: text/csv\r\n"
        f"Content-Length: {len(file)}\r\n\r\n"
    )
    _, writer = await asyncio.open_connection(url.hostname, url.port)
    writer.write(head.encode() + file[:300_000])
    await writer.drain()
    await until(quiet, lambda count: count > before)
    writer.close()

    await until(quiet, lambda count: count == before)

    orphans = "SELECT n FROM settlement_files WHERE batch_id NOT IN (SELECT id FROM settlement_batches)"
    assert await rows(quiet, orphans) == []


async def test_what_a_process_that_died_had_begun_to_receive_is_removed(quiet: House) -> None:
    taken = (await hand_in(quiet.hub, quiet.accounts["stripe-eu"], written([charge("died-1")]))).json()
    stale = "UPDATE settlement_batches SET status = 'receiving', due_at = NULL, lease_until = created_at"
    async with quiet.hub.parts.database.transaction() as connection:
        await connection.execute(text(f"{stale} WHERE id = :id"), {"id": taken["id"]})

    assert await remove_cut_off(quiet.hub.parts.shell) == 1

    assert (await quiet.hub.get(f"{PATH}/{taken['id']}")).status_code == 404


async def test_a_key_hands_in_for_its_own_accounts_in_its_own_mode_and_job(quiet: House) -> None:
    stripe, adyen = quiet.accounts["stripe-eu"], quiet.accounts["adyen-eu"]
    narrow = await quiet.caller(Role.FINANCE, merchant_accounts=frozenset({adyen}))
    live = await quiet.caller(Role.FINANCE, livemode=True)
    reader = await quiet.caller(Role.AUDITOR)

    async def send(headers: dict[str, str], account: str = stripe) -> tuple[int, str]:
        answer = await quiet.hub.client.post(
            PATH, params={"merchant_account": account}, content=written([charge("mine")]), headers=CSV | headers
        )
        return answer.status_code, answer.json()["code"]

    assert await send(narrow) == (422, "validation_failed")
    assert await send(live) == (422, "validation_failed")
    assert await send(reader) == (403, "forbidden")
    assert await send({}, "ma_none") == (422, "validation_failed")
