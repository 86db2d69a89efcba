"""Batches of a pretend processor that are closed and read in tests."""

import csv
import io
from decimal import Decimal
from typing import Any, Protocol

import aiohttp

from hub.sandbox.processor import Sandbox

Json = dict[str, Any]
Row = dict[str, str]


class Merchant(Protocol):
    """A merchant of any pretend processor."""

    sandbox: Sandbox
    http: aiohttp.ClientSession


async def close(merchant: Merchant, account: str, **troubles: object) -> Json:
    """Close a batch, or be told why not."""
    asked = {"account": account, "troubles": troubles}
    async with merchant.http.post(f"{merchant.sandbox.url}/_control/settlements", json=asked) as answer:
        told: Json = await answer.json()
        assert answer.status == (409 if "error" in told else 200)
        return told


async def report(merchant: Merchant, batch: Json, kind: str = "") -> list[Row]:
    """Read a batch's report."""
    query = f"?format={kind}" if kind else ""
    async with merchant.http.get(f"{merchant.sandbox.url}{batch['report']}{query}") as answer:
        assert answer.status == 200, await answer.text()
        return rows(await answer.text())


def rows(text: str) -> list[Row]:
    """Read CSV."""
    return list(csv.DictReader(io.StringIO(text)))


def total(found: list[Row], *columns: str) -> Decimal:
    """Add columns up; one that begins with a minus is taken away."""
    signed = ((-1 if column.startswith("-") else 1, column.removeprefix("-")) for column in columns)
    return sum((sign * Decimal(row[column] or 0) for sign, column in signed for row in found), Decimal(0))
