"""What a bank statement says, entry by entry; values."""

from datetime import date
from typing import Final

from msgspec import Struct

from normalization.money import Money

REFERENCES_MAX: Final = 100
"""How many texts of one entry are kept."""
TEXT_MAX: Final = 500
"""How many characters of each."""
_SHOWN: Final = 4


class BankEntry(Struct, frozen=True, kw_only=True):
    """Money that our bank booked on an account of ours: positive where it came in, negative where it left.

    `key` names the entry, and is equal where it is told again. `references` are the texts that came with it, a payout's
    reference among them. `account` is the account's IBAN or number, all but its ends masked.
    """

    key: str
    booked_on: date
    money: Money
    references: tuple[str, ...] = ()
    account: str | None = None


class BrokenEntry(Struct, frozen=True, kw_only=True):
    """An entry that cannot be read. `line` counts from 1; `column` is a header's word, or an element's path."""

    line: int
    column: str | None
    message: str


class NotAStatementError(Exception):
    """The file is no bank statement that the hub reads; the message says why."""


def masked(account: str) -> str | None:
    """Keep the ends of an IBAN or account number; None where there is none."""
    plain = "".join(account.split())
    if len(plain) <= 2 * _SHOWN:
        return "…" if plain else None
    return f"{plain[:_SHOWN]}…{plain[-_SHOWN:]}"
