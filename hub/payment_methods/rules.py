"""What is known of a card. Pure."""

from collections.abc import Sequence

from msgspec.structs import asdict

from normalization.tokens import CardFacts


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
