"""
Disputes from the bank's side: it asks, takes the money, and decides. Every movement is entered in the book.

Source: docs.stripe.com/disputes/how-disputes-work, docs.stripe.com/api/disputes/object,
docs.stripe.com/testing#disputes.
"""

from copy import deepcopy
from typing import Literal

from msgspec import Struct

from hub.sandbox.book import Body
from hub.sandbox.stripe import balances, objects
from hub.sandbox.stripe.call import Call

DAY_S = 86_400
INQUIRY_CLOSES_S = 120 * DAY_S
REASONS = (
    "bank_cannot_process", "check_returned", "credit_not_processed", "customer_initiated", "debit_not_authorized",
    "duplicate", "fraudulent", "general", "incorrect_account_details", "insufficient_funds", "noncompliant",
    "product_not_received", "product_unacceptable", "subscription_canceled", "unrecognized",
)  # fmt: skip
ASKED = frozenset({"warning_needs_response", "warning_under_review"})
OPEN = ASKED | {"needs_response", "under_review"}
WAITING = frozenset({"warning_needs_response", "needs_response"})
"""The statuses in which the bank waits for an answer."""


class Case(Struct, frozen=True, kw_only=True):
    """What the bank comes with; *enhanced* is what may be answered by a form of its own."""

    reason: str = "fraudulent"
    case_type: Literal["chargeback", "inquiry", "compliance"] = "chargeback"
    evidence_days: int = 7
    enhanced: str = ""


CASES: dict[str, tuple[Case, ...]] = {
    "fraudulent": (Case(),),
    "product_not_received": (Case(reason="product_not_received"),),
    "inquiry": (Case(reason="general", case_type="inquiry"),),
    "several": (Case(), Case(reason="product_not_received")),
    "compelling_evidence": (Case(enhanced="visa_compelling_evidence_3"),),
    "visa_compliance": (Case(reason="noncompliant", case_type="compliance", enhanced="visa_compliance"),),
    "mastercard_compliance": (Case(reason="noncompliant", case_type="compliance", enhanced="mastercard_compliance"),),
}
"""What the test cards bring about; several share the charge's amount."""


def left_of(charge: Body) -> int:
    """Return what was captured and neither given back nor taken by the bank."""
    left: int = charge["amount_captured"] - charge["amount_refunded"] - charge.get("_withdrawn", 0)
    return left


def from_card(call: Call, charge: Body, kind: str) -> None:
    """Dispute a charge as its test card does, if there is still something to dispute."""
    cases = CASES[kind]
    share = left_of(charge) // len(cases)
    for case in cases[1:]:
        if share:
            begin(call, charge, share, case)
    rest = left_of(charge)
    if rest:
        begin(call, charge, rest, cases[0])


def begin(call: Call, charge: Body, amount: int, case: Case) -> Body:
    """Have the payer's bank take money back; an inquiry only asks."""
    due_by = _end_of_day(call.now() + case.evidence_days * DAY_S)
    made = objects.dispute(charge, amount, case.reason, case.case_type, case.enhanced, now=call.now(), due_by=due_by)
    inquiry = case.case_type == "inquiry"
    charge["disputed"] = True
    if not inquiry:
        _withdraw(call, charge, made)
    call.save(charge)
    call.save(made, parent=charge["id"])
    call.tell("charge.dispute.created", of=made)
    if inquiry:
        _later(call, made, INQUIRY_CLOSES_S, "dispute_quiet")
    else:
        call.tell("charge.dispute.funds_withdrawn", of=made)
        _later(call, made, due_by - call.now() + 1, "dispute_due")
    return made


def escalate(call: Call, made: Body, evidence_days: int) -> None:
    """Turn an inquiry into a chargeback, of what the merchant has not given back meanwhile."""
    before, charge = deepcopy(made), call.find("charge", made["charge"])
    due_by = _end_of_day(call.now() + evidence_days * DAY_S)
    made.update(status="needs_response", amount=min(made["amount"], left_of(charge)), is_charge_refundable=False)
    made["evidence_details"].update(due_by=due_by, past_due=False)
    made["payment_method_details"]["card"]["case_type"] = "chargeback"
    _withdraw(call, charge, made)
    call.save(charge)
    call.save(made)
    call.tell("charge.dispute.updated", of=made, before=objects.previous(before, made))
    call.tell("charge.dispute.funds_withdrawn", of=made)
    _later(call, made, due_by - call.now() + 1, "dispute_due")


def decide(call: Call, made: Body, *, won: bool) -> None:
    """End a dispute; an inquiry is closed either way, since it has taken nothing."""
    if made["status"] in ASKED:
        made["status"] = "warning_closed"
    else:
        made["status"] = "won" if won else "lost"
        if won:
            _reinstate(call, made)
    call.save(made)
    if made["status"] == "won":
        call.tell("charge.dispute.funds_reinstated", of=made)
    call.tell("charge.dispute.closed", of=made)


def due(call: Call, job: Body) -> None:
    """Do what time brings: an answer that did not come, a bank that decides, an inquiry nobody went on with."""
    made = call.find("dispute", job["id"])
    match job["do"]:
        case "dispute_decided" if made["status"] in OPEN - WAITING:
            decide(call, made, won=job["won"])
        case "dispute_escalated" if made["status"] in ASKED and left_of(call.find("charge", made["charge"])):
            escalate(call, made, Case().evidence_days)
        case "dispute_due" if made["status"] == "needs_response":
            decide(call, made, won=False)
        case "dispute_quiet" if made["status"] in ASKED:
            decide(call, made, won=False)


def _withdraw(call: Call, charge: Body, made: Body) -> None:
    told = f"Chargeback withdrawal for {charge['id']}"
    line = balances.enter(call, "adjustment", made, -made["amount"], costs="a dispute", description=told)
    made["balance_transactions"].append(line)
    charge["_withdrawn"] = charge.get("_withdrawn", 0) + made["amount"]
    call.money("disputed", call.find("payment_intent", charge["payment_intent"]), made["amount"])


def _reinstate(call: Call, made: Body) -> None:
    """Give back the amount and, as the test cards' page says, the fee."""
    charge = call.find("charge", made["charge"])
    line = balances.enter(
        call, "adjustment", made, made["amount"], costs="a dispute's, given back",
        description=f"Chargeback reversal for {charge['id']}", reporting_category="dispute_reversal",
    )  # fmt: skip
    made["balance_transactions"].append(line)
    charge["_withdrawn"] -= made["amount"]
    call.save(charge)
    call.money("disputed", call.find("payment_intent", charge["payment_intent"]), -made["amount"])


def _later(call: Call, made: Body, delay_s: float, do: str) -> None:
    call.sandbox.later(delay_s, {"do": do, "account": call.account, "id": made["id"]})


def _end_of_day(at: int) -> int:
    return at - at % DAY_S + DAY_S - 1
