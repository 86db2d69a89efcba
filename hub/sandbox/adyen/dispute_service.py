"""
The merchant's side of a dispute: what it may claim, what it hands in, whether it defends or accepts.

What the service itself refuses is HTTP 200 with `success` false. "Dispute expired.", "Dispute is not defendable." and
"Error retrieving dispute." are Adyen's words; the others are not in the pages that were at hand.

Source: https://docs.adyen.com/risk-management/disputes-api/disputes-api-reference
"""

from typing import Any, Final

from msgspec.structs import replace

from hub.sandbox.adyen import defences, dispute_course, disputes
from hub.sandbox.adyen.desk import Desk
from hub.sandbox.adyen.dispute_wire import Defend, Delete, OfDispute, Supply
from hub.sandbox.adyen.records import Dispute

Json = dict[str, Any]

EXPIRED: Final = "Dispute expired."
NOT_DEFENDABLE: Final = "Dispute is not defendable."
UNKNOWN: Final = "Error retrieving dispute."
WRONG_REASON: Final = "Invalid defense reason code."
MISSING_DOCUMENTS: Final = "Required defense documents are missing."
NO_DOCUMENT: Final = "No defense document of that type."
NOT_ACCEPTABLE: Final = "Dispute cannot be accepted."


class NotDoneError(Exception):
    """The service refuses; the message is its `errorMessage`."""


def applicable(desk: Desk, request: OfDispute) -> Json:
    """POST /retrieveApplicableDefenseReasons; none where nothing can be defended any more."""
    dispute = _found(desk, request)
    open_still = dispute.defendable and dispute_course.waits(dispute)
    return _done() | {"defenseReasons": defences.shown(dispute) if open_still else []}


def supply(desk: Desk, request: Supply) -> Json:
    """POST /supplyDefenseDocument: all of them or, where one is wrong, none."""
    dispute = _defendable(desk, request)
    taken = []
    for brought in request.defense_documents:
        document = defences.received(dispute, brought.defense_document_type_code, brought.content_type, brought.content)
        if isinstance(document, str):
            raise NotDoneError(document)
        taken.append(document)
    desk.keep(replace(dispute, documents=defences.with_documents(dispute.documents, taken)))
    return _done()


def delete(desk: Desk, request: Delete) -> Json:
    """POST /deleteDisputeDefenseDocument."""
    dispute = _defendable(desk, request)
    left = tuple(document for document in dispute.documents if document.type != request.defense_document_type)
    if left == dispute.documents:
        raise NotDoneError(NO_DOCUMENT)
    desk.keep(replace(dispute, documents=left))
    return _done()


def defend(desk: Desk, request: Defend) -> Json:
    """POST /defendDispute: once, with every document that the reason asks for."""
    dispute = _defendable(desk, request)
    claimed = next((one for one in defences.reasons(dispute) if one.code == request.defense_reason_code), None)
    if claimed is None:
        raise NotDoneError(WRONG_REASON)
    if not defences.satisfied(claimed, {document.type for document in dispute.documents}):
        raise NotDoneError(MISSING_DOCUMENTS)
    disputes.carry_out(desk, replace(dispute, defence=claimed.code), dispute_course.defended(dispute))
    return _done()


def accept(desk: Desk, request: OfDispute) -> Json:
    """POST /acceptDispute; there is no way back."""
    dispute = _waiting(desk, request)
    if dispute.inquiry:
        raise NotDoneError(NOT_ACCEPTABLE)
    disputes.carry_out(desk, dispute, dispute_course.accepted(dispute))
    return _done()


def refused(error: NotDoneError) -> Json:
    """Write why the service does not do it."""
    return {"disputeServiceResult": {"success": False, "errorMessage": str(error)}}


def _done() -> Json:
    return {"disputeServiceResult": {"success": True}}


def _found(desk: Desk, request: OfDispute) -> Dispute:
    dispute = desk.dispute(request.merchant_account_code, request.dispute_psp_reference)
    if dispute is None:
        raise NotDoneError(UNKNOWN)
    return dispute


def _waiting(desk: Desk, request: OfDispute) -> Dispute:
    """Return the dispute while it may be answered."""
    dispute = _found(desk, request)
    waits = dispute_course.waits(dispute)
    if waits and desk.now() < dispute.due_at:
        return dispute
    raise NotDoneError(EXPIRED if waits or dispute.status in {"Lost", "Expired"} else NOT_DEFENDABLE)


def _defendable(desk: Desk, request: OfDispute) -> Dispute:
    dispute = _waiting(desk, request)
    if not dispute.defendable:
        raise NotDoneError(NOT_DEFENDABLE)
    return dispute
