"""What is said of one field of a request."""

from msgspec import Struct


class FieldError(Struct, frozen=True):
    """One thing wrong with a request: where (a path such as `fees[0].percent_bps`), and what to do about it."""

    field: str
    message: str
