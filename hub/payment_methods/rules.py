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


def renewed(known: CardFacts, told: CardFacts) -> CardFacts:
    """Put what a processor tells of a card that changed over what was known; what it leaves out stays.

    A card that a bank sends anew expires later than the one before, so news of an earlier expiry is old news: told in
    any order, the newest card stands.
    """
    if _expiry(told) < _expiry(known) and told.exp_year is not None:
        return known
    return merge_facts(known, told)


def _expiry(card: CardFacts) -> tuple[int, int]:
    return card.exp_year or 0, card.exp_month or 0
