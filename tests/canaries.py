"""Secrets that no test may find where none belongs: databases, what is said aloud, and refusals are searched for them.

Every test plants them, whether it is about them or not: the accounts' credentials, webhook secrets, API keys, the
pretend processors' card numbers, card data as a processor's library encrypts it. What a database held is searched when
its test is over, and what was printed or logged when its report is made: a leak fails the test that leaked.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import asyncpg
import httpx
import pytest
from sqlalchemy import LargeBinary, Table

from hub.migrations.tables import metadata
from hub.sandbox.server import names, processor

_SQLITE: Final = "sqlite:///"
_ACCOUNTS: Final = ("eu", "HubEU", "second", "spare")
_FORMS: Final = (
    r"hub_(?:test|live)_[0-9a-z]{32}",  # API keys.
    r"whsec_[A-Za-z0-9+/]{24}",  # Secrets of webhook endpoints, and Stripe's.
    r"sk_(?:test|live|sbox)_\w+",  # Keys of Stripe and Checkout.com.
    r"test_737",  # A security code as Adyen's own library sends it in test mode.
)
_CARDS: Final = (
    "4242424242424242", "4111111111111111", "5555555555554444", "5454545454545454", "4000056655665556",
    "378282246310005", "370000000000002", "6011111111111117", "4000000000003220", "4000000000000002",
)  # fmt: skip
PLANTED: Final = "planted"
"""The mark of tests that put secrets themselves where none belongs."""


def _secrets() -> Iterator[str]:
    """What opens the pretend processors, by the accounts that tests open there."""
    for name in names():
        for account in _ACCOUNTS:
            told = processor(name).credentials(account, "")
            yield from (str(told[key]) for key in told if key.endswith(("webhook_secret", "password", "secret_key")))


_ANY: Final = "|".join((*_FORMS, *map(re.escape, (*_CARDS, *sorted(set(_secrets()))))))
_CANARY: Final = re.compile(_ANY.encode())


class LeakedError(AssertionError):
    """A secret stands where none belongs; the message says where, and how it begins."""


def leaked(raw: bytes) -> list[str]:
    """Name the secrets in *raw*, each by how it begins."""
    return sorted({f"{found[:12].decode()}…" for found in _CANARY.findall(raw)})


def none_in(place: str, raw: bytes) -> None:
    """Search *raw*.

    Raises:
        LeakedError: when a secret stands there.
    """
    found = leaked(raw)
    if found:
        raise LeakedError(f"{', '.join(found)} stands in {place}")


def none_in_file(path: Path) -> None:
    """Search a SQLite database as its files have it, deleted rows too.

    Raises:
        LeakedError: when a secret stands there.
    """
    for file in (path, path.with_name(f"{path.name}-wal")):
        if file.exists():
            none_in(file.name, file.read_bytes())


async def none_in_postgres(url: str) -> None:
    """Search every column of every table that can hold text or bytes.

    Raises:
        LeakedError: when a secret stands there.
    """
    connection = await asyncpg.connect(url)
    try:
        there = {
            row[0] for row in await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        }
        asked = " UNION ALL ".join(_question(table) for table in metadata.sorted_tables if table.name in there)
        rows = await connection.fetch(asked, _ANY) if asked else []
    finally:
        await connection.close()
    for table, told in rows:
        none_in(f"the table {table}", str(told).encode())


async def none_in_database(url: str) -> None:
    """Search a database by its URL.

    Raises:
        LeakedError: when a secret stands there.
    """
    if url.startswith(_SQLITE):
        none_in_file(Path(url.removeprefix(_SQLITE)))
    else:
        await none_in_postgres(url)


async def none_in_refusal(answer: httpx.Response) -> None:
    """Search an answer that refuses: a client's hook.

    Raises:
        LeakedError: when a secret stands there.
    """
    if answer.is_error:
        none_in(f"the answer {answer.status_code} of {answer.url.path}", await answer.aread())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Fail a test whose code said a secret aloud."""
    report: pytest.TestReport = yield  # type: ignore[assignment] # what the hook behind it made
    if item.get_closest_marker(PLANTED) is None:
        fail_if_said(report)
    return report  # type: ignore[return-value] # a wrapper gives on what it was given


def fail_if_said(report: pytest.TestReport) -> None:
    """Make a report a failure where its test's output or logs hold a secret."""
    found = [(title, said) for title, text in report.sections if (said := leaked(text.encode()))]
    if found and report.passed:
        report.outcome = "failed"
        report.longrepr = "\n".join(f"{', '.join(said)} stands in what was said: {title}" for title, said in found)


def _question(table: Table) -> str:
    columns = [
        f"encode(\"{column.name}\", 'escape')" if isinstance(column.type, LargeBinary) else f'"{column.name}"::text'
        for column in table.columns
    ]
    every = f"concat_ws(' ', {', '.join(columns)})"
    return f"(SELECT '{table.name}', {every} FROM \"{table.name}\" WHERE {every} ~ $1 LIMIT 3)"  # noqa: S608 - our own tables' names
