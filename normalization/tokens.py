"""A payment method's tokens at the processors, and what is known of the card behind them."""

from collections.abc import Iterable

from msgspec import Struct


class CardFacts(Struct, frozen=True, kw_only=True):
    """What may be known of a card without knowing its number; None is "not known"."""

    brand: str | None = None  # visa, mastercard, amex, discover, diners, jcb, unionpay …
    last4: str | None = None
    bin: str | None = None  # The first six or eight digits, from a processor, never from a caller.
    exp_month: int | None = None
    exp_year: int | None = None  # Four digits.
    funding: str | None = None  # credit, debit, prepaid
    country: str | None = None  # Of the issuer, ISO 3166-1 alpha-2.
    fingerprint: str | None = None  # The processor's, comparable within one processor account only.


class ProcessorToken(Struct, frozen=True, kw_only=True):
    """What one processor gave for a payment method.

    Without `merchant_account` it serves every account of that processor. `customer_reference` is the processor's
    customer: a Stripe customer id or Adyen's shopperReference.
    """

    processor: str
    token: str
    customer_reference: str | None = None
    merchant_account: str | None = None


def token_for(tokens: Iterable[ProcessorToken], processor: str, merchant_account: str) -> ProcessorToken | None:
    """Find the token that *merchant_account* can charge, its own before the processor's general one."""
    fitting = [t for t in tokens if t.processor == processor and t.merchant_account in (merchant_account, None)]
    return min(fitting, key=lambda token: token.merchant_account is None, default=None)
