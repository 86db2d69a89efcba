"""What a message knows beside its processor's answer, and whose answer that is; no database is needed."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from hub.merchants.service import Connected
from hub.payments.shell import Shell
from hub.webhooks.budget import ReadBudgets
from hub.webhooks.reading import Claim, _fetched_once, _is_open, _tells_an_end
from hub.webhooks.store import Waiting
from normalization.money import Currency, Money
from normalization.outcome import ActionRequired, Approved, Declined, Operation, Outcome, Pending, Report, Reversed
from tests.hub.webhooks.telling import Asked, Telling

NO: Any = None
CHALLENGE = ActionRequired(method="GET", url="https://bank.example")


def report(outcome: Outcome) -> Report:
    return Report(
        kind=Operation.PURCHASE,
        tag="att_1",
        processor_reference="pi_1",
        money=Money(1000, Currency.EUR),
        livemode=False,
        outcome=outcome,
    )


@pytest.mark.parametrize(
    ("outcome", "ends"),
    [(Approved(), True), (Declined(NO), True), (Reversed(NO), True), (Pending(), False), (CHALLENGE, False)],
)
def test_a_yes_a_no_and_what_was_undone_are_ends(outcome: Outcome, *, ends: bool) -> None:
    connected = cast("Connected", SimpleNamespace(adapter=Telling(lambda _: [report(Pending()), report(outcome)])))
    one = cast("Waiting", SimpleNamespace(delivery=SimpleNamespace(key="evt_1")))

    assert _tells_an_end(connected, one) is ends


def test_an_answer_is_open_while_nothing_of_it_has_ended() -> None:
    assert _is_open([report(Pending()), report(CHALLENGE)])
    assert not _is_open([report(Pending()), report(Approved())])
    assert not _is_open([])


async def test_one_account_is_asked_once_and_its_answer_is_no_answer_of_another_account() -> None:
    shell = cast("Shell", SimpleNamespace(reads=ReadBudgets(100), settings=SimpleNamespace(request_ms=1_000)))
    claim = Claim(ends=0.0, fetches={})
    yes, no = Asked(lambda _: [], lambda _: [report(Approved())]), Asked(lambda _: [], lambda _: [report(Declined(NO))])
    first, second = (
        cast("Connected", SimpleNamespace(adapter=adapter, account=SimpleNamespace(id=id_, processor="stripe")))
        for id_, adapter in (("ma_1", yes), ("ma_2", no))
    )

    answers = [await _fetched_once(shell, claim, one, "pi_1") for one in (first, second, first)]

    assert answers == [[report(Approved())], [report(Declined(NO))], [report(Approved())]]
    assert (yes.fetched, no.fetched) == ({"pi_1": 1}, {"pi_1": 1})
