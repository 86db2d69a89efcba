"""
The balance with Stripe: what each movement costs, when it can be paid out, and how all of it is read.

Source: docs.stripe.com/api/balance_transactions, docs.stripe.com/api/balance, docs.stripe.com/payouts/reconciliation.
"""

from typing import Literal

from hub.sandbox import terms as shared
from hub.sandbox.book import Body
from hub.sandbox.stripe import currencies, form, objects, reading
from hub.sandbox.stripe.call import Call
from hub.sandbox.stripe.errors import InvalidError
from hub.sandbox.terms import DAY_S, Fees, Terms, converted

KIND = "balance_transaction"
USUAL = Terms(fees=Fees(percent_bps=290, fixed_minor=30, dispute_minor=1500))
FILTERS = ("type", "source", "currency")
Costs = Literal["nothing", "a charge", "a dispute", "a dispute's, given back"]


def terms(call: Call) -> Terms:
    """Return by what the account settles."""
    return shared.read(call.sandbox.settings(call.account), USUAL)


def enter(
    call: Call,
    type: str,
    source: Body,
    amount: int,
    *,
    costs: Costs = "nothing",
    tag: str = "",
    later: bool = False,
    **more: object,
) -> Body:
    """
    Enter a movement of the balance; *amount* is signed, in the source's currency.

    It is in the account's settlement currency where that has a rate for the source's. With *later* it is available
    after the account's settlement days. *tag* is the merchant's name of it, *more* are further fields.
    """
    agreed = terms(call)
    charged = str(source["currency"])
    rate = "" if type.startswith("payout") else agreed.rate(charged.upper())
    currency = agreed.settlement_currency.lower() if rate else charged
    gross = converted(amount, rate, currencies.digits(charged), currencies.digits(currency)) if rate else amount
    line = objects.balance_transaction(
        type, source, gross, _fee(agreed.fees, costs, gross), call.now(), currency=currency,
        available_on=call.now() + (int(agreed.settlement_days * DAY_S) if later else 0),
    )  # fmt: skip
    line.update(
        exchange_rate=float(rate) if rate else None,
        _tag=tag or source["id"],
        _charged=amount,
        _charged_currency=charged,
    )
    line.update(more)
    call.save(line)
    return objects.aged(line, call.now())


def page(call: Call, path: str) -> Body:
    """List the balance transactions; those of one payout once it can be told which they are."""
    payout = form.text(call.form, "payout")
    if payout is not None:
        _check_listed(call, payout)
    found = reading.page(call, KIND, path, FILTERS, also=frozenset({"payout"}), parent=payout)
    return {**found, "data": [objects.aged(line, call.now()) for line in found["data"]]}


def one(call: Call, id: str) -> Body:
    """Return a balance transaction."""
    return objects.aged(call.find(KIND, id), call.now())


def balance(call: Call) -> Body:
    """Add up what is there, and what will be when its settlement days are over."""
    form.known(call.form, {"expand"})
    sums: dict[str, dict[str, int]] = {"available": {}, "pending": {}}
    for line in call.book.newest(KIND, call.account):
        into = sums["available" if line["available_on"] <= call.now() else "pending"]
        into[line["currency"]] = into.get(line["currency"], 0) + line["net"]
    shown = {
        name: [{"amount": sum_, "currency": currency, "source_types": {"card": sum_}} for currency, sum_ in of.items()]
        for name, of in sums.items()
    }
    return {"object": "balance", "livemode": False, **shown}


def _fee(fees: Fees, costs: Costs, gross: int) -> int:
    match costs:
        case "a charge":
            return fees.of_charge(gross)
        case "a dispute":
            return fees.dispute_minor
        case "a dispute's, given back":
            return -fees.dispute_minor
        case _:
            return 0


def _check_listed(call: Call, payout: str) -> None:
    made = call.find("payout", payout, param="payout", in_path=False)
    if made["reconciliation_status"] != "completed":
        message = f"The payout {payout} is not ready to be reconciled yet."
        raise InvalidError(message, code="payout_reconciliation_not_ready", param="payout")
