"""How the demo explains an exception: from its money to the payment, the rule that routed it, and the raw row."""

from collections.abc import Mapping
from typing import Final

from hub.demo_charging import decimal
from hub.demo_shop import Json, Shop

_CELLS: Final = ("reporting_category", "Type", "gross", "Gross Debit (GC)", "source_id", "Modification Reference")
"""The columns of a raw row that tell most; each report has its own of them."""


async def explained(shop: Shop, exception: Json) -> str:
    """Say what an exception is about, where it leads, and what to do."""
    traced = await shop.ask("GET", f"/v1/exceptions/{exception['id']}")
    told = [exception["detail"]]
    if exception["payment"] is not None:
        told += [await _payment(shop, exception["payment"]), _expected(traced["trace"]["expected_settlement"])]
    elif exception["settlement_line"] is not None:
        told.append(await _row(shop, exception))
    elif exception["settlement"] is not None:
        told.append(await _batch(shop, exception["settlement"]))
    return "\n".join([*told, f"[dim]to do: {exception['suggested_action']}[/]"])


async def _payment(shop: Shop, id: str) -> str:
    payment = await shop.payment(id)
    routing = payment["routing"]
    captured = decimal(payment["amount_captured"], payment["currency"])
    account = shop.place.account_name(payment["merchant_account"])
    return (
        f"payment {payment['reference']}: {payment['status']} {captured}, "
        f"routed to {account} by rule {routing['rule']} of version {routing['version']}"
    )


def _expected(due: Json) -> str:
    return f"expected: {decimal(due['gross'], due['currency'])}, fee {decimal(due['fee'], due['currency'])}"


async def _row(shop: Shop, exception: Json) -> str:
    lines = await shop.listed(f"/v1/settlements/{exception['settlement']}/lines?status=exception")
    (line,) = [line for line in lines if line["id"] == exception["settlement_line"]]
    row: Mapping[str, str] = line["row"]
    cells = ", ".join(f"{name} {row[name]}" for name in _CELLS if row.get(name))
    return f"line {line['number']} of the report: {cells}"


async def _batch(shop: Shop, id: str) -> str:
    lines = await shop.listed(f"/v1/settlements/{id}/lines?status=matched")
    references = [(await shop.payment(line["payment"]))["reference"] for line in lines]
    return f"all {len(lines)} lines are matched, to {', '.join(dict.fromkeys(references))}"
