"""What a defense at Adyen needs before it is sent: a ground that applies, and the documents it asks for; pure.

Source for the levels of requirement:
https://docs.adyen.com/api-explorer/Disputes/30/post/retrieveApplicableDefenseReasons
"""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from adapters.abilities import SubmitEvidence
from adapters.adyen.dispute_wire import DefenseDocument, DefenseDocumentType, DefenseReason
from normalization.disputes import AnswerRefused, DisputeReport, RefusalCode

LEVELS: Final = {
    "Required": "required",
    "OneOrMore": "one of these",
    "Optional": "optional",
    "AlternativeRequired": "instead of the others",
}

_TEXT: Final = "text: Adyen takes documents only; put the text into one of the files and send it without text"
_NO_GROUND: Final = "Adyen names no ground any more: the dispute was answered before, or can only be accepted"
_UNNAMED: Final = "Adyen told the payment's reference only, not the dispute's; answer it at Adyen"


def unanswerable(request: SubmitEvidence) -> AnswerRefused | None:
    """Refuse what Adyen need not be asked about; a text left out silently would be missing in the only answer."""
    return _unfit(_TEXT) if request.text else unnamed(request.told)


def unnamed(told: DisputeReport) -> AnswerRefused | None:
    """Refuse a dispute of which only the payment is known: Adyen is asked by the dispute's own reference."""
    if told.processor_reference != told.parent_reference:
        return None
    return AnswerRefused(code=RefusalCode.NOT_ANSWERABLE, message=_UNNAMED)


class Defense(Struct, frozen=True):
    """What is sent on: the ground, by Adyen's code, and the documents for it."""

    reason: str
    documents: tuple[DefenseDocument, ...]


def planned(request: SubmitEvidence, possible: Sequence[DefenseReason]) -> Defense | AnswerRefused:
    """Make a defense of what was handed in; refuse one that Adyen would not take, or not in whole."""
    reason = _chosen(request, possible)
    if isinstance(reason, AnswerRefused):
        return reason
    documents = _documents(request, reason)
    return documents if isinstance(documents, AnswerRefused) else Defense(reason.defense_reason_code, documents)


def _chosen(request: SubmitEvidence, possible: Sequence[DefenseReason]) -> DefenseReason | AnswerRefused:
    """Take the ground that is named, or the only one that applies."""
    if not possible:
        return AnswerRefused(code=RefusalCode.NOT_ANSWERABLE, message=_NO_GROUND)
    if request.defense is None:
        return possible[0] if len(possible) == 1 else _undefended(f"defense: name one of {_listed(possible)}")
    for reason in possible:
        if reason.defense_reason_code == request.defense:
            return reason
    return _undefended(f"defense: this ground does not apply; name one of {_listed(possible)}")


def _documents(request: SubmitEvidence, reason: DefenseReason) -> tuple[DefenseDocument, ...] | AnswerRefused:
    """Make Adyen's documents of the files, if they are what *reason* asks for."""
    types = reason.defense_document_types
    known = [one.defense_document_type_code for one in types]
    only = known[0] if len(known) == len(request.files) == 1 else None
    purposes = [file.purpose or only for file in request.files]
    wanted = f"{reason.defense_reason_code} takes {_needs(types)}"
    if any(purpose not in known for purpose in purposes):
        return _unfit(f"file: give each file's purpose as one of Adyen's document types; {wanted}")
    if len(set(purposes)) < len(purposes):
        return _unfit(f"file: Adyen keeps one file of each type; join those of one type; {wanted}")
    if not _suffices(types, {purpose for purpose in purposes if purpose}):
        return _unfit(f"file: documents are missing; {wanted}")
    return tuple(
        DefenseDocument(defense_document_type_code=purpose or "", content_type=file.content_type, content=file.content)
        for purpose, file in zip(purposes, request.files, strict=True)
    )


def _suffices(types: Sequence[DefenseDocumentType], given: set[str]) -> bool:
    def there(level: str) -> list[bool]:
        return [
            one.available or one.defense_document_type_code in given for one in types if one.requirement_level == level
        ]

    one_of_many = there("OneOrMore")
    instead = there("AlternativeRequired")
    as_listed = all(there("Required")) and (any(one_of_many) or not one_of_many)
    nothing_else = not one_of_many and not there("Required")
    return any(instead) or (as_listed and not (instead and nothing_else))


def _needs(types: Sequence[DefenseDocumentType]) -> str:
    named = [
        f"{one.defense_document_type_code} ({LEVELS.get(one.requirement_level, one.requirement_level)})"
        for one in types
    ]
    return ", ".join(named) or "no document"


def _listed(possible: Sequence[DefenseReason]) -> str:
    return "; ".join(f"{one.defense_reason_code} with {_needs(one.defense_document_types)}" for one in possible)


def _unfit(message: str) -> AnswerRefused:
    return AnswerRefused(code=RefusalCode.EVIDENCE_UNFIT, message=message)


def _undefended(message: str) -> AnswerRefused:
    return AnswerRefused(code=RefusalCode.DEFENSE_UNFIT, message=message)
