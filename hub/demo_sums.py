"""The demo's sums: what the bank received, what everything came to per account, and whether the books agree."""

import asyncio
import os
import sys
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct
from rich.table import Table

from hub.demo_books import SHORT, WRONG, Wrong
from hub.demo_charging import decimal
from hub.demo_shop import Json, Shop, UnexpectedError, step
from hub.demo_week import DAYS
from hub.ledger.chart import bank, bank_clearing, receivable, suspense
from hub.seed import SAMPLES

SHOWN: Final = ("captured", "refunded", "settled", "fees", "paid_out", "received", "outstanding", "at_risk")
_LINES_SHOWN: Final = "stripe-eea"
"""Whose payout is followed back to the rules."""


class Told(Struct, frozen=True, kw_only=True):
    """What a processor's own books have of one account; `payouts` are amounts by name."""

    name: str
    wrong: Wrong
    currency: str
    captured: int
    refunded: int
    payouts: dict[str, int]

    @property
    def paid(self) -> int:
        """What went to the bank."""
        return sum(self.payouts.values())

    def figures(self) -> dict[str, int]:
        """Say what a reconciliation has to show."""
        owed = self.captured - self.refunded
        return {
            "captured": self.captured,
            "refunded": self.refunded,
            "settled": owed,
            "fees": owed - self.wrong.strange - self.wrong.short - self.paid,
            "paid_out": self.paid,
            "received": self.paid,
            "outstanding": 0,
            "at_risk": self.wrong.short,
        }


async def told_by_processors(shop: Shop) -> list[Told]:
    """Read what every account charged, and what was paid out, in the processors' own books."""
    found = []
    for sample in SAMPLES:
        money = (await shop.control(sample.processor, "GET", "/money"))["accounts"][sample.at_processor]
        batches = (await shop.control(sample.processor, "GET", f"/settlements?account={sample.at_processor}"))["data"]
        ((currency, sums),) = money.items()
        found.append(
            Told(
                name=sample.name, wrong=WRONG.get(sample.name, Wrong()), currency=currency,
                captured=sums["captured"], refunded=sums["refunded"],
                payouts={paid["id"]: paid["amount"] for batch in batches for paid in batch["payouts"]},
            )
        )  # fmt: skip
    return found


async def receive(shop: Shop, told: list[Told]) -> None:
    """Hand in the bank's statement; follow one payout from there back to the rules that routed its charges."""
    step(
        shop,
        "From the bank back to the rules",
        "The bank says what arrived; one of its entries, and what it is made of.",
    )
    count = sum(len(one.payouts) for one in told)
    taken = await shop.hand_in("/v1/bank_statements", _statement(told), "text/csv")
    shop.expect("bank statement: HTTP status", taken.status, 201)
    shop.expect("bank statement: entries", taken.json["entries"], count)
    shop.expect("bank statement: payouts", taken.json["entries_matched"], count)
    one = next(one for one in told if one.name == _LINES_SHOWN)
    ((payout, amount),) = one.payouts.items()
    shop.console.print(f"{decimal(amount, one.currency)} arrived: {payout} of {one.name}.", highlight=False)
    table = Table("line", "type", "gross", "fee", "payment", "rule", "version")
    account = shop.place.merchant_accounts[one.name]
    (batch,) = await shop.listed(f"/v1/settlements?merchant_account={account}")
    net = 0
    for line in await shop.listed(f"/v1/settlements/{batch['id']}/lines?status=matched"):
        shop.expect("line: its payout", line["payout"], payout)
        net += line["net"]
        payment = await shop.payment(line["payment"])
        routing = payment["routing"]
        table.add_row(
            str(line["number"]), line["type"], decimal(line["gross"], line["currency"]),
            decimal(line["fee"], line["currency"]), payment["reference"], routing["rule"], str(routing["version"]),
        )  # fmt: skip
    shop.console.print(table)
    shop.expect("lines of the payout, less what it is short", net - one.wrong.short, amount)


def _statement(told: list[Told]) -> bytes:
    """Write the bank's statement: every payout, as the processor sent it."""
    booked = (datetime.now(UTC) + timedelta(days=DAYS)).date()
    rows = [
        f"{booked},{decimal(amount, one.currency).removesuffix(f' {one.currency}').replace(',', '')},"
        f"{one.currency},{payout}"
        for one in told
        for payout, amount in one.payouts.items()
    ]
    return "\n".join(["date,amount,currency,reference", *rows, ""]).encode()


async def reconcile(shop: Shop, told: list[Told]) -> None:
    """Show the reconciliation: each figure is what the processors' own books say."""
    step(shop, "Reconciliation", "GET /v1/reconciliation: every figure is held against the processors' own books.")
    until = (datetime.now(UTC) + timedelta(days=DAYS)).date()
    since = min(payment["created_at"] for payment in await shop.payments())[:10]
    report = await shop.ask("GET", f"/v1/reconciliation?from={since}&to={until}&group_by=merchant_account")
    rows = {shop.place.account_name(row["merchant_account"]): row for row in report["data"]}
    shop.expect("reconciliation: accounts", sorted(rows), sorted(one.name for one in told))
    table = Table("account", "currency", *(name.replace("_", " ") for name in SHOWN))
    for one in told:
        row = rows[one.name]
        shop.expect(f"reconciliation of {one.name}: currency", row["currency"], one.currency)
        for name, figure in one.figures().items():
            shop.expect(f"reconciliation of {one.name}: {name}", row[name], figure)
        figures = (decimal(row[name], one.currency).removesuffix(one.currency).strip() for name in SHOWN)
        table.add_row(one.name, one.currency, *figures)
    for column in table.columns[2:]:
        column.justify = "right"
    shop.console.print(table)


async def agree(shop: Shop, told: list[Told], folder: Path) -> None:
    """Show that debits are credits, nothing is owed that was settled, and what is left is what is short."""
    step(shop, "The ledger", "Debits are credits in every currency; what is left open is what the exception says.")
    balances = await shop.listed("/v1/ledger/balances")
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for one in balances:
        sums[one["currency"]][0] += one["debits"]
        sums[one["currency"]][1] += one["credits"]
    table = Table("currency", "debits", "credits", "still owed", "in suspense", "not at the bank")
    for currency, (debits, credits_) in sorted(sums.items()):
        shop.expect(f"ledger in {currency}: debits less credits", debits - credits_, 0)
        left = {kind: _of(balances, kind, currency) for kind in (receivable(""), suspense(""), bank_clearing(""))}
        short = SHORT if currency == "EUR" else 0
        shop.expect(f"ledger in {currency}: left", list(left.values()), [0, 0, short])
        table.add_row(currency, *(decimal(minor, currency) for minor in (debits, credits_, *left.values())))
    for each in told:
        account = bank(shop.place.merchant_accounts[each.name])
        arrived = sum(balance["balance"] for balance in balances if balance["account"] == account)
        shop.expect(f"ledger: {each.name} at the bank", arrived, each.paid)
    shop.console.print(table)
    said = await _verified(folder)
    shop.expect("hub ledger verify: findings", said["findings"], [])
    shop.console.print("$ hub ledger verify: nothing is wrong.", highlight=False)


def _of(balances: list[Json], kind: str, currency: str) -> int:
    return sum(one["balance"] for one in balances if one["account"].startswith(kind) and one["currency"] == currency)


async def _verified(folder: Path) -> Json:
    """Run `hub ledger verify` on the database of `hub dev`."""
    settings = {"HUB_DEVELOPMENT": "yes", "HUB_DATABASE_URL": f"sqlite:///{folder / 'hub.db'}"}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "hub.cli", "ledger", "verify", "--json"),
        env={**{name: value for name, value in os.environ.items() if not name.startswith("HUB_")}, **settings},
        stdout=asyncio.subprocess.PIPE,
    )
    printed, _ = await process.communicate()
    try:
        told: Json = msgspec.json.decode(printed)
    except msgspec.DecodeError as unreadable:
        raise UnexpectedError("hub ledger verify: expected JSON, got none") from unreadable
    return told
