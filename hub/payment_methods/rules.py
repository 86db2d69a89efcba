"""What is known of a card, and whether its tokens can be charged again. Pure."""

from collections.abc import Iterable

from msgspec.structs import asdict

from normalization.tokens import CardFacts, ProcessorToken


def merge_facts(told: CardFacts, known: CardFacts | None) -> CardFacts:
    """Put what a processor knows over what a caller told; what neither says stays unknown."""
    if known is None:
        return told
    return CardFacts(**{**asdict(told), **{name: fact for name, fact in asdict(known).items() if fact is not None}})


def is_reusable(tokens: Iterable[ProcessorToken]) -> bool:
    """Whether any of *tokens* can be charged more than once.

    A Stripe PaymentMethod can be only once attached to a Stripe customer; `pm_card_*` are Stripe's reusable test cards.
    Source: https://docs.stripe.com/api/payment_methods/attach, https://docs.stripe.com/testing
    """
    return any(
        token.processor != "stripe" or token.customer_reference or token.token.startswith("pm_card_")
        for token in tokens
    )
