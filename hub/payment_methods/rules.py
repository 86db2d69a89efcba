"""What is known of a card, and where its tokens can be charged. Pure."""

from collections.abc import Sequence
from typing import Final

from msgspec.structs import asdict, replace

from normalization.tokens import CardFacts, ProcessorToken

COMPANY_WIDE: Final = frozenset({"adyen"})


def merge_facts(told: CardFacts, known: CardFacts | None) -> CardFacts:
    """Put what a processor knows over what a caller told; what neither says stays unknown."""
    if known is None:
        return told
    return CardFacts(**{**asdict(told), **{name: fact for name, fact in asdict(known).items() if fact is not None}})


def all_facts(told: CardFacts, known: Sequence[CardFacts | None]) -> CardFacts:
    """Put what the tokens' processors know over what a caller told; the first token's has the last word."""
    facts = told
    for more in reversed(known):
        facts = merge_facts(facts, more)
    return facts


def bound_to(token: ProcessorToken, merchant_account: str) -> ProcessorToken:
    """Say where a token can be charged that a processor stored at *merchant_account*.

    Adyen keeps tokens for the whole company, every other processor for the account alone as far as we know.
    Source: https://docs.adyen.com/online-payments/tokenization
    """
    return replace(token, merchant_account=None if token.processor in COMPANY_WIDE else merchant_account)
