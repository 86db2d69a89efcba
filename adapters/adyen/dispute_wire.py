"""Adyen's Disputes API v30, field for field as on the wire.

Source: https://docs.adyen.com/api-explorer/Disputes/30/overview
"""

from adapters.adyen.wire import Wire


class DisputeRequest(Wire, frozen=True, kw_only=True):
    """POST /acceptDispute and /retrieveApplicableDefenseReasons."""

    merchant_account_code: str
    dispute_psp_reference: str


class DefenseDocument(Wire, frozen=True, kw_only=True):
    """One file; its content goes out in base64."""

    defense_document_type_code: str
    content_type: str
    content: bytes


class SupplyRequest(Wire, frozen=True, kw_only=True):
    """POST /supplyDefenseDocument."""

    merchant_account_code: str
    dispute_psp_reference: str
    defense_documents: tuple[DefenseDocument, ...]


class DefendRequest(Wire, frozen=True, kw_only=True):
    """POST /defendDispute."""

    merchant_account_code: str
    dispute_psp_reference: str
    defense_reason_code: str


class DisputeServiceResult(Wire, frozen=True, kw_only=True):
    """Whether it was done; a refusal too is HTTP 200."""

    success: bool
    error_message: str | None = None


class DisputeReply(Wire, frozen=True, kw_only=True):
    """The answer of every call but the one for reasons."""

    dispute_service_result: DisputeServiceResult


class DefenseDocumentType(Wire, frozen=True, kw_only=True):
    """A document that a defense may have. `available`: it was handed in before."""

    defense_document_type_code: str
    requirement_level: str  # Required, OneOrMore, Optional or AlternativeRequired.
    available: bool = False


class DefenseReason(Wire, frozen=True, kw_only=True):
    """A ground on which the dispute can be defended."""

    defense_reason_code: str
    defense_document_types: tuple[DefenseDocumentType, ...] = ()


class DefenseReasonsReply(Wire, frozen=True, kw_only=True):
    """The answer of /retrieveApplicableDefenseReasons."""

    dispute_service_result: DisputeServiceResult
    defense_reasons: tuple[DefenseReason, ...] = ()
