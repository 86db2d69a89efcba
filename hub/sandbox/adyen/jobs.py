"""What Adyen put off and does when its time has come."""

from hub.sandbox.adyen import disputes, modify, replies
from hub.sandbox.adyen.desk import Desk
from hub.sandbox.adyen.records import Payment
from hub.sandbox.book import Body


def do(desk: Desk, job: Body) -> None:
    """Do one job; what it is about may have gone another way meanwhile."""
    if job["do"] == "batch":
        desk.send_batch(job["account"])
    elif job["do"] in {"charge_back", "defence_over"}:
        dispute = desk.dispute(job["account"], job["dispute"])
        if dispute is not None:
            disputes.came_due(desk, dispute, job["do"])
    else:
        payment = desk.payment(job["account"], job["payment"])
        if payment is not None:
            _to_payment(desk, payment, job)


def _to_payment(desk: Desk, payment: Payment, job: Body) -> None:
    match job["do"]:
        case "capture":
            asked = modify.Asked(psp=replies.new_psp(), amount_minor=payment.amount_minor, currency=payment.currency)
            if payment.status == "authorised" and not payment.captures:
                modify.capture(desk, payment, asked)
        case "recapture":
            modify.recapture(desk, payment, modify.Asked(
                psp=replies.new_psp(), reference=job["reference"], amount_minor=job["amount_minor"],
            ))  # fmt: skip
        case "undo":
            modify.undo(desk, payment, modify.Asked(
                psp=job["psp"], reference=job["reference"], amount_minor=job["amount_minor"], event=job["event"],
            ))  # fmt: skip
