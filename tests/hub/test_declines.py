"""`hub declines explain` says what a refusal comes to and how, or what is wrong with the question."""

from datetime import date

import msgspec
import pytest

from hub.app import known_adapters
from hub.declines import NotExplainedError, explain
from normalization.declines import Advice, Decline, DeclineCode
from tests.hub.commands import hub

TODAY = date(2026, 11, 21)
REFUSAL = ("declines", "explain", "stripe", "card_declined/do_not_honor")


def asked(code: str, network_code: str | None = None) -> Decline:
    return Decline(code=DeclineCode.GENERIC_DECLINE, processor_code=code, network_code=network_code)


def test_the_command_tells_what_follows_and_every_step() -> None:
    told = hub(*REFUSAL, "--network", "05", "--advice", "03", "--brand", "Mastercard")

    assert told.returncode == 0
    assert told.stdout.startswith("retry_limit_reached (hard)\n  advice    never; else new_payment_method\n")
    assert "4. network advice 03 stops: this card is never tried again\n" in told.stdout


def test_the_command_tells_it_in_json_too() -> None:
    told = msgspec.json.decode(hub(*REFUSAL, "--network", "51", "--json").stdout)

    assert (told["code"], told["advice"], told["wait_seconds"]) == ("insufficient_funds", "after_delay", 86_400)
    assert told["reasons"][0] == "processor code card_declined/do_not_honor means do_not_honor"


def test_the_command_ends_with_1_for_what_it_cannot_explain() -> None:
    told = hub("declines", "explain", "acquirer", "51")

    assert (told.returncode, told.stdout) == (1, "")
    assert "no adapter for 'acquirer'; there are" in told.stderr


@pytest.mark.parametrize(
    ("code", "hint"),
    [
        ("card_declined/do_not_honr", "did you mean card_declined/do_not_honor"),
        ("0", "docs/declines lists its codes"),
        ("hub/amount", "is a code of the hub's own and no processor's"),
    ],
)
def test_a_code_in_no_table_is_refused_with_what_comes_near(code: str, hint: str) -> None:
    with pytest.raises(NotExplainedError, match=hint):
        explain(known_adapters(), "stripe", asked(code), TODAY)


def test_a_slip_in_the_networks_name_is_told_since_it_would_change_the_answer() -> None:
    told = hub(*REFUSAL, "--network", "65", "--brand", "mastercrd")

    assert (told.returncode, told.stdout) == (1, "")
    assert "did you mean mastercard?" in told.stderr


def test_the_day_decides_which_rules_are_in_force() -> None:
    decline = msgspec.structs.replace(asked("23", "57"), network="visa")

    before = explain(known_adapters(), "adyen", decline, date(2026, 10, 24))
    after = explain(known_adapters(), "adyen", decline, date(2026, 10, 25))

    assert (before.advice, after.advice) == (Advice.NEW_PAYMENT_METHOD, Advice.NEVER)
