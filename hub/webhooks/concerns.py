"""What of a delivery a human must look at."""

from typing import Literal

from msgspec import Struct

from hub.payments.states import ExceptionType
from normalization.money import Money


class Concern(Struct, frozen=True):
    """The exception that a delivery opens; `what` follows the delivery's id in its words."""

    type: ExceptionType | Literal["delivery_parked"]
    what: str
    money: Money | None
