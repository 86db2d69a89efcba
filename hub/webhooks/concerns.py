"""What of a delivery a human must look at."""

from msgspec import Struct

from hub.exceptions.types import ExceptionType
from normalization.money import Money


class Concern(Struct, frozen=True):
    """The exception that a delivery opens; `what` follows the delivery's id in its words."""

    type: ExceptionType
    what: str
    money: Money | None
