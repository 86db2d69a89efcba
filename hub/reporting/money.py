"""Amounts as people read them; pure."""

from decimal import Decimal

from normalization.money import EXPONENT, Currency


def in_whole_units(minor: int, currency: str) -> str:
    """Write an amount in the currency's whole unit; one of an unknown currency stays in the minor unit."""
    digits = EXPONENT[Currency(currency)] if currency in Currency.__members__ else 0
    return f"{Decimal(minor).scaleb(-digits):,.{digits}f}"
