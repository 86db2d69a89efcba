"""One verdict out of everything that was said of a refusal."""

import timeit
from collections.abc import Iterator
from datetime import date, timedelta

import pytest

from normalization.declines import GENERIC, MEANING, NEVER_SOFTENED, Advice, Category, Decline, DeclineCode
from normalization.networks import MASTERCARD_ADVICE, Stop
from normalization.responses import RESPONSES
from normalization.verdicts import Basis, Kept, Policy, Verdict, resolve, settled

D = DeclineCode
TODAY = date(2026, 11, 21)
BY_MEANING = {meaning: code for (network, code), meaning in RESPONSES.items() if network is None}
"""A response code for each meaning that one has on every network."""


def said(
    processor: DeclineCode = D.GENERIC_DECLINE,
    network_code: str | None = None,
    advice: str | None = None,
    network: str | None = None,
    *,
    stop: bool = False,
) -> Decline:
    return Decline(
        code=processor,
        processor_code="raw",
        network_code=network_code,
        network_advice_code=advice,
        network=network,
        stop=stop,
    )


class TestTheNetworksStop:
    @pytest.mark.parametrize("advice", ["03", "21"])
    def test_comes_before_everything_else(self, advice: str) -> None:
        verdict = resolve(said(D.INSUFFICIENT_FUNDS, "51", advice, "mastercard"), TODAY)

        assert (verdict.code, verdict.category) == (D.INSUFFICIENT_FUNDS, Category.HARD)
        assert (verdict.advice, verdict.alternatives) == (Advice.NEVER, (Advice.NEW_PAYMENT_METHOD,))
        assert (verdict.wait, verdict.stop, verdict.kept) == (None, Stop.MASTERCARD_ADVICE, Kept.STOP)

    @pytest.mark.parametrize(
        ("advice", "code"), [("03", D.RETRY_LIMIT_REACHED), ("21", D.RECURRING_STOPPED), ("42", D.COMPLIANCE_REFUSED)]
    )
    def test_says_why_where_nothing_else_does(self, advice: str, code: DeclineCode) -> None:
        verdict = resolve(said(D.GENERIC_DECLINE, "05", advice, "mastercard"), TODAY)

        assert (verdict.code, verdict.advice, verdict.basis) == (code, Advice.NEVER, Basis.NETWORK_ADVICE)

    def test_of_visas_category_1_holds_from_its_day_on(self) -> None:
        decline = said(D.TRANSACTION_NOT_PERMITTED, "57", network="visa")

        assert resolve(decline, date(2026, 10, 24)).advice is Advice.NEW_PAYMENT_METHOD
        assert resolve(decline, date(2026, 10, 25)).advice is Advice.NEVER

    @pytest.mark.parametrize("code", list(DeclineCode))
    def test_forbids_another_processor_whatever_the_code(self, code: DeclineCode) -> None:
        verdict = resolve(said(code, advice="03", network="mastercard"), TODAY, funds_elsewhere=True)

        assert (verdict.failover, verdict.advice, verdict.wait) == (False, Advice.NEVER, None)

    def test_leaves_nothing_to_try_after_a_refusal_for_sanctions(self) -> None:
        assert resolve(said(D.COMPLIANCE_REFUSED, "93", "03"), TODAY).alternatives == ()


class TestTheProcessorsStop:
    def test_counts_as_a_networks(self) -> None:
        verdict = resolve(said(D.INSUFFICIENT_FUNDS, stop=True), TODAY)

        assert (verdict.code, verdict.advice) == (D.INSUFFICIENT_FUNDS, Advice.NEVER)
        assert verdict.stop is Stop.PROCESSOR_ADVICE

    def test_is_the_reason_where_there_is_no_other(self) -> None:
        assert resolve(said(D.GENERIC_DECLINE, "05", stop=True), TODAY).code is D.RETRY_LIMIT_REACHED


class TestTheNetworksWait:
    @pytest.mark.parametrize(("advice", "hours"), [("02", 72), ("24", 1), ("25", 24), ("27", 96), ("30", 240)])
    def test_takes_the_place_of_ours(self, advice: str, hours: int) -> None:
        verdict = resolve(said(D.INSUFFICIENT_FUNDS, "51", advice, "mastercard"), TODAY)

        assert (verdict.advice, verdict.wait) == (Advice.AFTER_DELAY, timedelta(hours=hours))

    def test_leaves_no_other_processor_to_be_tried_at_once(self) -> None:
        verdict = resolve(said(D.DO_NOT_HONOR, "05", "24", "mastercard"), TODAY)

        assert (verdict.failover, verdict.kept) == (False, Kept.NETWORK_ADVICE)

    def test_does_not_open_what_is_closed_for_good(self) -> None:
        assert resolve(said(D.LOST_OR_STOLEN_CARD, "41", "24", "mastercard"), TODAY).wait is None

    @pytest.mark.parametrize("advice", ["40", "41", "43"])
    def test_is_not_said_by_advice_that_only_describes_the_card(self, advice: str) -> None:
        verdict = resolve(said(D.DO_NOT_HONOR, "05", advice, "mastercard"), TODAY)

        assert (verdict.failover, verdict.wait) == (True, timedelta(hours=48))

    @pytest.mark.parametrize(("advice", "network"), [("99", "mastercard"), ("03", "visa")])
    def test_may_be_meant_by_advice_nobody_can_read(self, advice: str, network: str) -> None:
        assert resolve(said(D.DO_NOT_HONOR, "05", advice, network), TODAY).kept is Kept.NETWORK_ADVICE


class TestTheCode:
    @pytest.mark.parametrize(
        ("processor", "network_code", "code", "basis"),
        [
            (D.GENERIC_DECLINE, None, D.GENERIC_DECLINE, Basis.PROCESSOR_ALONE),
            (D.EXPIRED_CARD, "ZZ", D.EXPIRED_CARD, Basis.PROCESSOR_ALONE),
            (D.INSUFFICIENT_FUNDS, "51", D.INSUFFICIENT_FUNDS, Basis.AGREED),
            (D.GENERIC_DECLINE, "05", D.DO_NOT_HONOR, Basis.NETWORK_SAYS_MORE),
            (D.PROCESSOR_ERROR, "41", D.LOST_OR_STOLEN_CARD, Basis.NETWORK_SAYS_MORE),
            (D.INSUFFICIENT_FUNDS, "41", D.LOST_OR_STOLEN_CARD, Basis.NETWORK_STRICTER),
            (D.LIMIT_EXCEEDED, "54", D.EXPIRED_CARD, Basis.NETWORK_STRICTER),
            (D.EXPIRED_CARD, "59", D.SUSPECTED_FRAUD, Basis.NETWORK_STRICTER),
            (D.RECURRING_STOPPED, "51", D.RECURRING_STOPPED, Basis.PROCESSOR_STRICTER),
            (D.SUSPECTED_FRAUD, "R1", D.SUSPECTED_FRAUD, Basis.PROCESSOR_STANDS),
            (D.AUTHENTICATION_REQUIRED, "51", D.AUTHENTICATION_REQUIRED, Basis.PROCESSOR_STANDS),
            (D.MERCHANT_CONFIGURATION_ERROR, "05", D.MERCHANT_CONFIGURATION_ERROR, Basis.PROCESSOR_STANDS),
        ],
    )
    def test_that_says_more_wins_else_the_stricter(
        self, processor: DeclineCode, network_code: str | None, code: DeclineCode, basis: Basis
    ) -> None:
        verdict = resolve(said(processor, network_code), TODAY)

        assert (verdict.code, verdict.basis) == (code, basis)

    @pytest.mark.parametrize("processor", [code for code in DeclineCode if MEANING[code].category in NEVER_SOFTENED])
    @pytest.mark.parametrize("network_code", sorted(BY_MEANING.values()))
    def test_of_a_suspicion_a_challenge_or_a_configuration_stands(
        self, processor: DeclineCode, network_code: str
    ) -> None:
        assert resolve(said(processor, network_code), TODAY).code is processor

    @pytest.mark.parametrize("specific", [code for code in DeclineCode if code not in GENERIC])
    @pytest.mark.parametrize("generic", ["00", "05", "06", "30", "85", "96"])
    def test_that_is_generic_never_overrides_a_reason(self, specific: DeclineCode, generic: str) -> None:
        assert resolve(said(specific, generic), TODAY).code is specific

    @pytest.mark.parametrize("generic", sorted(GENERIC))
    @pytest.mark.parametrize("specific", sorted(set(BY_MEANING) - GENERIC))
    def test_of_the_network_is_the_reason_where_the_processor_gives_none(
        self, specific: DeclineCode, generic: DeclineCode
    ) -> None:
        assert resolve(said(generic, BY_MEANING[specific]), TODAY).code is specific

    def test_is_read_by_the_cards_network(self) -> None:
        assert resolve(said(network_code="65", network="visa"), TODAY).code is D.LIMIT_EXCEEDED
        assert resolve(said(network_code="65", network="mastercard"), TODAY).code is D.AUTHENTICATION_REQUIRED

    @pytest.mark.parametrize(
        ("advice", "code"), [("01", D.CREDENTIALS_UPDATED), ("04", D.TOKEN_INVALID), ("24", D.DO_NOT_HONOR)]
    )
    def test_comes_from_the_advice_where_all_else_is_generic(self, advice: str, code: DeclineCode) -> None:
        assert resolve(said(D.GENERIC_DECLINE, "05", advice, "mastercard"), TODAY).code is code

    def test_once_decided_is_decided_the_same_again(self) -> None:
        differing = [decline for decline in everything_sayable() if not settles(decline)]

        assert differing == []


class TestFailover:
    @pytest.mark.parametrize("code", list(DeclineCode))
    def test_is_the_codes_column_where_nothing_else_was_said(self, code: DeclineCode) -> None:
        assert resolve(said(code), TODAY).failover is MEANING[code].failover

    def test_for_lack_of_funds_is_a_setting(self) -> None:
        assert not resolve(said(D.INSUFFICIENT_FUNDS, "51"), TODAY).failover
        assert resolve(said(D.INSUFFICIENT_FUNDS, "51"), TODAY, funds_elsewhere=True).failover


class TestPolicy:
    @pytest.mark.parametrize("advice", [None, *MASTERCARD_ADVICE])
    @pytest.mark.parametrize("code", list(DeclineCode))
    def test_is_never_milder(self, code: DeclineCode, advice: str | None) -> None:
        decline = said(code, advice=advice, network="mastercard")
        policy = Policy(
            never=frozenset({D.DO_NOT_HONOR}),
            wait_at_least=dict.fromkeys(DeclineCode, timedelta(hours=30)),
            no_failover=frozenset({D.ISSUER_UNAVAILABLE}),
        )

        ours, theirs = resolve(decline, TODAY), resolve(decline, TODAY, policy)

        assert theirs.code is ours.code
        assert theirs.advice in {ours.advice, Advice.NEVER}
        assert ours.failover or not theirs.failover
        assert theirs.wait is None or (ours.wait is not None and theirs.wait >= max(ours.wait, timedelta(hours=30)))

    def test_may_forbid_another_try(self) -> None:
        verdict = resolve(said(D.DO_NOT_HONOR), TODAY, Policy(never=frozenset({D.DO_NOT_HONOR})))

        assert (verdict.advice, verdict.stop, verdict.failover) == (Advice.NEVER, Stop.POLICY, False)

    def test_may_keep_a_payment_at_its_processor(self) -> None:
        verdict = resolve(said(D.DO_NOT_HONOR), TODAY, Policy(no_failover=frozenset({D.DO_NOT_HONOR})))

        assert (verdict.failover, verdict.kept) == (False, Kept.POLICY)


def test_a_decline_is_resolved_in_microseconds() -> None:
    decline = said(D.GENERIC_DECLINE, "51", "24", "mastercard")

    seconds = min(timeit.repeat(lambda: resolve(decline, TODAY), number=2_000, repeat=20)) / 2_000

    assert seconds < 5e-6


def everything_sayable() -> Iterator[Decline]:
    """Every code with every response, advice and stop, on a card of either network or an unknown one."""
    for network in (None, "visa", "mastercard"):
        for network_code in (None, *(code for _, code in RESPONSES)):
            for advice in (None, "03", "01", "24", "40", "99"):
                for code in DeclineCode:
                    yield said(code, network_code, advice, network)
                yield said(D.DO_NOT_HONOR, network_code, advice, network, stop=True)


def settles(decline: Decline) -> bool:
    return told(resolve(decline, TODAY)) == told(resolve(settled(decline), TODAY))


def told(verdict: Verdict) -> tuple[object, ...]:
    """All but how it came about."""
    return (verdict.code, verdict.category, verdict.advice, verdict.alternatives, verdict.wait, verdict.kept)
