"""Answers to disputes: leaving the money, or handing in text and files.

Source: https://docs.stripe.com/disputes/api, https://docs.stripe.com/api/disputes/update, /close,
https://docs.stripe.com/api/files/create.
"""

from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

from msgspec.structs import replace

from adapters.abilities import AcceptDispute, SubmitEvidence
from adapters.errors import OutcomeUnknownError
from adapters.stripe import disputes
from adapters.stripe.client import PROCESSOR, Client, Document, decode
from adapters.stripe.declines import decline_of
from adapters.stripe.wire import Dispute, Error, Reference
from normalization.disputes import AnswerRefused, DisputeReport, DisputeStatus, RefusalCode

PURPOSE: Final = "dispute_evidence"

FILE_FIELDS: Final = frozenset(
    {
        "cancellation_policy",
        "customer_communication",
        "customer_signature",
        "duplicate_charge_documentation",
        "receipt",
        "refund_policy",
        "service_documentation",
        "shipping_documentation",
        "uncategorized_file",
    }
)
"""The fields of a dispute's evidence that take a file each, one file only."""

OTHERWISE: Final = "uncategorized_file"
"""Where a file goes that is not said to be for one."""

FILE_TYPES: Final = frozenset({"application/pdf", "image/jpeg", "image/png"})
"""What Stripe takes as evidence."""

_TAKES: Final = "Stripe takes PDF, JPEG and PNG of up to 5 MB"
_ONE_EACH: Final = "Stripe takes one file for each of"
_LISTED: Final = ", ".join(sorted(FILE_FIELDS))
_ANEW: Final = "correct it and send all of it again under a new key"
_TEXTS: Final = "Stripe takes a text of up to 20,000 characters, and files"


async def accept(client: Client, request: AcceptDispute) -> DisputeReport | AnswerRefused:
    """Close a dispute; what is closed already is looked at, since it may have been by this very operation.

    Raises:
        AdapterError: as for every request that moves money; asking again is safe.
    """
    path = _path(request.told)
    answer = await client.act(f"{path}/close", {}, request.operation_id)
    if answer.error is None:
        return _accepted(_report(answer.body, request.told))
    standing = await client.ask(path, {})
    if standing.error is None:
        dispute = decode(standing.body, Dispute)
        uncontested = dispute.evidence_details is None or not dispute.evidence_details.submission_count
        if dispute.status == "lost" and uncontested:
            return _accepted(_report(standing.body, request.told))
    return _refused("the acceptance", answer.error, "look at the dispute at Stripe")


async def submit(client: Client, request: SubmitEvidence) -> DisputeReport | AnswerRefused:
    """Hand in the files, then the answer that names them.

    Raises:
        AdapterError: as for every request; asking again with the same operation is safe.
    """
    fields = fields_of(request)
    if isinstance(fields, AnswerRefused):
        return fields
    evidence: dict[str, object] = {"uncategorized_text": request.text} if request.text else {}
    for number, (field, file) in enumerate(zip(fields, request.files, strict=True), start=1):
        handed_in = await client.upload(
            Document(file.name, file.content), PURPOSE, f"{request.operation_id}:file{number}"
        )
        if handed_in.error:
            return _refused(f"file {number}", handed_in.error, f"{_TAKES}; {_ANEW}")
        evidence[field] = decode(handed_in.body, Reference).id
    answer = await client.act(_path(request.told), {"evidence": evidence, "submit": True}, request.operation_id)
    if answer.error:
        return _refused("the answer", answer.error, f"{_TEXTS}; look at the dispute there, then {_ANEW}")
    return _report(answer.body, request.told)


def fields_of(request: SubmitEvidence) -> Sequence[str] | AnswerRefused:
    """Name the field of Stripe's that each file goes into, or say why they cannot all go."""
    if not request.text and not request.files:
        return _unfit("text: Stripe takes no defense alone; send a text or a file")
    for number, file in enumerate(request.files, start=1):
        if file.content_type not in FILE_TYPES:
            return _unfit(f"file {number} is of the type {file.content_type}; {_TAKES}: make it one of these")
        if file.purpose is not None and file.purpose not in FILE_FIELDS:
            return _unfit(f"file {number} is for {file.purpose}, which Stripe has no field for; name one of {_LISTED}")
    fields = [file.purpose or OTHERWISE for file in request.files]
    twice = next((field for field in fields if fields.count(field) > 1), None)
    if twice is not None:
        return _unfit(f"file: two are for {twice}, and {_ONE_EACH} {_LISTED}; join them, or name another for one")
    return fields


def _path(told: DisputeReport) -> str:
    return f"/v1/disputes/{quote(told.processor_reference, safe='')}"


def _report(body: bytes, known: DisputeReport) -> DisputeReport:
    """Report on the dispute that was asked about, with what is known of whose it is.

    Raises:
        OutcomeUnknownError: when the answer is about another.
    """
    report = disputes.report(decode(body, Dispute))
    if report.processor_reference != known.processor_reference:
        raise OutcomeUnknownError(PROCESSOR, "asked about one dispute and told of another")
    return replace(
        report, tag=report.tag or known.tag, parent_reference=report.parent_reference or known.parent_reference
    )


def _accepted(report: DisputeReport) -> DisputeReport:
    return replace(report, accepted=report.status is DisputeStatus.LOST)


def _unfit(message: str) -> AnswerRefused:
    return AnswerRefused(code=RefusalCode.EVIDENCE_UNFIT, message=message)


def _refused(what: str, error: Error, what_to_do: str) -> AnswerRefused:
    """Explain a refusal by its codes: Stripe's own sentence is left unread, since it may quote what was sent."""
    code = decline_of(error).processor_code
    named = f"{code}, {error.param}" if error.param else code
    message = f"Stripe refused {what} ({named}); {what_to_do}"
    return AnswerRefused(code=RefusalCode.REFUSED_BY_PROCESSOR, message=message, processor_code=code)
