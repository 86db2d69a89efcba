"""Whatever is charged, refunded, disputed and reported, in any order, again and otherwise: the books hold."""

import asyncio
import shutil
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from msgspec.structs import replace
from sqlalchemy import insert, text

from hub.app import assembled
from hub.ids import new_id
from hub.merchants.profile import Terms as AccountTerms
from hub.merchants.profile import Tolerances
from hub.payments.shell import Shell
from hub.settings import Settings
from hub.settlement.retrying import BESIDES, settle_waiting_of
from hub.settlement.settling import finish
from hub.settlement.tables import settlement_batches
from hub.settlement.telling import tell
from hub.settlement.values import NewLine, Terms
from normalization.money import Currency
from normalization.settlements import LineType, SettlementLine, digest
from tests.hub.settlement.books import NOW, Books, Held

AGREED = AccountTerms(fees=(), settlement_days=2, settlement_currency=None, tolerances=Tolerances())
BATCH = {
    "livemode": False, "processor": "stripe", "status": "importing", "source": "upload", "bytes_total": 0,
    "bytes_read": 0, "rows_read": 0, "lines_added": 0, "lines_known": 0, "lines_restated": 0, "rows_broken": 0,
    "rows_skipped": 0, "lines_matched": 0, "lines_excepted": 0, "requested_by": "ada", "fence": 0, "tries": 0,
    "lease_until": NOW, "created_at": NOW,
}  # fmt: skip


class World(RuleBasedStateMachine):
    """One merchant account, what it is expected to settle, and what its processor has to tell of it."""

    loop: asyncio.AbstractEventLoop
    shell: Shell

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(work)

    @initialize()
    def begin(self) -> None:
        self.account = new_id("ma_")
        self.books = Books(self.shell.database, self.account)
        self.charges: list[Held] = []
        self.told: list[SettlementLine] = []  # All that the processor ever reports, as it stands now.
        self.known: dict[str, SettlementLine] = {}  # What was imported, as it was told last.

    def tell(self, type_: LineType, gross: int, fee: int = 0, **named: Any) -> None:
        self.told.append(
            SettlementLine(
                key=new_id("txn_"),
                type=type_,
                raw_type=type_.value,
                gross_minor=gross,
                fee_minor=fee,
                net_minor=gross - fee,
                currency=Currency.USD,
                booked_at=NOW,
                batch="po_1",
                **named,
            )
        )

    @rule(minor=st.integers(100, 500))
    def charge(self, minor: int) -> None:
        held = self.do(self.books.charged(minor))
        self.charges.append(held)
        self.tell(LineType.CHARGE, minor, 7, tag=held.operation.id)

    @rule(minor=st.integers(100, 500), rest=st.integers(1, 99))
    def capture_a_part(self, minor: int, rest: int) -> None:
        held = self.do(self.books.captured(minor, of=minor + rest))
        attempt = held.operation.attempt_id
        self.tell(LineType.CHARGE, minor + rest, tag=attempt, parent_reference=f"pi_{attempt}")
        self.tell(LineType.CHARGE_REVERSAL, -rest, tag=attempt, parent_reference=f"pi_{attempt}")

    @precondition(lambda self: self.charges)
    @rule(data=st.data())
    def refund(self, data: st.DataObject) -> None:
        held = self.charges.pop(data.draw(st.integers(0, len(self.charges) - 1)))
        done = self.do(self.books.refunded(held, 60))
        self.tell(LineType.REFUND, -60, tag=done.operation.id)

    @precondition(lambda self: self.charges)
    @rule(data=st.data(), announced=st.booleans())
    def dispute(self, data: st.DataObject, announced: bool) -> None:  # noqa: FBT001 - drawn
        held = self.charges.pop(data.draw(st.integers(0, len(self.charges) - 1)))
        minor = held.operation.money.minor
        if announced:
            self.do(self.books.disputed(held, minor))
        self.tell(LineType.CHARGEBACK, -minor, 15, tag=held.operation.id)

    @rule(minor=st.integers(100, 500))
    def report_what_is_not_ours(self, minor: int) -> None:
        self.tell(LineType.CHARGE, minor, 3, tag=new_id("att_"))

    @precondition(lambda self: self.known)
    @rule(data=st.data(), minor=st.integers(-50, 50))
    def restate(self, data: st.DataObject, minor: int) -> None:
        line = data.draw(st.sampled_from(self.told))
        changed = replace(line, gross_minor=line.gross_minor + minor, net_minor=line.net_minor + minor)
        self.told[self.told.index(line)] = changed

    @precondition(lambda self: self.told)
    @rule(data=st.data(), at_once=st.integers(1, 4))
    def import_a_report(self, data: st.DataObject, at_once: int) -> None:
        some = data.draw(st.lists(st.sampled_from(self.told), min_size=1, max_size=8))
        self.do(self._import(some, at_once))
        self.known |= {line.key: line for line in some}

    @rule()
    def look_again(self) -> None:
        self.do(settle_waiting_of(self.shell.database, self._terms("")))

    def _terms(self, batch: str) -> Terms:
        return Terms(batch_id=batch, livemode=False, merchant_account=self.account, account=AGREED, now=NOW)

    async def _import(self, lines: list[SettlementLine], at_once: int) -> None:
        batch = new_id("set_")
        async with self.shell.database.transaction() as connection:
            row = BATCH | {"id": batch, "merchant_account": self.account}
            await connection.execute(insert(settlement_batches), row)
        for start in range(0, len(lines), at_once):
            some = lines[start : start + at_once]
            new = [NewLine(id=new_id("sl_"), number=start, line=one, raw="[]", digest=digest(one)) for one in some]
            async with self.shell.database.transaction() as connection:
                await tell(connection, self._terms(batch), new)
        await finish(self.shell, self._terms(batch))

    async def _rows(self, sql: str) -> list[dict[str, Any]]:
        async with self.shell.database.reading() as connection:
            found = await connection.execute(text(sql), {"account": self.account})
            return [dict(row) for row in found.mappings()]

    async def _balance(self, account: str) -> int:
        sql = (
            "SELECT coalesce(sum(CASE WHEN debit = '{0}' THEN amount_minor ELSE -amount_minor END), 0) AS net "
            "FROM transfers WHERE debit = '{0}' OR credit = '{0}'"
        )
        (row,) = await self._rows(sql.format(f"{account}:{self.account}"))
        return int(row["net"])

    @invariant()
    def the_books_hold(self) -> None:
        if hasattr(self, "account"):
            self.do(self._holds())

    async def _holds(self) -> None:
        expected = await self._rows(
            "SELECT coalesce(sum(gross_minor), 0) AS minor FROM expected_settlements e "
            "WHERE merchant_account = :account "
            "AND NOT EXISTS (SELECT 1 FROM settlement_matches m WHERE m.expected_id = e.id)"
        )
        assert await self._balance("settlement_receivable") == expected[0]["minor"]
        assert await self._balance("bank_clearing") == sum(line.net_minor for line in self.known.values())
        lines = await self._rows(
            "SELECT * FROM settlement_lines WHERE merchant_account = :account AND status <> 'superseded'"
        )
        assert sorted(row["key"] for row in lines) == sorted(self.known)
        matches = {row["line_id"] for row in await self._rows("SELECT line_id FROM settlement_matches")}
        about = await self._rows(
            "SELECT line_id, type FROM exceptions WHERE merchant_account = :account AND status = 'open'"
        )
        for row in lines:
            whole = [one for one in about if one["line_id"] == row["id"] and one["type"] not in BESIDES]
            assert row["status"] in {"matched", "exception"}, row["status"]
            if row["status"] == "matched":
                assert row["match_id"] in matches
                assert {one["type"] for one in whole} <= {"amount_mismatch"}
            else:
                assert len(whole) == 1, whole


def test_the_books_hold_whatever_is_told_in_any_order(sqlite_template: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{shutil.copyfile(sqlite_template, tmp_path / 'hub.db')}"
    loop = asyncio.new_event_loop()
    opened = assembled(Settings(database_url=url))
    World.loop, World.shell = loop, loop.run_until_complete(opened.__aenter__()).shell
    few = settings(max_examples=6, stateful_step_count=14, deadline=None, suppress_health_check=[*HealthCheck])
    try:
        run_state_machine_as_test(World, settings=few)
    finally:
        loop.run_until_complete(opened.__aexit__(None, None, None))
        loop.close()
