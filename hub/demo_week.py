"""The demo a week later: what is late by then, and how what does not agree is settled."""

from typing import Final

from rich.table import Table

from hub.demo_books import LATE, SHORT, STRANGE, Wrong, check, close, find, imported, opened, show
from hub.demo_charging import decimal
from hub.demo_shop import Json, Shop, step
from hub.ledger.chart import suspense
from hub.seed import SAMPLES

DAYS: Final = 7
"""Due within two working days, and two more are tolerated: whatever day it was, on the seventh after it it is late."""
OWNER: Final = "bea"


async def miss(shop: Shop) -> None:
    """What was left out is late by now; what did not agree a week ago still does not."""
    told = "The hub was ended and started with all clocks a week ahead, its own too. The charge left out is late now."
    step(shop, "A week later", told)
    late = await find(shop, LATE)

    def is_missed(found: list[Json]) -> bool:
        return any(one["type"] == "missing_settlement" for one in found)

    exceptions = await shop.until("the charge left out is missed", lambda: opened(shop), is_missed)
    types = [one["type"] for one in exceptions]
    wanted = ["batch_total_mismatch", "missing_settlement", "unexpected_refund"]
    shop.expect("exceptions a week later", sorted(types), wanted)
    missed = exceptions[types.index("missing_settlement")]
    money = await shop.control("adyen", "GET", f"/money?tag={late['tag']}")
    shop.expect("missing: payment", missed["payment"], late["id"])
    shop.expect("missing: at risk", missed["amount"], money["captured"])
    await show(shop, [missed])


async def mend(shop: Shop) -> None:
    """The late line closes its exception; a person books the strange refund, and takes on the short payout."""
    told = "The late line closes its exception. A person books the refund, and owns what is still open."
    step(shop, "Settling what does not agree", told)
    by_type = {one["type"]: one for one in await opened(shop)}
    late, strange, short = (by_type[t] for t in ("missing_settlement", "unexpected_refund", "batch_total_mismatch"))
    await _arrive(shop)
    found = await shop.until(
        "late line", lambda: shop.ask("GET", f"/v1/exceptions/{late['id']}"), lambda told: told["status"] == "resolved"
    )
    shop.expect("late line: closed by", (found["resolved_by"], found["resolution"]["how"]), ("hub", "settled_late"))
    booked = await _book(shop, strange)
    owned = await shop.ask("POST", f"/v1/exceptions/{short['id']}/assign", {"owner": OWNER})
    shop.expect("short payout: owner and status", (owned["owner"], owned["status"]), (OWNER, "open"))
    shop.expect("exceptions still open", [one["amount"] for one in await opened(shop)], [SHORT])
    table = Table("exception", "at risk", "status", "how", "by", "in whose words")
    for one in (found, booked, owned):
        resolution = one["resolution"] or {"how": "-", "reason": "-"}
        table.add_row(
            one["type"], decimal(one["amount"], one["currency"]), one["status"], resolution["how"],
            one["resolved_by"] or one["owner"], resolution["reason"],
        )  # fmt: skip
    shop.console.print(table)


async def _arrive(shop: Shop) -> None:
    """Let the processor settle what it had left out; its report comes by itself."""
    late = await find(shop, LATE)
    name = shop.place.account_name(late["merchant_account"])
    sample = next(sample for sample in SAMPLES if sample.name == name)
    money = await shop.control(sample.processor, "GET", f"/money?tag={late['tag']}")
    known = len(await shop.listed("/v1/settlements"))
    settled = await close(shop, sample, Wrong(), money["captured"])
    batches = await imported(shop, [settled], known=known)
    check(shop, settled, batches[name])


async def _book(shop: Shop, strange: Json) -> Json:
    """Settle the refund that nobody asked for: somebody made it on the processor's own pages, from our sales."""
    asked = {
        "how": "transfer",
        "reason": "made on Stripe's own pages by support",
        "transfer": {"debit": "sales", "credit": suspense(strange["merchant_account"]), "amount": STRANGE},
    }
    path = f"/v1/exceptions/{strange['id']}"
    done = await shop.ask("POST", f"{path}/resolve", asked, key=f"book-{strange['id']}")
    shop.expect("refund booked: status", done["status"], "resolved")
    transfers = (await shop.ask("GET", path))["trace"]["transfers"]
    shop.expect("refund booked: transfers", [one["amount"] for one in transfers], [STRANGE])
    return done
