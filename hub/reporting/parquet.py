"""A flat table as a Parquet file: one row group, columns that may be null, plain and uncompressed.

Source: https://parquet.apache.org/docs/file-format/ and the Thrift compact protocol,
https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
"""

import struct
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from enum import IntEnum
from typing import Final

MEDIA_TYPE: Final = "application/vnd.apache.parquet"
Cell = int | str | date | None
_MAGIC: Final = b"PAR1"
_EPOCH: Final = date(1970, 1, 1)
_VERSION, _OPTIONAL, _DATA_PAGE, _UNCOMPRESSED = 1, 1, 0, 0
_PLAIN, _RLE = 0, 3
_SHORT_LIST: Final = 15


class Kind(IntEnum):
    """What a column holds, as the number of its physical type."""

    DATE = 1
    NUMBER = 2
    TEXT = 6


class _Thrift(IntEnum):
    """The compact protocol's numbers of types."""

    I32 = 5
    I64 = 6
    BINARY = 8
    LIST = 9
    STRUCT = 12


_CONVERTED: Final = {Kind.DATE: 6, Kind.TEXT: 0}
"""The older word for how a column is read; those that have one are told in the newer word, too."""
_LOGICAL: Final = {Kind.DATE: 6, Kind.TEXT: 1}


def parquet(columns: Mapping[str, Kind], rows: Sequence[Sequence[Cell]]) -> bytes:
    """Write *rows*, each with a cell for each of *columns* in their order; numbers have 64 bits, dates no time."""
    body, chunks = bytearray(_MAGIC), []
    for at, (name, kind) in enumerate(columns.items()):
        page = _page(kind, [row[at] for row in rows])
        told = (
            (1, _i32(kind)),
            (2, _list(_Thrift.I32, [_zigzag(_PLAIN), _zigzag(_RLE)])),
            (3, _list(_Thrift.BINARY, [_text(name)])),
            (4, _i32(_UNCOMPRESSED)),
            (5, _i64(len(rows))),
            (6, _i64(len(page))),
            (7, _i64(len(page))),
            (9, _i64(len(body))),
        )
        chunks.append(_struct((2, _i64(len(body))), (3, (_Thrift.STRUCT, _struct(*told)))))
        body += page
    groups = _struct((1, _list(_Thrift.STRUCT, chunks)), (2, _i64(len(body) - len(_MAGIC))), (3, _i64(len(rows))))
    footer = _struct(
        (1, _i32(_VERSION)),
        (2, _list(_Thrift.STRUCT, _schema(columns))),
        (3, _i64(len(rows))),
        (4, _list(_Thrift.STRUCT, [groups])),
        (6, (_Thrift.BINARY, _text("payment-hub"))),
    )
    return bytes(body) + footer + struct.pack("<I", len(footer)) + _MAGIC


def _schema(columns: Mapping[str, Kind]) -> list[bytes]:
    root = _struct((4, (_Thrift.BINARY, _text("report"))), (5, _i32(len(columns))))
    return [root, *(_element(name, kind) for name, kind in columns.items())]


def _element(name: str, kind: Kind) -> bytes:
    told = [(1, _i32(kind)), (3, _i32(_OPTIONAL)), (4, (_Thrift.BINARY, _text(name)))]
    if kind in _CONVERTED:
        logical = _struct((_LOGICAL[kind], (_Thrift.STRUCT, _struct())))
        told += [(6, _i32(_CONVERTED[kind])), (10, (_Thrift.STRUCT, logical))]
    return _struct(*told)


def _page(kind: Kind, cells: Sequence[Cell]) -> bytes:
    levels = b"".join(_runs([cell is not None for cell in cells]))
    content = struct.pack("<I", len(levels)) + levels + b"".join(_plain(kind, cell) for cell in cells)
    of_data = _struct((1, _i32(len(cells))), (2, _i32(_PLAIN)), (3, _i32(_RLE)), (4, _i32(_RLE)))
    size = _i32(len(content))
    return _struct((1, _i32(_DATA_PAGE)), (2, size), (3, size), (5, (_Thrift.STRUCT, of_data))) + content


def _runs(there: Sequence[bool]) -> Iterable[bytes]:
    """Say which cells are there: how many alike follow each other, and whether they are."""
    begin = 0
    for at in range(1, len(there) + 1):
        if at == len(there) or there[at] is not there[begin]:
            yield _varint((at - begin) << 1) + bytes([there[begin]])
            begin = at


def _plain(kind: Kind, cell: Cell) -> bytes:
    if cell is None:
        return b""
    if isinstance(cell, date):
        return struct.pack("<i", (cell - _EPOCH).days)
    if isinstance(cell, int) and kind is Kind.NUMBER:
        return struct.pack("<q", cell)
    told = str(cell).encode()
    return struct.pack("<I", len(told)) + told


def _struct(*told: tuple[int, tuple[_Thrift, bytes]]) -> bytes:
    written, last = bytearray(), 0
    for number, (type_, value) in told:
        written += bytes([(number - last) << 4 | type_]) + value
        last = number
    return bytes(written) + b"\0"


def _list(type_: _Thrift, items: Sequence[bytes]) -> tuple[_Thrift, bytes]:
    long = len(items) >= _SHORT_LIST
    head = bytes([_SHORT_LIST << 4 | type_]) + _varint(len(items)) if long else bytes([len(items) << 4 | type_])
    return _Thrift.LIST, head + b"".join(items)


def _i32(value: int) -> tuple[_Thrift, bytes]:
    return _Thrift.I32, _zigzag(value)


def _i64(value: int) -> tuple[_Thrift, bytes]:
    return _Thrift.I64, _zigzag(value)


def _zigzag(value: int) -> bytes:
    return _varint(value << 1 if value >= 0 else (-value << 1) - 1)


def _text(value: str) -> bytes:
    told = value.encode()
    return _varint(len(told)) + told


def _varint(value: int) -> bytes:
    written = bytearray()
    while value >> 7:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)
