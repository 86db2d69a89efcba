"""Reports as Stripe writes them, for tests of what becomes of them."""

import asyncio
import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import httpx

from hub.payments.shell import Shell
from hub.settlement.jobs import import_next
from tests.hub.house import Hub

COLUMNS: Final = (
    "automatic_payout_id", "balance_transaction_id", "created_utc", "available_on_utc", "currency", "gross", "fee",
    "net", "reporting_category", "source_id", "charge_id", "payment_intent_id", "description",
    "payment_metadata[hub_operation]",
)  # fmt: skip
CHARGE: Final[Mapping[str, str]] = {
    "automatic_payout_id": "po_1",
    "created_utc": "2026-11-16 10:00:00",
    "available_on_utc": "2026-11-18 00:00:00",
    "currency": "eur",
    "gross": "10.00",
    "fee": "0.55",
    "net": "9.45",
    "reporting_category": "charge",
}
ADYEN: Final = (
    "Company Account,Merchant Account,Psp Reference,Merchant Reference,Payment Method,Creation Date,TimeZone,Type,"
    "Modification Reference,Gross Currency,Gross Debit (GC),Gross Credit (GC),Exchange Rate,Net Currency,"
    "Net Debit (NC),Net Credit (NC),Commission (NC),Markup (NC),Scheme Fees (NC),Interchange (NC),"
    "Payment Method Variant,Modification Merchant Reference,Batch Number"
)
PATH: Final = "/v1/settlements"
CSV: Final = {"Content-Type": "text/csv"}


def charge(name: str, **changes: str) -> dict[str, str]:
    """Make one row of a report, the balance transaction *name*."""
    return {**CHARGE, "balance_transaction_id": f"txn_{name}", "source_id": f"ch_{name}"} | changes


def adyen(name: str, account: str) -> bytes:
    """Write a settlement detail report of one payment, as Adyen does for its merchant account *account*."""
    payment = f"Hub,{account},PSP{name},,visa,2026-11-16 10:00:00,CET,Settled,MOD{name}"
    return f"{ADYEN}\n{payment},EUR,,10.00,1,EUR,,9.45,,0.10,0.15,0.30,visaclassic,,7\n".encode()


def written(rows: Iterable[Mapping[str, str] | str], columns: Sequence[str] = COLUMNS) -> bytes:
    """Write a report; a row that is text stands there as it is."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        if isinstance(row, str):
            file.write(f"{row}\n")
        else:
            writer.writerow([row.get(name, "") for name in columns])
    return file.getvalue().encode()


async def hand_in(hub: Hub, account: str, content: Any, **headers: str) -> httpx.Response:
    """Hand a report in."""
    return await hub.client.post(PATH, params={"merchant_account": account}, content=content, headers=CSV | headers)


async def imported(hub: Hub, account: str, rows: Iterable[Mapping[str, str] | str], **how: Any) -> dict[str, Any]:
    """Hand a report in, have it imported here, and show its batch."""
    answer = await hand_in(hub, account, written(rows))
    assert answer.status_code == 202, answer.text
    await import_all(hub.parts.shell, **how)
    body: dict[str, Any] = (await hub.get(f"{PATH}/{answer.json()['id']}")).json()
    return body


async def import_all(shell: Shell, **how: Any) -> None:
    """Do what the worker does until nothing is due."""
    while await import_next(shell, asyncio.Event(), **how):
        pass
