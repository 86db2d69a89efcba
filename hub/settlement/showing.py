"""Batches, lines and broken rows as the API shows them; pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec
from msgspec import Struct

from hub.settlement.batches import totals_of
from hub.settlement.reading import Total
from normalization.settlements import LineType

BatchStatus = Literal["receiving", "waiting", "importing", "done", "refused", "failed"]
LineStatus = Literal["open", "matched", "posted", "exception", "superseded"]


class Progress(Struct, frozen=True, kw_only=True):
    """How far the file is read."""

    bytes_read: int
    bytes_total: int
    rows_read: int


class Counts(Struct, frozen=True, kw_only=True):
    """What the rows read became; `added` to `skipped` are all of them, `matched` and `excepted` are of those written.

    `known` lines were told before, alike or by a later report; `restated` ones stand in place of earlier ones;
    `skipped` rows tell of no money.
    """

    added: int
    known: int
    restated: int
    broken: int
    skipped: int
    matched: int
    excepted: int


class BatchBody(Struct, frozen=True, kw_only=True):
    """A report that was handed in; `totals` are what its lines add up to, by currency, in minor units.

    `error` says why it was refused or failed.
    """

    id: str
    object: Literal["settlement"] = "settlement"
    livemode: bool
    merchant_account: str
    processor: str
    status: BatchStatus
    source: Literal["upload", "download"]
    format: str | None
    file_hash: str | None
    progress: Progress
    counts: Counts
    totals: dict[str, Total]
    error: str | None
    requested_by: str
    created_at: datetime
    ended_at: datetime | None


class Presented(Struct, frozen=True):
    """An amount in the payment's own currency."""

    amount: int
    currency: str


class LineBody(Struct, frozen=True, kw_only=True):
    """A line of a report; `gross - fee = net`, in minor units of `currency`, positive where it credits us.

    `number` is its line in the file and `row` what stands there, by column. `expected` are the expected settlements
    that it was matched with, `matched_lines` the other lines of the same match. `payout` is the processor's name of it.
    """

    id: str
    object: Literal["settlement_line"] = "settlement_line"
    settlement: str
    merchant_account: str
    number: int
    key: str
    type: LineType
    raw_type: str
    status: LineStatus
    gross: int
    fee: int
    net: int
    currency: str
    presented: Presented | None
    exchange_rate: str | None
    booked_at: datetime
    payout: str | None
    tag: str | None
    processor_reference: str | None
    parent_reference: str | None
    facts: dict[str, Any]
    payment: str | None
    operation: str | None
    expected: list[str]
    matched_lines: list[str]
    exceptions: list[str]
    row: dict[str, str]


class BrokenRowBody(Struct, frozen=True, kw_only=True):
    """A row that could not be read: its line in the file, the column where one is at fault, and what stands there."""

    number: int
    column: str | None
    message: str
    raw: str


class Ties(Struct, frozen=True, kw_only=True):
    """What lines are tied to, by line or by match."""

    expected: Mapping[str, Sequence[str]]
    members: Mapping[str, Sequence[str]]
    exceptions: Mapping[str, Sequence[str]]


def batch_body(row: Mapping[Any, Any]) -> BatchBody:
    """Show a batch."""
    return BatchBody(
        id=row["id"],
        livemode=bool(row["livemode"]),
        merchant_account=row["merchant_account"],
        processor=row["processor"],
        status=row["status"],
        source=row["source"],
        format=row["format"],
        file_hash=row["file_hash"],
        progress=Progress(bytes_read=row["bytes_read"], bytes_total=row["bytes_total"], rows_read=row["rows_read"]),
        counts=Counts(
            added=row["lines_added"],
            known=row["lines_known"],
            restated=row["lines_restated"],
            broken=row["rows_broken"],
            skipped=row["rows_skipped"],
            matched=row["lines_matched"],
            excepted=row["lines_excepted"],
        ),
        totals=totals_of(row),
        error=row["error"],
        requested_by=row["requested_by"],
        created_at=row["created_at"],
        ended_at=row["ended_at"],
    )


def row_of(header: Sequence[str], raw: str) -> dict[str, str]:
    """Put the cells of a line's row beside the columns of its report."""
    return dict(zip(header, msgspec.json.decode(raw, type=list[str]), strict=False))


def line_body(row: Mapping[Any, Any], header: Sequence[str], ties: Ties) -> LineBody:
    """Show a line of a report whose columns are *header*."""
    match = row["match_id"]
    presented = None
    if row["presented_minor"] is not None:
        presented = Presented(row["presented_minor"], row["presented_currency"])
    return LineBody(
        id=row["id"],
        settlement=row["batch_id"],
        merchant_account=row["merchant_account"],
        number=row["number"],
        key=row["key"],
        type=LineType(row["type"]),
        raw_type=row["raw_type"],
        status=row["status"],
        gross=row["gross_minor"],
        fee=row["fee_minor"],
        net=row["net_minor"],
        currency=row["currency"],
        presented=presented,
        exchange_rate=row["exchange_rate"],
        booked_at=row["booked_at"],
        payout=row["payout"],
        tag=row["tag"],
        processor_reference=row["processor_reference"],
        parent_reference=row["parent_reference"],
        facts=msgspec.json.decode(row["facts"]) if row["facts"] else {},
        payment=row["payment_id"],
        operation=row["operation_id"],
        expected=list(ties.expected.get(match, ())) if match else [],
        matched_lines=[id_ for id_ in ties.members.get(match, ()) if id_ != row["id"]] if match else [],
        exceptions=list(ties.exceptions.get(row["id"], ())),
        row=row_of(header, row["raw"]),
    )
