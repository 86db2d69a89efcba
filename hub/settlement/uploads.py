"""Taking a report in: its header is looked at before anything is kept, then it is kept piece by piece."""

import asyncio
import csv
import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from hashlib import sha256
from typing import Any, Final, Literal, NoReturn

import msgspec
import structlog
from msgspec import Struct
from sqlalchemy import RowMapping

from adapters.abilities import ReadsSettlements
from hub.database import ConflictError
from hub.ids import new_id
from hub.merchants.service import Connected
from hub.pan import mask
from hub.payments.shell import Shell
from hub.settlement import batches
from normalization.settlements import NotAReportError

PIECE_BYTES: Final = 256 * 1024
HEADER_BYTES_MAX: Final = 64 * 1024
LEASE_S: Final = 600.0
"""How long after its last piece a file that goes on no further is removed, should its process have ended."""
_QUICKLY: Final = 1  # zlib's level: a report shrinks to a sixth, the next ones bring little more.
_log: Final = structlog.get_logger(__name__)
Source = Literal["upload", "download"]


class TooLargeError(Exception):
    """The file is larger than the setting allows; nothing of it was kept."""


class Wanted(Struct, frozen=True, kw_only=True):
    """Whose report it is, and who brings it."""

    connected: Connected
    source: Source
    by: str


class Taken(Struct, frozen=True, kw_only=True):
    """The batch that the file became; `known`: the same file became it before, and nothing has changed."""

    row: RowMapping
    known: bool


async def take(shell: Shell, wanted: Wanted, content: AsyncIterator[bytes]) -> Taken:
    """Keep the file that *content* brings, whole or not at all.

    Raises:
        NotAReportError: when its header is that of no report of the account's processor.
        TooLargeError: when it is larger than the setting `settlement_file_max_bytes`.
    """
    async with aclosing(_pieces(content, shell.settings.settlement_file_max_bytes)) as pieces:
        first = await anext(pieces, b"")
        header = read_header(first)
        form = open_report(wanted.connected, header).format
        row = _row(shell, wanted, form, header)
        await batches.begin(shell.database, row, LEASE_S)
        try:
            return await _keep(shell, row, first, pieces)
        except BaseException:
            await asyncio.shield(batches.discard(shell.database, row["id"]))
            raise


def read_header(first: bytes) -> list[str]:
    """Read the names of the columns from the beginning of a file.

    Raises:
        NotAReportError: where it is no CSV.
    """
    line, newline, _ = first[:HEADER_BYTES_MAX].partition(b"\n")
    if not first.strip():
        raise NotAReportError("the file is empty")
    if not newline and len(first) > HEADER_BYTES_MAX:
        raise NotAReportError("line 1 does not end: this is no CSV")
    try:
        names = next(csv.reader([line.decode("utf-8-sig")], strict=True), [])
    except (UnicodeDecodeError, csv.Error):
        raise NotAReportError("line 1 cannot be read: write CSV in UTF-8, with the names of the columns") from None
    if len(names) < 2 or "\0" in line.decode("utf-8-sig"):  # noqa: PLR2004 - a list of one has no comma
        raise NotAReportError("line 1 names no columns that are separated by commas")
    return [mask(name)[0] for name in names]


def open_report(connected: Connected, header: Sequence[str]) -> Any:  # noqa: ANN401 - adapters.abilities.SettlementReport
    """Recognise a report of the account's processor.

    Raises:
        NotAReportError: when it is none, or the processor's adapter reads none.
    """
    if not isinstance(connected.adapter, ReadsSettlements):
        raise NotAReportError(f"the hub reads no reports of {connected.account.processor}")
    return connected.adapter.open_report(header)


async def _pieces(content: AsyncIterator[bytes], most: int) -> AsyncGenerator[bytes, None]:
    """Cut *content* into pieces of one size."""
    buffer = bytearray()
    size = 0
    try:
        async for some in content:
            size += len(some)
            if size > most:
                _too_large(most)
            buffer += some
            while len(buffer) >= PIECE_BYTES:
                yield bytes(buffer[:PIECE_BYTES])
                del buffer[:PIECE_BYTES]
        if buffer:
            yield bytes(buffer)
    finally:
        if close := getattr(content, "aclose", None):
            await close()  # A connection that a report comes by is given back at once.


async def _keep(shell: Shell, row: dict[str, Any], first: bytes, pieces: AsyncIterator[bytes]) -> Taken:
    summed, number, piece = sha256(), 0, first
    while piece:
        summed.update(piece)
        deflated = await asyncio.to_thread(zlib.compress, piece, _QUICKLY)
        await batches.add_piece(shell.database, row["id"], number, deflated, len(piece), LEASE_S)
        number, piece = number + 1, await anext(pieces, b"")
    file_hash = summed.hexdigest()
    try:
        kept = await batches.received(shell.database, row["id"], file_hash)
    except ConflictError:
        before = await batches.standing(shell.database, row["merchant_account"], file_hash)
        if before is None:
            raise
        await batches.discard(shell.database, row["id"])
        _log.info("settlement_file_known", settlement=before["id"])
        return Taken(row=before, known=True)
    shell.wake()
    return Taken(row=kept, known=False)


def _row(shell: Shell, wanted: Wanted, form: str, header: Sequence[str]) -> dict[str, Any]:
    account = wanted.connected.account
    return {
        "id": new_id("set_"),
        "livemode": account.livemode,
        "merchant_account": account.id,
        "processor": account.processor,
        "source": wanted.source,
        "format": form,
        "header": msgspec.json.encode(header).decode(),
        "requested_by": wanted.by,
        "created_at": shell.clock(),
    }


def _too_large(most: int) -> NoReturn:
    raise TooLargeError(f"the report is larger than {most} bytes; docs/settings.md names the setting")
