"""Events written in another version of Stripe's API than ours, read as far as they can be. Pure.

An endpoint keeps the version that it was made with. What says whether money moved, and how much, is read as strictly as
at our own version; what only describes it may be missing or have another shape.
Source: https://docs.stripe.com/webhooks/versioning.
"""

from types import MappingProxyType
from typing import Any, Final, TypeVar

import msgspec
from msgspec import Raw, Struct

from adapters.errors import OutcomeUnknownError
from adapters.stripe.client import API_VERSION, PROCESSOR, decode
from adapters.stripe.wire import Charge, Dispute, PaymentIntent, PaymentMethod, Payout, Refund, ReportRun, SetupIntent

Told = TypeVar("Told", bound=Struct)

DESCRIBES: Final = MappingProxyType[type[Struct], tuple[str, ...]](
    {
        PaymentIntent: ("latest_charge", "last_payment_error", "payment_method", "customer", "cancellation_reason"),
        Refund: ("failure_reason",),
        Charge: ("payment_method_details",),
        Dispute: ("reason", "charge", "evidence_details", "payment_method_details", "network_reason_code"),
        SetupIntent: ("last_setup_error", "next_action", "client_secret"),
        PaymentMethod: (),
        Payout: (),
        ReportRun: (),
    }
)
"""The fields of each object that decide nothing."""


def another(api_version: str | None) -> str | None:
    """Give a version that is not ours; events without one are from before they had any, or made by hand."""
    return None if api_version == API_VERSION else api_version


def told(raw: Raw, wanted: type[Told], api_version: str | None) -> Told:
    """Decode the object that an event is about.

    Raises:
        OutcomeUnknownError: when it is not what it should be.
    """
    if another(api_version) is None:
        return decode(raw, wanted)
    try:
        return msgspec.json.decode(raw, type=wanted)
    except msgspec.ValidationError:
        fields = _without_what_misleads(decode(raw, dict[str, Any]), wanted)
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as failure:
        raise _unreadable(wanted) from failure
    try:
        return msgspec.convert(fields, wanted)
    except msgspec.ValidationError as failure:
        raise _unreadable(wanted) from failure


def _without_what_misleads(fields: dict[str, Any], wanted: type[Struct]) -> dict[str, Any]:
    """Leave out what only describes and cannot be read."""
    misleading = set()
    for field in msgspec.structs.fields(wanted):
        if field.name in DESCRIBES[wanted] and field.name in fields:
            try:
                msgspec.convert(fields[field.name], field.type)
            except msgspec.ValidationError:
                misleading.add(field.name)
    return {name: value for name, value in fields.items() if name not in misleading}


def _unreadable(wanted: type[Struct]) -> OutcomeUnknownError:
    return OutcomeUnknownError(PROCESSOR, f"no {wanted.__name__} that can be read in an event of another API version")
