"""
Requests of Adyen's Disputes API v30, every field of them, under Adyen's names.

Source: https://docs.adyen.com/api-explorer/Disputes/30/overview
"""

from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from hub.sandbox.adyen.errors import Problem, WireError, unreadable


class OfDispute(Struct, frozen=True, rename="camel"):
    """POST /retrieveApplicableDefenseReasons and /acceptDispute; what the others have, too."""

    merchant_account_code: str
    dispute_psp_reference: str


class Defend(OfDispute, frozen=True, rename="camel"):
    """POST /defendDispute."""

    defense_reason_code: str


class Delete(OfDispute, frozen=True, rename="camel"):
    """POST /deleteDisputeDefenseDocument."""

    defense_document_type: str


class Supplied(Struct, frozen=True, rename="camel"):
    """A document; `content` is base64."""

    defense_document_type_code: str
    content_type: str
    content: str


class Supply(OfDispute, frozen=True, rename="camel"):
    """POST /supplyDefenseDocument."""

    defense_documents: list[Supplied]


T = TypeVar("T", bound=OfDispute)


def read(body: dict[str, Any], into: type[T]) -> T:
    """
    Check that a request says what it must.

    Raises:
        WireError: 422 where a field is missing, 400 where one has the wrong type.

    """
    required = [field.encode_name for field in msgspec.structs.fields(into)]
    missing = [name for name in required if not body.get(name)]
    if missing:
        raise WireError(Problem(422, "702", f"Required field '{missing[0]}' is not provided."))
    try:
        return msgspec.convert(body, into)
    except msgspec.ValidationError as error:
        raise unreadable(f"Invalid value: {error}") from None
