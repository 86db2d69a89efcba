"""Who decides follows from the changes that were made, and a payment stays on its side of a share."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from routing.plan import Trial, plan
from routing.rollout import Change, Kind, Standing, standing, within
from tests.routing.samples import account, facts, ruleset, snapshot, use

START = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
references = st.text(min_size=1, max_size=12)


def hours(count: float) -> datetime:
    return START + timedelta(hours=count)


def told(*changes: tuple[str, str, int] | tuple[str, str, int, float], at: float = 100) -> Standing:
    """Changes made an hour apart: what, which ruleset, percent, and when it is to begin."""
    made = [
        Change(
            id=f"rsa_{n}",
            kind=Kind(kind),
            ruleset=ruleset,
            percent=percent,
            starts_at=hours(begins[0]) if begins else None,
            made_at=hours(n),
        )
        for n, (kind, ruleset, percent, *begins) in enumerate(changes)
    ]
    return standing(made, hours(at))


def shape(now: Standing) -> tuple[str | None, tuple[str, int] | None]:
    """The base, and the rollout with its percent."""
    base = now.base.ruleset if now.base else None
    return base, (now.rollout.ruleset, now.rollout.percent) if now.rollout else None


A = ("activate", "a", 100)
B = ("activate", "b", 100)
B_TENTH = ("activate", "b", 10)
BACK = ("rollback", "", 100)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ([], (None, None)),
        ([A], ("a", None)),
        ([A, B], ("b", None)),
        ([B_TENTH], (None, ("b", 10))),
        ([A, B_TENTH], ("a", ("b", 10))),
        ([A, B_TENTH, ("activate", "b", 50)], ("a", ("b", 50))),
        ([A, B_TENTH, B], ("b", None)),
        ([A, B_TENTH, ("activate", "c", 20)], ("a", ("c", 20))),
        ([A, B_TENTH, A], ("a", None)),
        ([A, ("activate", "a", 50)], ("a", None)),
        ([A, B, BACK], ("a", None)),
        ([A, B_TENTH, BACK], ("a", None)),
        ([A, B_TENTH, ("activate", "b", 50), B, BACK], ("a", None)),
        ([A, A, B, BACK], ("a", None)),
        ([A, B, ("activate", "c", 100), BACK, BACK], ("a", None)),
        ([A, B, ("activate", "c", 30), BACK, BACK], ("a", None)),
        ([A, B, BACK, ("activate", "c", 100), BACK], ("a", None)),
        ([A, ("shadow", "b", 100), B], ("b", None)),
    ],
    ids=str,
)
def test_what_decides_follows_from_the_changes(
    changes: list[tuple[str, str, int]], expected: tuple[str | None, tuple[str, int] | None]
) -> None:
    assert shape(told(*changes)) == expected


@pytest.mark.parametrize(("at", "expected"), [(1, "a"), (4.99, "a"), (5, "b"), (6, "b")])
def test_what_is_scheduled_begins_at_its_instant(at: float, expected: str) -> None:
    assert shape(told(A, ("activate", "b", 100, 5), at=at)) == (expected, None)


def test_a_share_grows_as_it_was_scheduled() -> None:
    plan = (A, ("activate", "b", 100, 9), ("activate", "b", 10, 5), ("activate", "b", 50, 7))

    grown = [shape(told(*plan, at=at))[1] for at in (4, 5, 7)]

    assert grown == [None, ("b", 10), ("b", 50)]
    assert shape(told(*plan, at=9)) == ("b", None)
    assert [share.percent for share in told(*plan, at=4).scheduled] == [10, 50, 100]


def test_what_is_made_at_once_does_not_wait_for_another_clock() -> None:
    assert shape(told(A, at=-1)) == ("a", None)


def test_a_start_in_the_past_is_at_once() -> None:
    assert shape(told(A, ("activate", "b", 100, -5), at=2)) == ("b", None)


def test_a_rollback_undoes_what_is_scheduled_too() -> None:
    pulled = told(A, B, ("activate", "c", 100, 50), BACK)

    assert (shape(pulled), pulled.scheduled) == (("a", None), ())


def test_what_had_begun_before_a_rollback_is_what_it_undoes() -> None:
    assert shape(told(A, ("activate", "b", 100, 1.5), BACK)) == ("a", None)


def test_what_is_scheduled_can_be_called_off_alone() -> None:
    assert shape(told(A, B_TENTH, ("activate", "b", 100, 50), ("unschedule", "", 100))) == ("a", ("b", 10))


def test_a_shadow_stays_until_its_end_whatever_is_activated() -> None:
    shadowed = told(A, ("shadow", "b", 25), B_TENTH, BACK)

    assert shadowed.shadow is not None
    assert (shadowed.shadow.ruleset, shadowed.shadow.percent, shadowed.shadow.change) == ("b", 25, "rsa_1")
    assert told(A, ("shadow", "b", 25), ("end_shadow", "b", 100)).shadow is None


def test_the_shares_of_what_decides_add_up() -> None:
    now = told(A, B_TENTH)

    assert [now.percent_of(name) for name in "abc"] == [90, 10, 0]
    assert told(A).percent_of("a") == 100


@given(references, st.integers(1, 100), st.integers(1, 100))
def test_a_larger_share_takes_the_same_payments_and_more(reference: str, one: int, other: int) -> None:
    small, large = sorted((one, other))

    assert within("rollout", "rs_1", large, reference) or not within("rollout", "rs_1", small, reference)
    assert within("rollout", "rs_1", 100, reference)


@given(references)
def test_a_payment_s_side_is_drawn_by_ruleset_and_reference_for_ever(reference: str) -> None:
    drawn = int.from_bytes(sha256(f"rollout:rs_1:{reference}".encode()).digest()[:8], "big") / 2**64

    assert [within("rollout", "rs_1", percent, reference) for percent in (25, 50)] == [drawn < 0.25, drawn < 0.5]


@pytest.mark.parametrize("percent", [1, 10, 50, 99])
def test_a_share_is_within_one_percent_of_its_size(percent: int) -> None:
    taken = sum(within("rollout", "rs_1", percent, f"invoice-{n}") for n in range(20_000))

    assert abs(taken / 20_000 - percent / 100) < 0.01


def test_a_rollout_decides_its_share_and_the_base_the_rest() -> None:
    base = ruleset(otherwise=use("ma_1"))
    tried = replace(ruleset(otherwise=use("ma_2")), id="rs_2")
    known = snapshot(account("ma_1"), account("ma_2"), ruleset=base)
    known = replace(known, rollout=Trial(change="rsa_1", ruleset=tried, percent=30))

    for payment in (facts(reference=f"invoice-{n}") for n in range(200)):
        decided = plan(payment, known)
        assert decided.ruleset == ("rs_2" if within("rollout", "rs_2", 30, payment.reference) else "rs_1")


def test_without_a_base_the_rest_of_a_rollout_goes_by_no_ruleset() -> None:
    tried = Trial(change="rsa_1", ruleset=ruleset(otherwise=use("ma_1")), percent=50)
    known = snapshot(account("ma_1"), rollout=tried)

    assert {plan(facts(reference=f"invoice-{n}"), known).ruleset for n in range(50)} == {None, "rs_1"}


def test_a_shadow_decides_nothing() -> None:
    known = snapshot(account("ma_1"), account("ma_2"), ruleset=ruleset(otherwise=use("ma_1")))
    beside = Trial(change="rsa_1", ruleset=replace(ruleset(otherwise=use("ma_2")), id="rs_2"), percent=100)

    assert plan(facts(), replace(known, shadow=beside)) == plan(facts(), known)
