"""One line of a file of tokens, and what can be wrong with it. Pure."""

from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from normalization.tokens import CardFacts

_PRINTABLE: Final = r"^(?![\s\S]*[\x00-\x1f\x7f])"
Words = Annotated[str, Meta(min_length=1, max_length=255, pattern=_PRINTABLE)]
WHOLE_LINE: Final = "(line)"


class Wrong(Struct, frozen=True):
    """What is wrong with a line: where, and what to do about it."""

    field: str
    message: str


class Line(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One token as the file tells of it; docs/tokens.md explains the columns."""

    processor: Words
    token: Words
    merchant_account: Words | None = None
    customer_reference: Words | None = None
    key: Words | None = None
    customer: Words | None = None
    customer_key: Words | None = None
    brand: Annotated[str, Meta(pattern=r"^[a-z_]{1,32}\Z")] | None = None
    last4: Annotated[str, Meta(pattern=r"^[0-9]{4}\Z")] | None = None
    exp_month: Annotated[int, Meta(ge=1, le=12)] | None = None
    exp_year: Annotated[int, Meta(ge=2000, le=2100)] | None = None
    funding: Literal["credit", "debit", "prepaid"] | None = None
    country: Annotated[str, Meta(pattern=r"^[A-Z]{2}\Z")] | None = None
    fingerprint: Words | None = None
    network_transaction_id: Words | None = None

    def __post_init__(self) -> None:
        if self.customer is not None and self.customer_key is not None:
            raise ValueError("customer: send either customer or customer_key")

    @property
    def card(self) -> CardFacts:
        """What the line says of the card."""
        return CardFacts(
            brand=self.brand,
            last4=self.last4,
            exp_month=self.exp_month,
            exp_year=self.exp_year,
            funding=self.funding,
            country=self.country,
        )


COLUMNS: Final = Line.__struct_fields__


class Read(Struct, frozen=True):
    """One line of the file: its number from 1, where the next one begins, and what it says or what is wrong with it."""

    number: int
    ends_at: int
    said: Line | Wrong
