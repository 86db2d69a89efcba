"""
What a dispute can be defended with, and whether it suffices. Pure.

Which documents Adyen takes and how large: JPG and TIFF to 10 MB, PDF to 2 MB.

Source: https://docs.adyen.com/risk-management/disputes-api and the examples of
https://docs.adyen.com/api-explorer/Disputes/30/overview
"""

import base64
import binascii
import hashlib
from collections.abc import Collection, Sequence
from typing import Any, Final, Literal

from msgspec import Struct

from hub.sandbox.adyen.records import Dispute, Document

Json = dict[str, Any]
Level = Literal["Required", "OneOrMore", "Optional", "AlternativeRequired"]

MEGABYTE: Final = 1 << 20
SIZES_MAX: Final = {
    "application/pdf": 2 * MEGABYTE,
    "image/jpeg": 10 * MEGABYTE,
    "image/jpg": 10 * MEGABYTE,
    "image/tiff": 10 * MEGABYTE,
}


class Wanted(Struct, frozen=True):
    """A type of document, and how much it is wanted."""

    type: str
    level: Level = "Required"


class Reason(Struct, frozen=True):
    """One ground on which a dispute can be defended."""

    code: str
    documents: tuple[Wanted, ...]


_INVOICE: Final = Wanted("TIDorInvoice", "Optional")
_ANY: Final = Reason("SupplyDefenseMaterial", (_INVOICE, Wanted("DefenseMaterial")))
_PROOF: Final = Wanted("ProofOfGoodsOrServicesProvided")

BY_REASON_CODE: Final[dict[str, tuple[Reason, ...]]] = {
    "4853": (
        Reason("GoodsNotReturned", (_INVOICE, Wanted("GoodsNotReturned"))),
        Reason("GoodsRepairedOrReplaced", (_INVOICE, Wanted("GoodsRepairedOrReplaced"))),
        Reason("GoodsWereAsDescribed", (Wanted("GoodsWereAsDescribed"), Wanted("TIDorInvoice"))),
        _ANY,
    ),
    "10.4": (
        Reason("AdditionalInformation", (Wanted("DefenseMaterial"), Wanted("AdditionalInformation"))),
        _ANY,
    ),
    "13.1": (
        Reason("InvalidChargeback", (Wanted("InvalidChargeback", "Optional"),)),
        Reason("MerchandiseReceived", (Wanted("DateMerchandiseShipped"), _PROOF)),
        Reason("ServicesProvided", (_PROOF,)),
        _ANY,
    ),
}


def reasons(dispute: Dispute) -> tuple[Reason, ...]:
    """List on which grounds a dispute can be defended."""
    return BY_REASON_CODE.get(dispute.reason_code, (_ANY,))


def satisfied(reason: Reason, handed_in: Collection[str]) -> bool:
    """Tell whether the documents suffice: every required one, and one of those of which one is enough."""
    required = {wanted.type for wanted in reason.documents if wanted.level in {"Required", "AlternativeRequired"}}
    one_of = {wanted.type for wanted in reason.documents if wanted.level == "OneOrMore"}
    return required <= set(handed_in) and (not one_of or bool(one_of & set(handed_in)))


def shown(dispute: Dispute) -> list[Json]:
    """Write the grounds and what is missing for each, as Adyen does."""
    have = {document.type for document in dispute.documents}
    return [
        {
            "defenseReasonCode": reason.code,
            "defenseDocumentTypes": [
                {
                    "available": wanted.type in have,
                    "defenseDocumentTypeCode": wanted.type,
                    "requirementLevel": wanted.level,
                }
                for wanted in reason.documents
            ],
            "satisfied": satisfied(reason, have),
        }
        for reason in reasons(dispute)
    ]


def received(dispute: Dispute, type: str, content_type: str, content: str) -> Document | str:
    """Take a document in, its content in base64; a string says why not."""
    if type not in {wanted.type for reason in reasons(dispute) for wanted in reason.documents}:
        return f"Invalid defense document type: {type}."
    if content_type not in SIZES_MAX:
        return f"Invalid content type: {content_type}."
    try:
        raw = base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError):
        return "Invalid content: not base64."
    if not raw:
        return "Invalid content: empty."
    if len(raw) > SIZES_MAX[content_type]:
        return f"Document too large: at most {SIZES_MAX[content_type] // MEGABYTE} MB as {content_type}."
    return Document(type=type, content_type=content_type, size=len(raw), sha256=hashlib.sha256(raw).hexdigest())


def with_documents(kept: Sequence[Document], new: Sequence[Document]) -> tuple[Document, ...]:
    """Put new documents beside those that are there; one of a type that is there takes its place."""
    replaced = {document.type for document in new}
    return (*(document for document in kept if document.type not in replaced), *new)
