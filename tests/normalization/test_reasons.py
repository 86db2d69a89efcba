"""How a verdict came about is told from what decided it."""

from datetime import date, timedelta

import pytest

from normalization.declines import Decline, DeclineCode
from normalization.networks import Stop
from normalization.reasons import in_words, reasons
from normalization.responses import RESPONSES
from normalization.verdicts import Basis, Kept, Policy, resolve

D = DeclineCode
TODAY = date(2026, 11, 21)


def said(code: DeclineCode, network_code: str | None = None, advice: str | None = None, **more: object) -> Decline:
    return Decline(
        code=code,
        processor_code="raw",
        network_code=network_code,
        network_advice_code=advice,
        **more,  # type: ignore[arg-type] # whichever fields a test is about
    )


def told(decline: Decline, policy: Policy | None = None) -> tuple[str, ...]:
    return reasons(decline, resolve(decline, TODAY, policy or Policy()))


def test_every_step_is_told_in_the_order_of_deciding() -> None:
    assert told(said(D.INSUFFICIENT_FUNDS, "51", "03", network="mastercard")) == (
        "processor code raw means insufficient_funds",
        "network code 51 means insufficient_funds on a card of mastercard",
        "network advice 03 says: do not try again",
        "network advice 03 stops: this card is never tried again",
        "processor and network agree",
        "the same payment method is not tried again",
        "no other processor: the card may not be tried again",
    )


def test_what_was_not_said_is_not_told() -> None:
    assert told(said(D.DO_NOT_HONOR)) == (
        "processor code raw means do_not_honor",
        "the processor's code decides: the network said nothing that is known",
        "do_not_honor sets the wait: 2 days",
        "another processor may be tried within the request",
    )


@pytest.mark.parametrize(
    ("decline", "sentence"),
    [
        (
            said(D.DO_NOT_HONOR, "ZZ"),
            "network code ZZ is in no table for a card of unknown network and decides nothing",
        ),
        (said(D.DO_NOT_HONOR, None, "24"), "network advice 24 sets the wait: 1 hour"),
        (said(D.SUSPECTED_FRAUD, "51"), "the processor's code decides: a fraud verdict is never softened"),
        (
            said(D.TRANSACTION_NOT_PERMITTED, "57", network="visa"),
            "network code 57 stops: it is of Visa's category 1, never tried again",
        ),
        (
            said(D.GENERIC_DECLINE, "05", stop=True, processor_advice="do_not_try_again"),
            "the processor's advice do_not_try_again stops: this card is never tried again",
        ),
        (
            said(D.INSUFFICIENT_FUNDS, "51"),
            "no other processor, unless the setting HUB_FAILOVER_INSUFFICIENT_FUNDS allows it",
        ),
        (said(D.INCORRECT_CVC), "waiting does not help: no time is given"),
    ],
)
def test_a_step_names_what_decided_it(decline: Decline, sentence: str) -> None:
    assert sentence in told(decline)


def test_a_merchants_own_wait_and_bounds_are_told_as_such() -> None:
    policy = Policy(
        wait_at_least={D.DO_NOT_HONOR: timedelta(days=5)}, no_failover=frozenset({D.DO_NOT_HONOR}), never=frozenset()
    )

    assert told(said(D.DO_NOT_HONOR), policy)[-2:] == (
        "the merchant's policy sets the wait: 5 days",
        "no other processor: the merchant's policy keeps do_not_honor where it is",
    )


def test_every_way_to_decide_has_its_words() -> None:
    every_way = {*Basis, *Stop, *Kept}
    walked = set[object]()
    never = Policy(never=frozenset({D.CALL_ISSUER}), no_failover=frozenset({D.DO_NOT_HONOR}))
    for code in DeclineCode:
        for network_code in (None, *(code for _, code in RESPONSES)):
            for advice, stop in ((None, False), ("03", False), ("24", False), (None, True)):
                decline = said(code, network_code, advice, network="visa" if advice is None else None, stop=stop)
                verdict = resolve(decline, TODAY, never)
                walked |= {verdict.basis, verdict.stop, verdict.kept}

                assert "None" not in " ".join(reasons(decline, verdict))

    assert walked - {None} == every_way


@pytest.mark.parametrize(("hours", "words"), [(1, "1 hour"), (24, "24 hours"), (36, "36 hours"), (72, "3 days")])
def test_a_wait_is_said_as_people_say_it(hours: int, words: str) -> None:
    assert in_words(timedelta(hours=hours)) == words
