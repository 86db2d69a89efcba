"""What `hub doctor` says of settlement reports that wait, failed or never came."""

from datetime import timedelta

import pytest
from sqlalchemy import RowMapping, text

from adapters.contract import NoticeKind, SettlementNotice
from hub.doctor_settlements import look_at_settlements
from hub.merchants.store import all_accounts
from hub.webhooks.notices import note_notice
from tests.hub.house import House
from tests.hub.settlement.reports import charge, hand_in, import_all, written

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def found(made: House) -> dict[str, str]:
    """What is wrong, by what was looked at."""
    parts = made.hub.parts
    async with parts.database.reading() as connection:
        accounts: list[RowMapping] = [*await all_accounts(connection)]
        findings = await look_at_settlements(connection, accounts, parts.clock() + timedelta(hours=3))
    return {finding.check: finding.told for finding in findings if not finding.ok}


async def change(made: House, statement: str, **values: str) -> None:
    async with made.hub.parts.database.transaction() as connection:
        await connection.execute(text(statement), values)


async def test_what_waits_too_long_or_failed_is_told(quiet: House) -> None:
    batch = (await hand_in(quiet.hub, quiet.accounts["stripe-eu"], written([charge("doctor-1")]))).json()["id"]
    waiting = await found(quiet)
    failing = "UPDATE settlement_batches SET status = 'failed', due_at = NULL, error = 'why' WHERE id = :id"
    await change(quiet, failing, id=batch)
    failed = await found(quiet)
    await quiet.hub.client.post(f"/v1/settlements/{batch}/retry")
    await import_all(quiet.hub.parts.shell)

    assert "1 wait to be imported" in waiting["settlement reports"]
    assert failed["failed settlement reports"] == f"1; the newest, {batch}, why"
    assert await found(quiet) == {}


async def test_what_was_announced_and_does_not_come_is_told_by_account(quiet: House) -> None:
    connected = quiet.hub.parts.directory.connected(quiet.accounts["stripe-eu"])
    assert connected is not None
    notice = SettlementNotice(kind=NoticeKind.REPORT_AVAILABLE, processor_reference="po_away", livemode=False)
    await note_notice(quiet.hub.parts.shell, connected, notice)
    await change(quiet, "UPDATE settlement_notices SET error = 'it is away', tries = 2")

    told = await found(quiet)

    assert list(told) == ["reports of stripe-eu"]
    assert "1 in a month were announced and are not here" in told["reports of stripe-eu"]
    assert told["reports of stripe-eu"].endswith("it is away")
