"""
Report runs: asked for, made a moment later, told by webhook, fetched as a file.

Source: docs.stripe.com/reports/api, docs.stripe.com/api/reporting/report_run.
"""

from collections.abc import Iterator

from hub.sandbox.book import Body
from hub.sandbox.faults import Answer
from hub.sandbox.stripe import form, objects, reports
from hub.sandbox.stripe.call import Call
from hub.sandbox.stripe.errors import InvalidError

KIND = "reporting.report_run"
PARAMETERS = frozenset({
    "columns", "connected_account", "currency", "interval_end", "interval_start", "payout", "reporting_category",
    "timezone",
})  # fmt: skip
MAKES_S = 0.2
"""How long a report takes; a real one takes minutes."""

OF_ONE_PAYOUT = "payout_reconciliation.by_id.itemized.4"
TYPES = {
    OF_ONE_PAYOUT: (reports.ITEMIZED, reports.USUAL),
    "payout_reconciliation.itemized.5": (reports.ITEMIZED, reports.USUAL),
    "payouts.itemized.3": (reports.PAYOUTS, reports.PAYOUTS),
}
"""The columns that each type has, and those that it has unless others are asked for."""


def create(call: Call) -> Body:
    """Ask for a report."""
    form.known(call.form, {"report_type", "parameters", "expand"})
    type, asked = form.required(call.form, "report_type"), form.group(call.form, "parameters")
    if type not in TYPES:
        raise InvalidError(f"Invalid report_type: must be one of {', '.join(TYPES)}", param="report_type")
    form.known(asked, PARAMETERS)
    wanted = form.listed(asked, "columns")
    for column in wanted:
        if not reports.known(column, TYPES[type][0]):
            raise InvalidError(f"Invalid column: {column}", param="parameters[columns]")
    if type == OF_ONE_PAYOUT:
        call.find("payout", form.required(asked, "payout"), param="parameters[payout]", in_path=False)
    else:
        form.required(asked, "interval_start")
        form.required(asked, "interval_end")
    bounds: Body = {name: form.integer(asked, name) for name in ("interval_start", "interval_end") if name in asked}
    made = {
        "id": objects.new_id("frr"), "object": KIND, "created": call.now(), "error": None, "livemode": False,
        "parameters": asked | bounds, "report_type": type, "result": None, "status": "pending",
        "succeeded_at": None,
    }  # fmt: skip
    call.save(made)
    call.sandbox.later(MAKES_S, {"do": "report", "account": call.account, "id": made["id"]})
    return made


def finish(call: Call, id: str) -> None:
    """Make the report that was asked for, and tell."""
    run = call.find(KIND, id)
    text = _text(call, run)
    file = objects.file(f"{id}.csv", "csv", len(text.encode()), "finance_report_run", call.now())
    file["url"] = f"{call.sandbox.url}/v1/files/{file['id']}/contents"
    call.save(file)
    call.book.put("file_content", call.account, {"id": file["id"], "text": text})
    run.update(status="succeeded", succeeded_at=call.now(), result=file)
    call.save(run)
    call.tell("reporting.report_run.succeeded", of=run)


def content(call: Call, id: str) -> Answer:
    """Give a report's file."""
    found = call.find("file_content", id)
    return Answer(200, str(found["text"]).encode(), content_type="text/csv")


def _text(call: Call, run: Body) -> str:
    type, asked = run["report_type"], run["parameters"]
    columns = asked.get("columns") or TYPES[type][1]
    if type == OF_ONE_PAYOUT:
        return reports.itemized(call, [call.find("payout", asked["payout"])], columns)
    made = _in_time(call, asked["interval_start"], asked["interval_end"])
    return (reports.payouts if TYPES[type][0] is reports.PAYOUTS else reports.itemized)(call, made, columns)


def _in_time(call: Call, start: int, end: int) -> Iterator[Body]:
    """Go through the payouts that arrive from *start* on and before *end*, oldest first."""
    found = [one for one in call.book.newest("payout", call.account) if start <= one["arrival_date"] < end]
    return reversed(found)
