"""What the API says of a refusal follows from its raw codes."""

from datetime import UTC, datetime, timedelta

from hub.payments.answers import DeclineBody, decline_body
from normalization.declines import Advice, Category, Decline, DeclineCode

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)


def shown(advice: str | None = None, at: datetime = AT, **told: str | bool) -> DeclineBody:
    decline = Decline(
        code=DeclineCode.INSUFFICIENT_FUNDS,
        processor_code="12",
        network_code="51",
        network_advice_code=advice,
        network="mastercard",
        **told,  # type: ignore[arg-type] # whichever fields a test is about
    )
    body = decline_body(decline, at)
    assert body is not None
    return body


def test_a_refusal_without_advice_waits_as_its_code_says() -> None:
    body = shown()

    assert (body.advice, body.category, body.retry_after) == (
        Advice.AFTER_DELAY,
        Category.SOFT,
        AT + timedelta(hours=24),
    )


def test_the_networks_stop_makes_it_final_and_keeps_its_reason() -> None:
    body = shown("03")

    assert (body.code, body.network_advice_code) == (DeclineCode.INSUFFICIENT_FUNDS, "03")
    assert (body.advice, body.category, body.retry_after) == (Advice.NEVER, Category.HARD, None)
    assert body.alternatives == [Advice.NEW_PAYMENT_METHOD]


def test_the_processors_stop_does_so_too() -> None:
    assert shown(processor_advice="do_not_try_again", stop=True).advice is Advice.NEVER


def test_the_networks_wait_is_the_time_to_try_again() -> None:
    assert shown("24").retry_after == AT + timedelta(hours=1)
    assert shown("30").retry_after == AT + timedelta(days=10)


def test_the_rules_are_those_of_the_day_it_was_told() -> None:
    decline = Decline(
        code=DeclineCode.TRANSACTION_NOT_PERMITTED, processor_code="23", network_code="57", network="visa"
    )
    before, since = decline_body(decline, datetime(2026, 10, 24, tzinfo=UTC)), decline_body(decline, AT)

    assert before is not None
    assert since is not None
    assert (before.advice, since.advice) == (Advice.NEW_PAYMENT_METHOD, Advice.NEVER)
