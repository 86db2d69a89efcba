"""The demo's third act: the processors settle, three of them not quite right, and the books say where."""

from typing import Final

from msgspec import Struct
from rich.table import Table

from hub.demo_charging import decimal
from hub.demo_shop import Json, Shop, step
from hub.demo_tracing import explained
from hub.seed import SAMPLES, Sample

SHORT: Final = 700
STRANGE: Final = 3_000
LATE: Final = "challenged-adyen"
"""The payment, by its reference, that its processor leaves out."""
BY_HAND: Final = "adyen-eea"
"""Whose report is handed in; the others come by themselves."""


class Wrong(Struct, frozen=True, kw_only=True):
    """What is wrong with one account's settlement, in minor units of its currency."""

    short: int = 0
    strange: int = 0
    left_out: int = 0

    def troubles(self, tag: str) -> Json:
        """Write it as an order to the sandbox; *tag* is what is left out."""
        left_out = [tag] if self.left_out else []
        return {"short_payout": self.short, "unknown_refund": self.strange, "leave_out": left_out}


WRONG: Final = {"stripe-eea": Wrong(short=SHORT), "stripe-us": Wrong(strange=STRANGE)}


class Settled(Struct, frozen=True, kw_only=True):
    """What one account's processor settled, by its own books, and what was deliberately wrong with it."""

    sample: Sample
    wrong: Wrong
    currency: str
    paid: int
    lines: int
    gross: int
    report: str

    @property
    def fee(self) -> int:
        """What the processor kept for itself."""
        return self.gross - self.paid - self.wrong.short


async def hurry(shop: Shop) -> None:
    """Have the processors settle at once: nobody can watch for two days."""
    for sample in SAMPLES:
        path = f"/accounts/{sample.at_processor}"
        await shop.control(sample.processor, "PUT", path, {"settlement_days": 0})


async def settle(shop: Shop) -> None:
    """Have every account settled, and show what the hub made of each report."""
    told = "Reports come by themselves or are handed in. A payout is short, a refund strange, a charge left out: where?"
    step(shop, "The processors settle", told)
    late = await find(shop, LATE)
    settled = [await _close(shop, sample, late) for sample in SAMPLES]
    await _hand_in(shop, next(one for one in settled if one.sample.name == BY_HAND))
    batches = await imported(shop, settled, known=0)
    table = Table("account", "report", "lines", "matched", "gross", "fees", "net", "paid out")
    for one in settled:
        batch = batches[one.sample.name]
        check(shop, one, batch)
        total = batch["totals"][one.currency]
        came = "handed in" if batch["source"] == "upload" else "by itself"
        off = "" if total["net"] == total["payout"] else "[red]"
        table.add_row(
            one.sample.name, came, str(batch["counts"]["added"]), str(batch["counts"]["matched"]),
            *(decimal(total[name], one.currency) for name in ("gross", "fee", "net")),
            f"{off}{decimal(total['payout'], one.currency)}",
        )  # fmt: skip
    shop.console.print(table)


async def disagree(shop: Shop) -> None:
    """Show what does not agree: exactly what was made wrong."""
    step(shop, "What does not agree", "Every difference is an exception: its money, where it comes from, what to do.")
    exceptions = await opened(shop)
    at_risk = {(e["type"], shop.place.account_name(e["merchant_account"])): e["amount"] for e in exceptions}
    wanted = {("batch_total_mismatch", "stripe-eea"): SHORT, ("unexpected_refund", "stripe-us"): STRANGE}
    shop.expect("exceptions, with the money at risk", at_risk, wanted)
    await show(shop, exceptions)


async def find(shop: Shop, reference: str) -> Json:
    """Find the payment of a reference."""
    (payment,) = await shop.listed(f"/v1/payments?reference={reference}")
    return payment


async def opened(shop: Shop) -> list[Json]:
    """List the exceptions that are open, the first first."""
    return (await shop.listed("/v1/exceptions?status=open"))[::-1]


async def show(shop: Shop, exceptions: list[Json]) -> None:
    """Show exceptions, each with what it leads to."""
    table = Table("exception", "account", "at risk", "explained")
    for one in exceptions:
        account = shop.place.account_name(one["merchant_account"])
        risk = decimal(one["amount"], one["currency"])
        table.add_row(f"{one['type']}\n{one['severity']}", account, risk, await explained(shop, one), end_section=True)
    shop.console.print(table)


async def _close(shop: Shop, sample: Sample, late: Json) -> Settled:
    """Have all of an account settled, with what shall be wrong; the notice of one report is lost."""
    is_late = late["merchant_account"] == shop.place.merchant_accounts[sample.name]
    wrong = Wrong(left_out=late["amount_captured"]) if is_late else WRONG.get(sample.name, Wrong())
    told = await shop.control(sample.processor, "GET", "/money")
    gross = sum(sums["captured"] - sums["refunded"] for sums in told["accounts"][sample.at_processor].values())
    if sample.name != BY_HAND:
        return await close(shop, sample, wrong, gross, late["tag"])
    await shop.travel("drop")
    settled = await close(shop, sample, wrong, gross)
    await shop.travel("normal")
    return settled


async def close(shop: Shop, sample: Sample, wrong: Wrong, held: int, tag: str = "") -> Settled:
    """Have an account settled; *held* is what the processor's own books have unsettled, *tag* what may be left out."""
    order = {"account": sample.at_processor, "troubles": wrong.troubles(tag)}
    made = await shop.control(sample.processor, "POST", "/settlements", order)
    (paid,) = made["payouts"]
    return Settled(
        sample=sample, wrong=wrong, currency=paid["currency"], paid=paid["amount"], lines=made["lines"],
        gross=held - wrong.left_out - wrong.strange, report=made["report"],
    )  # fmt: skip


async def _hand_in(shop: Shop, one: Settled) -> None:
    """Hand a report in, twice: the second time changes nothing."""
    report = await shop.report(one.sample.processor, one.report)
    path = f"/v1/settlements?merchant_account={shop.place.merchant_accounts[one.sample.name]}"
    first = await shop.hand_in(path, report, "text/csv")
    again = await shop.hand_in(path, report, "text/csv")
    shop.expect("report handed in: HTTP status", first.status, 202)
    shop.expect("report handed in again: HTTP status", again.status, 200)
    shop.expect("report handed in again: the same settlement", again.json["id"], first.json["id"])


async def imported(shop: Shop, settled: list[Settled], *, known: int) -> dict[str, Json]:
    """Wait until the hub has imported these reports, and no others but those *known*; gives them by account."""

    async def batches() -> list[Json]:
        return await shop.listed("/v1/settlements")

    def done(told: list[Json]) -> bool:
        return len(told) == known + len(settled) and all(batch["status"] == "done" for batch in told)

    told = await shop.until("reports imported", batches, done)
    found = {shop.place.account_name(batch["merchant_account"]): batch for batch in told[: len(settled)]}
    shop.expect("accounts whose reports came", sorted(found), sorted(one.sample.name for one in settled))
    return found


def check(shop: Shop, one: Settled, batch: Json) -> None:
    """Hold what the hub imported against the processor's own books."""
    what = f"settlement of {one.sample.name}"
    counts, total = batch["counts"], batch["totals"][one.currency]
    strange = int(one.wrong.strange > 0)
    shop.expect(f"{what}: lines, with that of the payout", counts["added"], one.lines + 1)
    shop.expect(f"{what}: matched", counts["matched"], one.lines - strange)
    shop.expect(f"{what}: excepted", counts["excepted"], strange)
    shop.expect(f"{what}: broken rows", counts["broken"], 0)
    shop.expect(f"{what}: gross", total["gross"], one.gross)
    shop.expect(f"{what}: fees", total["fee"], one.fee)
    shop.expect(f"{what}: net", total["net"], one.paid + one.wrong.short)
    shop.expect(f"{what}: paid out", total["payout"], one.paid)
