"""Verifications as the API shows them; pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Literal, cast

import msgspec
from msgspec import Struct
from sqlalchemy import RowMapping

from hub.payments.answers import DeclineBody, decline_body
from normalization.declines import Decline

VerificationStatus = Literal["processing", "approved", "declined", "unknown"]
_PROCESSING: Final = "processing"


class VerificationBody(Struct, frozen=True, kw_only=True):
    """A card's bank asked whether it is good, without money.

    `processing`: the answer is not known and is asked for again. `avs` and `cvc` are what the bank says of address and
    security code, as the processor writes it.
    """

    id: str
    object: Literal["verification"] = "verification"
    livemode: bool
    payment_method: str | None
    merchant_account: str
    processor: str
    status: VerificationStatus
    decline: DeclineBody | None
    avs: str | None
    cvc: str | None
    processor_reference: str | None
    created_at: datetime
    finished_at: datetime | None


def verification_body(row: RowMapping | Mapping[str, Any]) -> VerificationBody:
    """Show a row of `verifications`."""
    status = _PROCESSING if row["finished_at"] is None else row["status"]
    decline = msgspec.json.decode(row["decline"], type=Decline) if row["decline"] else None
    return VerificationBody(
        id=row["id"],
        livemode=bool(row["livemode"]),
        payment_method=row["payment_method"],
        merchant_account=row["merchant_account"],
        processor=row["processor"],
        status=cast("VerificationStatus", status),
        decline=decline_body(decline, row["finished_at"] or row["created_at"]),
        avs=row["avs"],
        cvc=row["cvc"],
        processor_reference=row["processor_reference"],
        created_at=row["created_at"],
        finished_at=row["finished_at"],
    )
