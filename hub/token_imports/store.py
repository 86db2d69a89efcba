"""All SQL of imports; the caller owns the transaction."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec import Struct
from sqlalchemy import RowMapping, Table, bindparam, insert, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.ids import new_id
from hub.payment_methods.store import method_row
from hub.payment_methods.tables import customers, payment_methods, processor_tokens
from hub.token_imports.columns import Line
from hub.token_imports.rules import Batch, Method, Slot, Standing
from hub.token_imports.tables import token_imports
from normalization.tokens import CardFacts

_LOCK: Final = 7_204_118_936
"""Names the lock under which PostgreSQL takes one batch after the other: two files may hold the same token."""
_card: Final = msgspec.json.Decoder(CardFacts)


class Progress(Struct, frozen=True, kw_only=True):
    """How far an import is; see the table's columns."""

    id: str
    livemode: bool
    lines: int
    position: int
    results_bytes: int
    rejects_bytes: int
    created: int
    joined: int
    known: int
    rejected: int
    finished_at: datetime | None


async def begin(connection: AsyncConnection, *, livemode: bool, file_hash: str, at: datetime, afresh: bool) -> Progress:
    """Read how far the import of a file is; *afresh* and for a new file at its beginning."""
    nothing = dict.fromkeys(("lines", "position", "results_bytes", "rejects_bytes"), 0)
    nothing |= dict.fromkeys(("created", "joined", "known", "rejected"), 0)
    row = {"id": new_id("imp_"), "livemode": livemode, "file_hash": file_hash, "started_at": at, "finished_at": None}
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    added = dialect.insert(token_imports).values(row | nothing)
    await connection.execute(added.on_conflict_do_nothing(index_elements=["livemode", "file_hash"]))
    this = token_imports.c.livemode == livemode, token_imports.c.file_hash == file_hash
    if afresh:
        await connection.execute(update(token_imports).where(*this).values(**nothing, finished_at=None, started_at=at))
    return _progress((await connection.execute(select(token_imports).where(*this))).mappings().one())


async def locked(connection: AsyncConnection, import_id: str) -> Progress:
    """Read how far the import is, with nobody else importing until the transaction ends."""
    if connection.dialect.name == "postgresql":
        await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    found = await connection.execute(select(token_imports).where(token_imports.c.id == import_id))
    return _progress(found.mappings().one())


async def advance(connection: AsyncConnection, progress: Progress) -> None:
    """Write down how far the import is."""
    values = msgspec.structs.asdict(progress)
    import_id = values.pop("id")
    await connection.execute(update(token_imports).where(token_imports.c.id == import_id).values(values))


async def standing(
    connection: AsyncConnection,
    lines: Sequence[Line],
    *,
    livemode: bool,
    processors: frozenset[str],
    accounts: Mapping[str, str],
) -> Standing:
    """Read what stands before *lines*, and keep it from changing until the transaction ends.

    Customers come before payment methods, the order in which whoever erases a person takes them.
    """
    named = {line.customer for line in lines} - {None}
    keys = {line.customer_key for line in lines} - {None}
    people = await _rows(connection, customers, "id", named, livemode)
    known_people = await _rows(connection, customers, "import_key", keys, livemode)
    tokens = await _tokens(connection, lines, livemode)
    keyed = await _rows(connection, payment_methods, "import_key", {line.key for line in lines} - {None}, livemode)
    holding = await _rows(connection, payment_methods, "id", set(tokens.values()), livemode)
    slots = await _slots(connection, [row["id"] for row in keyed])
    methods = {row["id"]: _method(row, slots.get(row["id"], frozenset())) for row in (*holding, *keyed)}
    return Standing(
        processors=processors,
        accounts=accounts,
        tokens=tokens,
        methods=methods,
        by_key={row["import_key"]: row["id"] for row in keyed},
        customers={row["id"] for row in people},
        by_customer_key={row["import_key"]: row["id"] for row in known_people},
    )


async def write(connection: AsyncConnection, batch: Batch, *, livemode: bool, at: datetime) -> None:
    """Insert what a batch makes."""
    stamps = {"livemode": livemode, "created_at": at}
    people = [stamps | _person(id_, key) for key, id_ in batch.customers.items()]
    methods = [_new_method(method, livemode=livemode, at=at) for method in batch.methods.values()]
    tokens = [stamps | _token_row(method, line) for method, line in batch.tokens]
    for table, rows in ((customers, people), (payment_methods, methods), (processor_tokens, tokens)):
        if rows:
            await connection.execute(insert(table), rows)
    if batch.changed:
        changed = update(payment_methods).where(payment_methods.c.id == bindparam("method"))
        known: dict[str, Any] = {"card": bindparam("facts"), "network_transaction_id": bindparam("network_id")}
        values = changed.values(**known, version=payment_methods.c.version + 1)
        rows = [
            {"method": m.id, "facts": _json(m.card), "network_id": m.network_transaction_id}
            for m in batch.changed.values()
        ]
        await connection.execute(values, rows)


async def _rows(
    connection: AsyncConnection,
    table: Table,
    column: str,
    values: set[Any],
    livemode: bool,  # noqa: FBT001 - the mode
) -> Sequence[RowMapping]:
    """Read the rows whose *column* is among *values*, deleted ones left out."""
    if not values:
        return ()
    wanted = select(table).where(table.c.livemode == livemode, table.c[column].in_(sorted(values)))
    standing_only = wanted.where(table.c.deleted_at.is_(None)).order_by(table.c.id).with_for_update()
    return (await connection.execute(standing_only)).mappings().all()


async def _tokens(connection: AsyncConnection, lines: Sequence[Line], livemode: bool) -> dict[tuple[Slot, str], str]:  # noqa: FBT001 - the mode
    found: dict[tuple[Slot, str], str] = {}
    table = processor_tokens
    for processor in sorted({line.processor for line in lines}):
        given = sorted({line.token for line in lines if line.processor == processor})
        wanted = select(table.c.merchant_account, table.c.token, table.c.payment_method).where(
            table.c.livemode == livemode, table.c.processor == processor, table.c.token.in_(given)
        )
        for account, token, method in await connection.execute(wanted.order_by(table.c.id)):
            found.setdefault(((processor, account), token), method)
    return found


async def _slots(connection: AsyncConnection, methods: Sequence[str]) -> dict[str, frozenset[Slot]]:
    if not methods:
        return {}
    table = processor_tokens
    wanted = select(table.c.payment_method, table.c.processor, table.c.merchant_account)
    found: dict[str, frozenset[Slot]] = {}
    for method, processor, account in await connection.execute(wanted.where(table.c.payment_method.in_(methods))):
        found[method] = found.get(method, frozenset()) | {(processor, account)}
    return found


def _method(row: RowMapping, slots: frozenset[Slot]) -> Method:
    return Method(
        id=row["id"],
        customer=row["customer"],
        card=_card.decode(row["card"]),
        network_transaction_id=row["network_transaction_id"],
        key=row["import_key"],
        slots=slots,
    )


def _person(customer_id: str, key: str) -> dict[str, Any]:
    return {"id": customer_id, "person": _json({"reference": key}), "import_key": key, "deleted_at": None}


def _new_method(method: Method, *, livemode: bool, at: datetime) -> dict[str, Any]:
    row = method_row(
        livemode,
        method.id,
        method.customer,
        method.card,
        at,
        network_transaction_id=method.network_transaction_id,
    )
    return row | {"import_key": method.key}


def _token_row(method: str, line: Line) -> dict[str, Any]:
    return {
        "id": new_id("ptk_"),
        "payment_method": method,
        "processor": line.processor,
        "token": line.token,
        "customer_reference": line.customer_reference,
        "merchant_account": line.merchant_account or "",
        "fingerprint": line.fingerprint,
    }


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _progress(row: RowMapping) -> Progress:
    return Progress(**{name: row[name] for name in Progress.__struct_fields__})
