import json
import sqlite3
from contextlib import closing
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import asyncpg
import pytest
from litestar import Litestar, get
from litestar.params import FromQuery, QueryParameter
from litestar.testing import AsyncTestClient
from sqlalchemy.exc import OperationalError

from hub.errors import CODES, HANDLERS, FieldError, ProblemError, errors_page
from normalization.money import Currency


@get("/full")
async def full() -> None:
    raise ProblemError(
        "merchant_accounts_unavailable",
        "all accounts are paused",
        errors=[FieldError("merchant_account", "is paused")],
        retry_after=7,
        extra={"considered": [{"merchant_account": "ma_1"}]},
    )


@get("/broken")
async def broken() -> None:
    raise RuntimeError("the password is hunter2")


@get("/lost")
async def lost() -> None:
    raise asyncpg.PostgresConnectionError("10.0.0.7 refused")


@get("/starting")
async def starting() -> None:
    raise asyncpg.CannotConnectNowError("the database system is starting up")


@get("/locked")
async def locked(path: FromQuery[str]) -> None:
    with closing(sqlite3.connect(path)) as first, closing(sqlite3.connect(path, timeout=0)) as second:
        first.execute("BEGIN IMMEDIATE")
        try:
            second.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as busy:
            raise OperationalError("BEGIN IMMEDIATE", None, busy) from busy


class Kind(StrEnum):
    BOOK = "book"
    FILM = "film"


@get("/counted")
async def counted(
    count: Annotated[int, QueryParameter(ge=1, le=100)],
    kind: FromQuery[Kind | None] = None,
    kinds: FromQuery[list[Kind] | None] = None,
    since: FromQuery[datetime | None] = None,
    open_only: FromQuery[bool | None] = None,
    currency: FromQuery[Currency | None] = None,
) -> str:
    return f"{count} {kind} {kinds} {since} {open_only} {currency}"


APP = Litestar([full, broken, lost, starting, locked, counted], exception_handlers=HANDLERS)


async def problem_of(path: str) -> tuple[int, dict[str, str], dict[str, object]]:
    async with AsyncTestClient(APP, raise_server_exceptions=False) as client:
        answer = await client.get(path)
    return answer.status_code, dict(answer.headers), json.loads(answer.content)


async def test_a_problem_has_every_member_of_the_contract() -> None:
    status, headers, problem = await problem_of("/full")

    assert status == 503
    assert headers["content-type"] == "application/problem+json"
    assert headers["retry-after"] == "7"
    assert problem == {
        "type": "urn:payment-hub:problem:merchant_accounts_unavailable",
        "title": "Merchant accounts unavailable",
        "status": 503,
        "detail": "all accounts are paused",
        "instance": "/full",
        "code": "merchant_accounts_unavailable",
        "retryable": True,
        "request_id": headers["x-request-id"],
        "errors": [{"field": "merchant_account", "message": "is paused"}],
        "considered": [{"merchant_account": "ma_1"}],
    }


async def test_what_nobody_foresaw_tells_nothing_of_the_inside() -> None:
    status, _, problem = await problem_of("/broken")

    assert (status, problem["code"]) == (500, "internal_error")
    assert "hunter2" not in str(problem)
    assert "RuntimeError" not in str(problem)


async def test_a_lost_database_is_unavailable_and_worth_another_try() -> None:
    status, headers, problem = await problem_of("/lost")

    assert (status, problem["code"], problem["retryable"]) == (503, "database_unavailable", True)
    assert headers["retry-after"] == "1"
    assert "10.0.0.7" not in str(problem)


async def test_a_database_that_starts_or_is_locked_is_worth_another_try(tmp_path: Path) -> None:
    codes = [(await problem_of(path))[2]["code"] for path in ("/starting", f"/locked?path={tmp_path / 'x.db'}")]

    assert codes == ["database_unavailable"] * 2


@pytest.mark.parametrize(
    ("query", "field", "message"),
    [
        ("count=x", "count", "must be a whole number"),
        ("count=0", "count", "must be at least 1"),
        ("count=101", "count", "must be at most 100"),
        ("count=1&kind=nix", "kind", "must be one of book, film"),
        ("count=1&kinds=book&kinds=nix", "kinds", "must be one of book, film"),
        ("count=1&since=noon", "since", "must be a time such as 2026-11-21T09:00:00Z"),
        ("count=1&open_only=perhaps", "open_only", "must be true or false"),
        (
            "count=1&currency=eur",
            "currency",
            "is not one of the values this field takes, spelt exactly so (codes are upper case)",
        ),
    ],
)
async def test_a_wrong_parameter_is_named_with_what_it_takes(query: str, field: str, message: str) -> None:
    status, _, problem = await problem_of(f"/counted?{query}")

    assert (status, problem["code"]) == (422, "validation_failed")
    assert problem["errors"] == [{"field": field, "message": message}]


async def test_a_parameter_that_is_missing_is_named() -> None:
    status, _, problem = await problem_of("/counted")

    assert (status, problem["code"]) == (422, "validation_failed")
    assert problem["errors"] == [{"field": "count", "message": "is missing"}]


def test_every_code_says_what_it_means_and_the_page_is_in_step() -> None:
    assert all(code.meaning.endswith(".") for code in CODES.values())
    assert Path("docs/errors.md").read_text() == errors_page(), "write docs/errors.md again from errors_page()"
