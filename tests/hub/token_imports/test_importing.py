"""`hub tokens import` as a person starts it: a file becomes payment methods, once, whatever happens meanwhile."""

import asyncio
import csv
import fcntl
import signal
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import func, select

from hub.access.tables import audit_log
from hub.database import Database, open_database
from hub.payment_methods.tables import customers, payment_methods, processor_tokens
from hub.token_imports.service import default_places
from hub.token_imports.tables import token_imports
from tests.hub.commands import hub, started
from tests.hub.house import House, house

MANY = 20_000
HEAD = "processor,token,customer_reference,key,customer_key,brand,last4,exp_month,exp_year,network_transaction_id\n"
CARD = "4242424242424242"


async def imported(url: str, file: Path, *words: str, mode: str = "test") -> tuple[int, dict[str, Any]]:
    """The exit code and the summary."""
    done = await asyncio.to_thread(
        hub, "tokens", "import", str(file), "--mode", mode, "--json", *words, HUB_DATABASE_URL=url
    )
    assert done.stdout, done.stderr
    return done.returncode, msgspec.json.decode(done.stdout)


def counts(summary: dict[str, Any]) -> list[int]:
    return [summary[name] for name in ("created", "joined", "known", "rejected")]


async def many(url: str, statement: Any) -> list[Any]:
    database = await open_database(url)
    async with database.reading() as connection:
        rows = list((await connection.execute(statement)).mappings())
    await database.close()
    return rows


def rows_of(path: str) -> list[dict[str, str]]:
    with Path(path).open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
async def migrated(database_url: str) -> str:
    return database_url


async def test_lines_become_payment_methods_with_all_they_say(migrated: str, tmp_path: Path) -> None:
    file = tmp_path / "cards.csv"
    file.write_text(
        HEAD
        + "stripe,pm_1,cus_s1,card-1,ada,visa,4242,3,2030,NTI1\n"
        + "adyen,ady_1,shopper-1,card-1,ada,,,,,\n"
        + "stripe,pm_2,cus_s1,card-2,ada,mastercard,5454,,,\n"
        + "stripe,pm_3,,,,,,,,\n"
    )

    code, summary = await imported(migrated, file)

    assert (code, counts(summary)) == (0, [3, 1, 0, 0])
    people = await many(migrated, select(customers))
    assert [msgspec.json.decode(row["person"])["reference"] for row in people] == ["ada"]
    methods = await many(migrated, select(payment_methods).order_by(payment_methods.c.id))
    assert [row["customer"] for row in methods] == [people[0]["id"], people[0]["id"], None]
    assert msgspec.json.decode(methods[0]["card"])["last4"] == "4242"
    assert [row["network_transaction_id"] for row in methods] == ["NTI1", None, None]
    tokens = await many(migrated, select(processor_tokens).order_by(processor_tokens.c.id))
    assert [(row["token"], row["payment_method"], row["customer_reference"]) for row in tokens] == [
        ("pm_1", methods[0]["id"], "cus_s1"),
        ("ady_1", methods[0]["id"], "shopper-1"),
        ("pm_2", methods[1]["id"], "cus_s1"),
        ("pm_3", methods[2]["id"], None),
    ]
    told = rows_of(summary["results"])
    assert [(row["line"], row["key"], row["payment_method"], row["outcome"]) for row in told] == [
        ("2", "card-1", methods[0]["id"], "new"),
        ("3", "card-1", methods[0]["id"], "joined"),
        ("4", "card-2", methods[1]["id"], "new"),
        ("5", "", methods[2]["id"], "new"),
    ]
    audited = await many(migrated, select(audit_log).where(audit_log.c.action == "tokens.imported"))
    assert len(audited) == 1


async def test_the_same_file_again_and_a_corrected_one_make_nothing_twice(migrated: str, tmp_path: Path) -> None:
    file = tmp_path / "cards.jsonl"
    good = [{"processor": "stripe", "token": f"pm_{n}", "key": f"card-{n}"} for n in range(3)]
    bad = {"processor": "paypal", "token": "x"}
    file.write_bytes(b"\n".join(map(msgspec.json.encode, [*good, bad])))

    first = await imported(migrated, file)
    again = await imported(migrated, file)
    afresh = await imported(migrated, file, "--afresh")
    file.write_bytes(b"\n".join(map(msgspec.json.encode, [*good, bad | {"processor": "adyen"}])))
    corrected = await imported(migrated, file)

    assert [code for code, _ in (first, again, afresh, corrected)] == [1, 1, 1, 0]
    assert again[1] == first[1]
    assert counts(first[1]) == [3, 0, 0, 1]
    assert counts(afresh[1]) == [0, 0, 3, 1]
    assert counts(corrected[1]) == [1, 0, 3, 0]
    assert len(await many(migrated, select(payment_methods))) == 4
    assert len(rows_of(corrected[1]["results"])) == 4


async def test_refused_lines_are_told_by_number_and_field_and_no_card_number_is_kept(
    migrated: str, tmp_path: Path
) -> None:
    file = tmp_path / "cards.csv"
    file.write_text(
        "processor,token,merchant_account,key,customer\n"
        f"stripe,{CARD},,,\n"
        "paypal,x,,,\n"
        "stripe,pm_1,ma_nowhere,,\n"
        "stripe,pm_1,,,cus_nobody\n"
        "stripe,pm_1,,a,\n"
        "stripe,pm_2,,a,\n"
        "stripe,pm_3,,b,\n"
        "stripe,pm_3,,a,\n"
    )

    code, summary = await imported(migrated, file)

    refused = [(row["line"], row["field"]) for row in rows_of(summary["rejects"])]
    assert (code, counts(summary)) == (1, [2, 0, 0, 6])
    assert refused == [
        ("2", "token"), ("3", "processor"), ("4", "merchant_account"), ("5", "customer"), ("7", "token"), ("9", "key"),
    ]  # fmt: skip
    assert all(CARD not in cell for row in rows_of(summary["rejects"]) for cell in row.values())


async def test_the_modes_know_nothing_of_each_other(migrated: str, tmp_path: Path) -> None:
    file = tmp_path / "cards.jsonl"
    file.write_bytes(b'{"processor":"stripe","token":"pm_1","key":"a","customer_key":"ada"}')

    test, live = await imported(migrated, file), await imported(migrated, file, mode="live")

    assert [counts(summary) for _, summary in (test, live)] == [[1, 0, 0, 0], [1, 0, 0, 0]]
    methods = await many(migrated, select(payment_methods).order_by(payment_methods.c.id))
    assert [bool(row["livemode"]) for row in methods] == [False, True]


async def lines_done(database: Database) -> int:
    async with database.reading() as connection:
        return int(await connection.scalar(select(func.coalesce(func.max(token_imports.c.lines), 0))) or 0)


async def test_an_import_that_is_killed_goes_on_and_makes_nothing_twice(migrated: str, tmp_path: Path) -> None:
    file = tmp_path / "cards.csv"
    rows = (f"stripe,pm_{n},cus_{n % 500},card-{n},person-{n % 500},visa,4242,3,2030,\n" for n in range(MANY))
    file.write_text(HEAD + "".join(rows))
    database = await open_database(migrated)
    seen = 0
    for _kill in range(3):
        with started("tokens", "import", str(file), "--mode", "test", HUB_DATABASE_URL=migrated) as process:
            for _ in range(10_000):
                if await lines_done(database) > seen or process.poll() is not None:
                    break
                await asyncio.sleep(0.005)
            process.send_signal(signal.SIGKILL)
            await asyncio.to_thread(process.wait)
        seen = await lines_done(database)
    await database.close()
    assert 0 < seen < MANY

    code, summary = await imported(migrated, file)

    tokens = await many(migrated, select(processor_tokens.c.token))
    told = rows_of(summary["results"])
    assert (code, counts(summary)) == (0, [MANY, 0, 0, 0])
    assert Counter(row["token"] for row in tokens) == Counter(f"pm_{n}" for n in range(MANY))
    assert [int(row["line"]) for row in told] == list(range(2, MANY + 2))
    assert len(await many(migrated, select(customers.c.id))) == 500
    methods = await many(migrated, select(payment_methods.c.id))
    assert {row["payment_method"] for row in told} == {row["id"] for row in methods}


async def test_two_imports_of_one_file_do_not_run_together(migrated: str, tmp_path: Path) -> None:
    file = tmp_path / "cards.csv"
    file.write_text(HEAD + "stripe,pm_1,,,,,,,,\n")
    with default_places(file)[0].open("wb") as written:
        fcntl.flock(written, fcntl.LOCK_EX)  # What an import that is under way holds.
        refused = await asyncio.to_thread(
            hub, "tokens", "import", str(file), "--mode", "test", HUB_DATABASE_URL=migrated
        )

    assert refused.returncode == 1
    assert "another process" in refused.stderr
    assert await many(migrated, select(payment_methods.c.id)) == []


async def test_two_files_with_the_same_tokens_make_each_once(migrated: str, tmp_path: Path) -> None:
    files = [tmp_path / "a.csv", tmp_path / "b.csv"]
    for file in files:
        file.write_text(HEAD + "".join(f"stripe,pm_{n},,{file.stem}-{n},,,,,,\n" for n in range(3_000)))

    done = await asyncio.gather(*(imported(migrated, file) for file in files))

    assert sum(one["created"] for _, one in done) == 3_000
    assert len(await many(migrated, select(processor_tokens.c.id))) == 3_000


def test_a_file_that_is_not_ours_is_told_in_one_sentence(sqlite_url: str, tmp_path: Path) -> None:
    file = tmp_path / "cards.csv"
    file.write_text("processor,number\nstripe,1\n")

    done: subprocess.CompletedProcess[str] = hub(
        "tokens", "import", str(file), "--mode", "test", HUB_DATABASE_URL=sqlite_url
    )

    assert (done.returncode, done.stdout) == (1, "")
    assert "'number' is no column" in done.stderr
    assert [path.name for path in tmp_path.glob("cards.csv*")] == ["cards.csv"]


def test_a_file_that_was_imported_whole_is_not_told_as_if_it_were_new(sqlite_url: str, tmp_path: Path) -> None:
    file = tmp_path / "cards.csv"
    file.write_text("processor,token\nstripe,pm_1\n")
    words = ("tokens", "import", str(file), "--mode", "test")

    first, again = (hub(*words, HUB_DATABASE_URL=sqlite_url) for _ in range(2))

    assert "Nothing was done now" not in first.stdout
    assert "Nothing was done now" in again.stdout


def test_a_database_file_that_is_missing_is_named_and_not_made(tmp_path: Path) -> None:
    file, missing = tmp_path / "cards.csv", tmp_path / "hub.db"
    file.write_text("processor,token\n")

    done = hub("tokens", "import", str(file), "--mode", "test", HUB_DATABASE_URL=f"sqlite:///{missing}")

    assert done.returncode == 1
    assert "there is no file" in done.stderr
    assert not missing.exists()


async def test_an_imported_card_is_charged_at_once(database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path) as home:
        method = await brought_in(home, tmp_path)

        charged = await home.hub.charge(payment_method=method, merchant_account=home.accounts["stripe-eu"])

    assert charged.json()["status"] == "captured"


async def brought_in(home: House, folder: Path) -> str:
    file = folder / "cards.jsonl"
    account = home.accounts["stripe-eu"]
    file.write_bytes(msgspec.json.encode({"processor": "stripe", "token": "pm_card_visa", "merchant_account": account}))
    _, summary = await imported(home.database_url, file)
    return rows_of(summary["results"])[0]["payment_method"]
