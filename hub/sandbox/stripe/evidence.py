"""
Disputes from the merchant's side: files, evidence staged and submitted, or no answer at all.

Source: docs.stripe.com/api/disputes/update, docs.stripe.com/api/disputes/close, docs.stripe.com/file-upload.
"""

from copy import deepcopy

from hub.sandbox.book import Body
from hub.sandbox.stripe import disputes, form, objects
from hub.sandbox.stripe.call import Call
from hub.sandbox.stripe.errors import InvalidError, MissingError, StateError
from hub.sandbox.stripe.form import Form

PURPOSE = "dispute_evidence"
FILE_MAX = 5 << 20
FILE_TYPES = {b"%PDF": "pdf", b"\xff\xd8\xff": "jpg", b"\x89PNG": "png"}
"""What a file begins with, and what that is called."""

TEXT_MAX = 20_000
TEXTS_MAX = 150_000
FILES = frozenset({
    "cancellation_policy", "customer_communication", "customer_signature", "duplicate_charge_documentation",
    "receipt", "refund_policy", "service_documentation", "shipping_documentation", "uncategorized_file",
})  # fmt: skip
DECISION_DELAY_S = 1.0
DECIDED = {"winning_evidence": True, "losing_evidence": False}
"""What a test says in `uncategorized_text`, and whether the dispute is won by it."""

ESCALATES = "escalate_inquiry_evidence"
UPDATE = frozenset({"evidence", "metadata", "submit", "expand", "intended_submission_method"})


def upload(call: Call) -> Body:
    """Keep a file."""
    form.known(call.form, {"purpose", "file", "expand"})
    purpose, sent = form.required(call.form, "purpose"), form.group(call.form, "file")
    if purpose != PURPOSE:
        raise InvalidError(f"This sandbox keeps files for {PURPOSE} only.", param="purpose")
    content = sent.get("content", b"")
    if not content:
        raise InvalidError("Missing required param: file.", code="parameter_missing", param="file")
    if len(content) > FILE_MAX:
        raise InvalidError(f"The file is larger than {FILE_MAX >> 20} MB.", param="file")
    type = next((name for opening, name in FILE_TYPES.items() if content.startswith(opening)), None)
    if type is None:
        raise InvalidError("The file is none of: PDF, JPEG, PNG.", param="file")
    made = objects.file(str(sent["filename"]), type, len(content), purpose, call.now())
    call.save(made)
    return made


def update(call: Call, id: str) -> Body:
    """Stage evidence, or hand in what is staged, which is what is meant where nothing else is said."""
    form.known(call.form, UPDATE)
    made = call.find("dispute", id)
    before = deepcopy(made)
    given = form.group(call.form, "evidence")
    submitting = form.flag(call.form, "submit") if "submit" in call.form else bool(given)
    if (given or submitting) and made["status"] not in disputes.WAITING:
        raise _refused(made)
    made["metadata"] = form.metadata(call.form, made["metadata"])
    made["evidence"].update(_checked(call, made["evidence"], given))
    details = made["evidence_details"]
    details["has_evidence"] = any(made["evidence"].values())
    if submitting:
        _submit(call, made)
    call.save(made)
    call.tell("charge.dispute.updated", of=made, before=objects.previous(before, made))
    return made


def close(call: Call, id: str) -> Body:
    """Leave the money to the payer."""
    form.known(call.form, {"expand"})
    made = call.find("dispute", id)
    if made["status"] not in disputes.WAITING:
        raise _refused(made)
    disputes.decide(call, made, won=False)
    return made


def _submit(call: Call, made: Body) -> None:
    details = made["evidence_details"]
    if not details["has_evidence"]:
        raise InvalidError("There is no evidence to submit.", param="evidence")
    details.update(
        submission_count=details["submission_count"] + 1,
        past_due=call.now() > details["due_by"],
        submission_method="manual",
    )
    inquiry = made["status"] in disputes.ASKED
    made["status"] = "warning_under_review" if inquiry else "under_review"
    told = made["evidence"]["uncategorized_text"]
    delay_s = float(call.sandbox.settings(call.account).get("settle_delay_s", DECISION_DELAY_S))
    job = {"account": call.account, "id": made["id"]}
    if told in DECIDED:
        call.sandbox.later(delay_s, {"do": "dispute_decided", "won": DECIDED[told], **job})
    elif told == ESCALATES and inquiry:
        call.sandbox.later(delay_s, {"do": "dispute_escalated", **job})


def _checked(call: Call, known: Body, given: Form) -> Body:
    """Return the fields that are given; an empty one is taken out."""
    form.known(given, known)
    fields: Body = {name: form.text(given, name) for name in given if name != "enhanced_evidence"}
    for name, value in fields.items():
        if value is not None and name in FILES:
            _check_file(call, name, value)
        elif value is not None and len(value) > TEXT_MAX:
            raise InvalidError(f"This has more than {TEXT_MAX} characters.", param=f"evidence[{name}]")
    texts = {name: value for name, value in {**known, **fields}.items() if name not in FILES}
    if sum(len(value) for value in texts.values() if isinstance(value, str)) > TEXTS_MAX:
        raise InvalidError(f"All of the evidence together has more than {TEXTS_MAX} characters.", param="evidence")
    if "enhanced_evidence" in given:
        fields["enhanced_evidence"] = form.group(given, "enhanced_evidence")
    return fields


def _check_file(call: Call, name: str, id: str) -> None:
    found = call.book.get("file", call.account, id)
    if found is None or found["purpose"] != PURPOSE:
        raise MissingError("file upload", id, param=f"evidence[{name}]", in_path=False)


def _refused(made: Body) -> StateError:
    ended = made["status"] not in disputes.OPEN
    return StateError("This dispute is already closed." if ended else "Evidence was submitted already.")
