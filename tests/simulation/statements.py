"""The hub's statements as SQLite takes them, compiled once: SQLAlchemy costs more than all that they do."""

import sqlite3
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from sqlalchemy import Delete, Insert, Select, Update
from sqlalchemy.sql.elements import ClauseElement

from hub.database import SQLITE, Unit

Process = Callable[[Any], Any]


class Statement:
    """One statement: what is to be put in, and what comes out."""

    def __init__(self, statement: ClauseElement) -> None:
        compiled: Any = statement.compile(dialect=SQLITE)
        self._sql = str(compiled)
        names = compiled.positiontup or ()
        self._inputs: list[tuple[str, Any, Process | None]] = [
            (name, compiled.params[name], compiled.binds[name].type.dialect_impl(SQLITE).bind_processor(SQLITE))
            for name in names
        ]
        self._outputs: list[tuple[str, Process | None]] = [
            (column.keyname, column.type.dialect_impl(SQLITE).result_processor(SQLITE, None))
            for column in compiled._result_columns  # noqa: SLF001 - there is no other way to learn the types
        ]

    def touched(self, cursor: sqlite3.Cursor, values: Mapping[str, Any]) -> int:
        """Carry it out, and count the rows that it read or wrote."""
        cursor.execute(self._sql, self._bound(values))
        return len(cursor.fetchall()) if self._outputs else cursor.rowcount

    def rows(self, cursor: sqlite3.Cursor, values: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        """Carry it out, and give what it reads."""
        cursor.execute(self._sql, self._bound(values))
        return [
            {
                name: value if process is None else process(value)
                for (name, process), value in zip(self._outputs, row, strict=True)
            }
            for row in cursor.fetchall()
        ]

    def _bound(self, values: Mapping[str, Any]) -> list[Any]:
        bound = []
        for name, fixed, process in self._inputs:
            value = fixed if fixed is not None else values[name]
            bound.append(value if process is None else process(value))
        return bound


@cache
def statement_of(statement: Select[Any] | Insert | Update | Delete) -> Statement:
    """Compile *statement* once."""
    return Statement(statement)


@cache
def statements_of(unit: Unit) -> list[Statement]:
    """Compile what *unit* is made of once."""
    return [statement_of(statement) for statement, _ in unit.statements]
