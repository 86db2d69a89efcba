"""The worker adds transfers up when it is worth it, and checks the books once a day."""

from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from hub.ledger.closing import STRETCH_MAX, Closing
from hub.ledger.jobs import check_ledger, close_ledger, is_due
from tests.hub.house import house
from tests.hub.ledger.booking import AT, unguarded


@pytest.mark.parametrize(
    ("last", "newest", "days", "due"),
    [
        (Closing(), 0, 0, False),
        (Closing(), 1, 0, True),
        (Closing(1, 5, AT), 5, 1, False),
        (Closing(1, 5, AT), 6, 0, False),
        (Closing(1, 5, AT), 6, 1, True),
        (Closing(1, 5, AT), 5 + STRETCH_MAX, 0, True),
    ],
)
def test_a_closing_is_due_when_a_day_has_ended_or_much_is_open(
    last: Closing, newest: int, days: int, *, due: bool
) -> None:
    assert is_due(last, newest, (AT + timedelta(days=days)).date()) is due


async def test_what_was_charged_is_added_up_once_and_checked(sqlite_url: str, tmp_path: Path) -> None:
    async with house(sqlite_url, tmp_path, with_worker=False) as made:
        shell = made.hub.parts.shell
        charged = (await made.hub.charge(payment_method=made.payment_method)).json()
        before = (await made.hub.get("/v1/ledger/balances")).json()["data"]

        done = [await close_ledger(shell), await close_ledger(shell), await check_ledger(shell)]

        after = (await made.hub.get("/v1/ledger/balances")).json()["data"]
        found = REGISTRY.get_sample_value("hub_ledger_findings")
        await unguarded(shell.database, "UPDATE transfers SET code = 'because'")
        await check_ledger(shell)

    assert (done, found) == ([1, 0, 0], 0)
    assert before == after
    assert {(one["account"], one["balance"]) for one in after} == {
        ("sales", 4999),
        (f"settlement_receivable:{charged['merchant_account']}", 4999),
    }
    assert REGISTRY.get_sample_value("hub_ledger_findings") == 0  # Today's check was made before.
