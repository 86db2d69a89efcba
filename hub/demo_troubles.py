"""The demo's second half: refunds, captures, a replay, silence and a dead processor, and the account of it all."""

import asyncio
import socket
from collections import defaultdict
from typing import Final

from rich.table import Table

from hub.demo_charging import ADYEN_CARD, SALES, STRIPE_CARD, Sale, charge, decimal
from hub.demo_shop import Json, Shop, step
from hub.ledger.chart import receivable
from hub.seed import SAMPLES

_BY_NAME: Final = {sample.name: sample for sample in SAMPLES}
_TIMELINE_ROWS_MAX: Final = 40
_WEBHOOK_S: Final = 0.5
"""How long webhooks are held back, so that none overtakes the answer whose "pending" is to be seen."""


async def refund(shop: Shop, sold: list[Json]) -> None:
    """Give a part back, at both processors."""
    step(shop, "Refunds", "Stripe answers at once; Adyen accepts, and its webhook brings the result.")
    await shop.travel("delay", delay_s=_WEBHOOK_S)
    table = Table("processor", "captured", "given back", "first answer", "in the end", "left")
    for payment, amount, first in ((sold[0], 1999, "succeeded"), (sold[1], 1000, "pending")):
        what = f"refund at {payment['processor']}"
        asked = {"amount": amount, "reason": "requested_by_customer"}
        made = await shop.ask("POST", f"/v1/payments/{payment['id']}/refunds", asked, key=f"refund-{payment['id']}")
        shop.expect(f"{what}: first answer", made["status"], first)
        done = await _until_refunded(shop, made["id"])
        shop.expect(f"{what}: amount", done["amount"], amount)
        after = await shop.payment(payment["id"])
        shop.expect(f"{what}: amount_refunded", after["amount_refunded"], amount)
        shop.expect(f"{what}: amount_refunding", after["amount_refunding"], 0)
        money = await shop.control(payment["processor"], "GET", f"/money?tag={payment['tag']}")
        shop.expect(f"{what}: refunded at the processor", money["refunded"], amount)
        currency, left = payment["currency"], after["amount_captured"] - after["amount_refunded"]
        table.add_row(
            payment["processor"], decimal(after["amount_captured"], currency), decimal(amount, currency),
            made["status"], done["status"], decimal(left, currency),
        )  # fmt: skip
    await shop.travel("normal")
    shop.console.print(table)


async def _until_refunded(shop: Shop, id: str) -> Json:
    return await shop.until(
        f"{id} succeeded", lambda: shop.ask("GET", f"/v1/refunds/{id}"), lambda told: told["status"] == "succeeded"
    )


async def capture(shop: Shop) -> None:
    """Authorize, then take a part, at both processors."""
    step(shop, "Manual capture", "Authorized first, a part captured later; the rest is given back to the payer.")
    method = await shop.payment_method(stripe=STRIPE_CARD, adyen=ADYEN_CARD)
    await shop.travel("delay", delay_s=_WEBHOOK_S)
    table = Table("processor", "authorized", "asked to capture", "answer", "captured in the end")
    for sale, amount, status, capturing in ((SALES[0], 3000, 200, 0), (SALES[1], 1500, 202, 1500)):
        what = f"capture at {sale.processor}"
        reply = await charge(shop, f"manual-{sale.processor}", method, sale, capture="manual")
        payment = reply.json
        shop.expect(f"{what}: status before", payment["status"], "authorized")
        shop.expect(f"{what}: amount_authorized", payment["amount_authorized"], sale.amount)
        path = f"/v1/payments/{payment['id']}/capture"
        answer = await shop.send("POST", path, {"amount": amount}, key=f"capture-{sale.processor}")
        shop.expect(f"{what}: HTTP status", answer.status, status)
        shop.expect(f"{what}: amount_capturing", answer.json["amount_capturing"], capturing)
        after = await shop.until_status(payment["id"], "captured")
        shop.expect(f"{what}: amount_captured", after["amount_captured"], amount)
        shop.expect(f"{what}: amount_capturing in the end", after["amount_capturing"], 0)
        money = await shop.control(sale.processor, "GET", f"/money?tag={payment['tag']}")
        shop.expect(f"{what}: captured at the processor", money["captured"], amount)
        waited = "pending, then its webhook" if capturing else "done at once"
        table.add_row(
            sale.processor, decimal(sale.amount, sale.currency), decimal(amount, sale.currency),
            f"{answer.status} {waited}", decimal(after["amount_captured"], sale.currency),
        )  # fmt: skip
    await shop.travel("normal")
    shop.console.print(table)


async def repeat(shop: Shop) -> None:
    """The same request with the same key gives the same bytes; another body with that key is refused."""
    step(shop, "The same request again", "A caller that lost the answer asks again: same bytes, no second charge.")
    method = await shop.payment_method(stripe=STRIPE_CARD, adyen=ADYEN_CARD)
    first = await charge(shop, "once", method, SALES[0])
    again = await charge(shop, "once", method, SALES[0])
    shop.expect("replay: HTTP status", again.status, first.status)
    shop.expect("replay: body", again.body, first.body)
    shop.expect("replay: Idempotent-Replayed", again.headers.get("idempotent-replayed"), "true")
    shop.expect("first: Idempotent-Replayed", first.headers.get("idempotent-replayed"), None)
    shop.expect("replay: charges at the processors", await shop.charges(first.json["tag"]), 1)
    other = await charge(shop, "once", method, SALES[1])
    shop.expect("other body, same key: HTTP status", other.status, 422)
    shop.expect("other body, same key: code", other.json["code"], "idempotency_key_reused")
    table = Table("request", "answer", "Idempotent-Replayed", "bytes", "charges at the processor")
    table.add_row("first", str(first.status), "-", str(len(first.body)), "1")
    table.add_row("the same again", str(again.status), "true", f"{len(again.body)}, all equal", "still 1")
    table.add_row("another body, same key", f"{other.status} {other.json['code']}", "-", "", "still 1")
    shop.console.print(table)


async def fall_silent(shop: Shop) -> Json:
    """Both processors charge and never answer, and their webhooks are lost: the inquiry finds out."""
    step(shop, "Silence", "Charged, but no answer, and no webhook: 202, nobody else is asked, then the hub finds out.")
    method = await shop.payment_method(stripe=STRIPE_CARD, adyen=ADYEN_CARD)
    await shop.travel("drop")
    for processor in shop.place.sandbox:
        await shop.control(processor, "POST", "/faults", {"fault": "silent_after", "match": {"operation": "purchase"}})
    table = Table("processor", "answer", "then", "told by", "attempts", "charges at both processors")
    found = await asyncio.gather(*(_be_silent(shop, method, sale, table) for sale in SALES[:2]))
    await shop.travel("normal")
    shop.console.print(table)
    return found[0]


async def _be_silent(shop: Shop, method: str, sale: Sale, table: Table) -> Json:
    what = f"silence at {sale.processor}"
    reference = f"silent-{sale.processor}"
    reply = await charge(shop, reference, method, sale)
    payment = reply.json
    shop.expect(f"{what}: HTTP status", reply.status, 202)
    shop.expect(f"{what}: status", payment["status"], "processing")

    async def listed() -> Json:
        # Lists ask no processor, unlike reading one payment: what changes is the worker's doing.
        page = await shop.ask("GET", f"/v1/payments?reference={reference}")
        told: Json = page["data"][0]
        return told

    after = await shop.until(f"{what}: found out", listed, lambda told: told["status"] != "processing")
    shop.expect(f"{what}: status in the end", after["status"], "captured")
    shop.expect(f"{what}: amount_captured", after["amount_captured"], sale.amount)
    shop.expect(f"{what}: attempts", len(after["attempts"]), 1)
    shop.expect(f"{what}: charges at both processors", await shop.charges(payment["tag"]), 1)
    timeline = await shop.ask("GET", f"/v1/payments/{payment['id']}/timeline")
    sources = [entry["data"]["source"] for entry in timeline["entries"] if entry["kind"] == "report"]
    shop.expect(f"{what}: told by", sources[-1], "inquiry")
    table.add_row(
        sale.processor, f"{reply.status} {payment['status']}", after["status"], sources[-1],
        str(len(after["attempts"])), "1",
    )  # fmt: skip
    return after


async def refuse_connection(shop: Shop) -> None:
    """One processor cannot be reached: nothing was sent, so the other takes the payment."""
    step(shop, "A dead processor", "Nothing reached Stripe, that is certain: so Adyen may take the payment at once.")
    sample = _BY_NAME["stripe-eea"]
    path = f"/v1/merchant_accounts/{shop.place.merchant_accounts[sample.name]}"
    method = await shop.payment_method(stripe=STRIPE_CARD, adyen=ADYEN_CARD)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # Held and never listened on: whoever connects is refused.
        dead = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        await shop.ask("PATCH", path, {"credentials": sample.credentials(dead)})
        reply = await charge(shop, "elsewhere", method, SALES[0])
    await shop.ask("PATCH", path, {"credentials": sample.credentials(shop.place.sandbox["stripe"])})
    payment = reply.json
    shop.expect("dead processor: HTTP status", reply.status, 201)
    shop.expect("dead processor: status", payment["status"], "captured")
    account = shop.place.account_name(payment["merchant_account"])
    shop.expect("dead processor: account", account, "adyen-eea")
    tried = [
        (shop.place.account_name(attempt["merchant_account"]), attempt["status"]) for attempt in payment["attempts"]
    ]
    shop.expect("dead processor: attempts", tried, [("stripe-eea", "not_sent"), ("adyen-eea", "approved")])
    charges = sum([await shop.charges(attempt["id"]) for attempt in payment["attempts"]])
    shop.expect("dead processor: charges at both processors", charges, 1)
    table = Table("attempt", "account", "processor", "status", "charges at the processor")
    for number, attempt in enumerate(payment["attempts"], 1):
        table.add_row(
            str(number), shop.place.account_name(attempt["merchant_account"]), attempt["processor"],
            attempt["status"], str(await shop.charges(attempt["id"])),
        )  # fmt: skip
    shop.console.print(table)


async def explain(shop: Shop, payment: Json) -> None:
    """Show everything that happened to one payment."""
    step(shop, "One payment explained", f"The timeline of {payment['reference']}, the one that Stripe fell silent on.")
    timeline = await shop.ask("GET", f"/v1/payments/{payment['id']}/timeline")
    entries = timeline["entries"]
    moments = [entry["at"] for entry in entries]
    shop.expect("timeline: in order", moments, sorted(moments))
    kinds = {entry["kind"] for entry in entries}
    missing = {"operation", "report", "transfer", "event", "audit"} - kinds
    shop.expect("timeline: kinds missing", missing, set())
    booked = sum(entry["data"]["amount_minor"] for entry in entries if entry["kind"] == "transfer")
    shop.expect("timeline: booked once", booked, payment["amount_captured"])
    table = Table("at", "what", "summary")
    for entry in entries[:_TIMELINE_ROWS_MAX]:
        table.add_row(entry["at"][11:23], entry["kind"], _with_names(shop, entry["summary"]))
    shop.console.print(table)


def _with_names(shop: Shop, summary: str) -> str:
    for name, id in shop.place.merchant_accounts.items():
        summary = summary.replace(id, name)
    return summary


async def balance(shop: Shop) -> None:
    """What the hub says it holds is what the processors hold, to the cent, per account and currency."""
    step(shop, "The account of it all", "The hub's payments and its ledger, summed up, against the processors' books.")
    ours: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    receivable: dict[tuple[str, str], int] = defaultdict(int)
    for payment in await shop.payments():
        if payment["amount_captured"] == 0:
            continue
        place = shop.place.account_name(payment["merchant_account"]), payment["currency"]
        ours[place][0] += 1
        ours[place][1] += payment["amount_captured"]
        ours[place][2] += payment["amount_refunded"]
        receivable[place] += await _receivable(shop, payment)
    theirs = await _at_the_processors(shop)
    table = Table("account", "charges", "captured", "refunded", "receivable in the ledger", "the processor says")
    for (account, currency), (charges, captured, refunded) in sorted(ours.items()):
        same = theirs.get((account, currency)) == [charges, captured, refunded]
        table.add_row(
            account, str(charges), decimal(captured, currency), decimal(refunded, currency),
            decimal(receivable[account, currency], currency), "the same" if same else "[red]something else",
        )  # fmt: skip
    shop.console.print(table)
    shop.expect("money per account, as [charges, captured, refunded]", theirs, dict(ours))
    owed = {place: captured - refunded for place, (_, captured, refunded) in theirs.items()}
    shop.expect("receivable per account", dict(receivable), owed)


async def _receivable(shop: Shop, payment: Json) -> int:
    """Sum up what the ledger holds as owed by the processor for one payment."""
    account = receivable(payment["merchant_account"])
    timeline = await shop.ask("GET", f"/v1/payments/{payment['id']}/timeline")
    transfers = [entry["data"] for entry in timeline["entries"] if entry["kind"] == "transfer"]
    return sum(t["amount_minor"] * ((t["debit"] == account) - (t["credit"] == account)) for t in transfers)


async def _at_the_processors(shop: Shop) -> dict[tuple[str, str], list[int]]:
    names = {sample.at_processor: sample.name for sample in SAMPLES}
    found = {}
    for processor in shop.place.sandbox:
        told = await shop.control(processor, "GET", "/money")
        for account, currencies in told["accounts"].items():
            for currency, sums in currencies.items():
                found[names[account], currency] = [sums["charges"], sums["captured"], sums["refunded"]]
    return found
