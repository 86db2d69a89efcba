"""A payment goes on elsewhere only where it is certain that it was not paid."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from normalization.declines import MEANING, Category, Decline, DeclineCode
from normalization.outcome import ActionRequired, Approved, Declined, Outcome, Pending
from normalization.verdicts import Policy
from routing.account_index import Choice
from routing.failover import Failure, Next, Tried, may_try_next
from routing.plan import Plan

STRIPE_1, STRIPE_2 = Choice("ma_1", "stripe"), Choice("ma_2", "stripe")
ADYEN_1, OTHER_1 = Choice("ma_3", "adyen"), Choice("ma_4", "other")
PLAN = Plan(order=(STRIPE_1, STRIPE_2, ADYEN_1, OTHER_1), excluded=())


def declined(code: DeclineCode, advice: str | None = None) -> Declined:
    return Declined(Decline(code=code, processor_code="raw", network_advice_code=advice))


def tried(choice: Choice, ending: Outcome | Failure, *, challenged: bool = False) -> Tried:
    return Tried(choice=choice, ending=ending, challenged=challenged)


DOWN = declined(DeclineCode.ISSUER_UNAVAILABLE)


@pytest.mark.parametrize("failure", [Failure.NOT_SENT, Failure.CONFIGURATION])
def test_what_was_not_sent_may_go_to_another_account_of_the_same_processor(failure: Failure) -> None:
    assert may_try_next(PLAN, [tried(STRIPE_1, failure)]) == Next(STRIPE_2, failure)


def test_a_decline_that_allows_it_goes_to_another_processor() -> None:
    assert may_try_next(PLAN, [tried(STRIPE_1, DOWN)]) == Next(ADYEN_1, "issuer_unavailable")


@pytest.mark.parametrize("code", DeclineCode)
def test_a_decline_goes_on_exactly_where_the_table_says_so(code: DeclineCode) -> None:
    step = may_try_next(PLAN, [tried(STRIPE_1, declined(code))])

    assert (step is not None) is MEANING[code].failover


@pytest.mark.parametrize("code", [code for code in DeclineCode if MEANING[code].category is Category.FRAUD])
def test_a_suspicion_of_fraud_is_never_tried_again(code: DeclineCode) -> None:
    assert may_try_next(PLAN, [tried(STRIPE_1, declined(code))], insufficient_funds_elsewhere=True) is None


def test_a_merchants_policy_keeps_a_decline_where_it_is() -> None:
    policy = Policy(no_failover=frozenset({DeclineCode.ISSUER_UNAVAILABLE}))

    assert may_try_next(PLAN, [tried(STRIPE_1, DOWN)], policy=policy) is None


def test_insufficient_funds_goes_on_only_where_asked_for() -> None:
    empty = [tried(STRIPE_1, declined(DeclineCode.INSUFFICIENT_FUNDS))]

    assert may_try_next(PLAN, empty) is None
    assert may_try_next(PLAN, empty, insufficient_funds_elsewhere=True) == Next(ADYEN_1, "insufficient_funds")


@pytest.mark.parametrize("ending", [Approved(), Pending(), ActionRequired(method="GET", url="u"), Failure.UNKNOWN])
def test_what_may_have_charged_or_may_still_ends_it(ending: Outcome | Failure) -> None:
    assert may_try_next(PLAN, [tried(STRIPE_1, ending)]) is None
    assert may_try_next(PLAN, [tried(STRIPE_1, ending), tried(ADYEN_1, Failure.NOT_SENT)]) is None


@pytest.mark.parametrize("ending", [DOWN, Failure.NOT_SENT])
def test_nothing_goes_on_once_the_payer_was_asked_to_act(ending: Outcome | Failure) -> None:
    assert may_try_next(PLAN, [tried(STRIPE_1, ending, challenged=True)]) is None


def test_a_second_decline_ends_it() -> None:
    assert may_try_next(PLAN, [tried(STRIPE_1, DOWN), tried(ADYEN_1, DOWN)]) is None


def test_after_a_decline_the_same_processor_stays_barred() -> None:
    assert may_try_next(PLAN, [tried(STRIPE_1, DOWN), tried(ADYEN_1, Failure.NOT_SENT)]) == Next(OTHER_1, "not_sent")


@pytest.mark.parametrize(("advice", "goes_on"), [("03", False), ("24", False), ("02", False), ("40", True)])
def test_a_network_that_says_stop_or_wait_is_obeyed(advice: str, *, goes_on: bool) -> None:
    step = may_try_next(PLAN, [tried(STRIPE_1, declined(DeclineCode.DO_NOT_HONOR, advice))])

    assert (step is not None) is goes_on


def test_without_another_account_it_ends() -> None:
    alone = Plan(order=(STRIPE_1, STRIPE_2), excluded=())

    assert may_try_next(alone, [tried(STRIPE_1, DOWN)]) is None
    assert may_try_next(alone, [tried(STRIPE_1, Failure.NOT_SENT), tried(STRIPE_2, Failure.NOT_SENT)]) is None


endings = st.sampled_from(
    [Approved(), Pending(), *Failure, DOWN, declined(DeclineCode.EXPIRED_CARD), declined(DeclineCode.PROCESSOR_ERROR)]
)


@given(st.lists(endings, min_size=4, max_size=4))
def test_no_history_leads_to_an_account_twice_or_past_a_possible_charge(
    ends: list[Approved | Pending | Failure | Declined],
) -> None:
    history = [tried(PLAN.order[0], ends[0])]
    while step := may_try_next(PLAN, history):
        assert step.choice not in [attempt.choice for attempt in history]
        assert not any(attempt.ending in (Approved(), Pending(), Failure.UNKNOWN) for attempt in history)
        history.append(tried(step.choice, ends[len(history)]))

    assert sum(isinstance(attempt.ending, Declined) for attempt in history) <= 2
