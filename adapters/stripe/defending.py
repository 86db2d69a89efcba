"""Answers to disputes: leaving the money, or handing in text and files.

Source: https://docs.stripe.com/disputes/api, https://docs.stripe.com/api/disputes/update, /close,
https://docs.stripe.com/api/files/create.
"""

from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

from msgspec.structs import replace

from adapters.abilities import AcceptDispute, EvidenceFile, SubmitEvidence
from adapters.errors import OutcomeUnknownError
from adapters.stripe import disputes
from adapters.stripe.client import PROCESSOR, Client, Document, decode
from adapters.stripe.declines import decline_of
from adapters.stripe.wire import Dispute, Reference
from normalization.declines import Decline, DeclineCode
from normalization.disputes import DisputeReport, DisputeStatus

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


async def accept(client: Client, request: AcceptDispute) -> DisputeReport | Decline:
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
    return decline_of(answer.error)


async def submit(client: Client, request: SubmitEvidence) -> DisputeReport | Decline:
    """Hand in the files, then the answer that names them.

    Raises:
        AdapterError: as for every request; asking again with the same operation is safe.
    """
    fields = fields_of(request)
    if isinstance(fields, Decline):
        return fields
    evidence: dict[str, object] = {"uncategorized_text": request.text} if request.text else {}
    for number, (field, file) in enumerate(zip(fields, request.files, strict=True), start=1):
        handed_in = await client.upload(
            Document(file.name, file.content), PURPOSE, f"{request.operation_id}:file{number}"
        )
        if handed_in.error:
            return decline_of(handed_in.error)
        evidence[field] = decode(handed_in.body, Reference).id
    answer = await client.act(_path(request.told), {"evidence": evidence, "submit": True}, request.operation_id)
    if answer.error:
        return decline_of(answer.error)
    return _report(answer.body, request.told)


def fields_of(request: SubmitEvidence) -> Sequence[str] | Decline:
    """Name the field of Stripe's that each file goes into, or say why they cannot all go."""
    if not request.text and not request.files:
        return Decline(code=DeclineCode.INVALID_REQUEST, processor_code="hub/evidence")
    fields = [_field(file) for file in request.files]
    if len(set(fields)) < len(fields):
        return Decline(code=DeclineCode.INVALID_REQUEST, processor_code="hub/evidence_files")
    return fields


def _field(file: EvidenceFile) -> str:
    return file.purpose if file.purpose in FILE_FIELDS else OTHERWISE


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
