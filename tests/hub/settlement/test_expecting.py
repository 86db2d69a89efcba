"""What is expected of a settlement is what routing expected a charge to cost."""

from datetime import UTC, date, datetime

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from hub.merchants.profile import Terms, Tolerances
from hub.payments import rules
from hub.payments.states import Status
from hub.settlement.expecting import card_region, expected_lines, fee_minor
from normalization.money import Currency, Money
from normalization.outcome import Operation
from normalization.regions import Region
from normalization.tokens import CardFacts
from routing.accounts import Fee
from routing.costs import expected_cost
from tests.hub.payments.making import operation, payment, report
from tests.routing.samples import facts

ROWS = st.builds(
    Fee,
    currency=st.sampled_from([None, Currency.EUR, Currency.USD]),
    card_region=st.sampled_from([None, Region.EEA, Region.US]),
    percent_bps=st.integers(0, 10_000),
    fixed_minor=st.integers(0, 50),
)


@given(st.lists(ROWS, max_size=4), st.sampled_from([None, "DE", "US", "BR"]), st.integers(1, 10**9))
def test_the_expected_fee_is_what_routing_says_that_the_charge_costs(
    rows: list[Fee], country: str | None, minor: int
) -> None:
    payment = facts(money=Money(minor, Currency.EUR), card=CardFacts(country=country))
    cost = expected_cost(payment.money, rows, (), payment.card)

    assert fee_minor(payment.money, rows, card_region(msgspec.json.encode(payment))) == (cost.minor if cost else None)


def test_a_card_from_elsewhere_costs_what_its_row_says() -> None:
    rows = [Fee(card_region=Region.US, percent_bps=350), Fee(percent_bps=120, fixed_minor=25)]

    assert fee_minor(Money(10_000, Currency.EUR), rows, Region.US) == 350
    assert fee_minor(Money(10_000, Currency.EUR), rows, Region.EEA) == 145


def test_a_card_whose_country_is_not_known_is_of_no_region() -> None:
    assert card_region(msgspec.json.encode(facts())) is None


def test_a_refund_of_more_than_is_left_comes_in_one_line_for_one_fee() -> None:
    """A part of it is booked from suspense; the processor knows one refund."""
    taken = payment(status=Status.CAPTURED, authorized_minor=1_000, captured_minor=1_000)
    by_others = operation(Operation.REFUND, 1_300, external=True)
    done = rules.apply(taken, by_others, report(Operation.REFUND, minor=1_300))
    terms = Terms(
        fees=(),
        other_fees={"refund": (Fee(fixed_minor=25),)},
        settlement_days=1,
        settlement_currency=None,
        tolerances=Tolerances(),
        holidays=frozenset[date](),
    )

    lines = expected_lines(done, terms, datetime(2026, 3, 2, tzinfo=UTC))

    assert [booking.money.minor for booking in done.bookings] == [1_000, 300]
    assert [(line.type, line.gross_minor, line.fee_minor) for line in lines] == [("refund", -1_300, 25)]
