"""What Adyen's events say of a dispute: how far it is, whose turn it is, what money moved."""

from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.adyen.adapter import AdyenAdapter
from adapters.adyen.dispute_reasons import REASONS, reason_of
from adapters.adyen.disputes import WORDS
from normalization.disputes import DisputeReason, DisputeReport, DisputeStatus, FundsMovement, Stage
from normalization.money import Currency, InexactAmountError, Money
from tests.adapters.adyen.notified import Item, item, opened, signed, told_by

TEN_EUROS = Money(1000, Currency.EUR)


def dispute(code: str, *, told: dict[str, Any] | None = None, **facts: object) -> Item:
    where = {"pspReference": "DISPUTE1", "originalReference": "PSP1", **facts}
    return signed(item(code, **where, **({} if told is None else {"additionalData": told})))


def read(adapter: AdyenAdapter, sent: Item) -> DisputeReport:
    (report,) = told_by(adapter, sent)
    assert isinstance(report, DisputeReport)
    return report


@pytest.mark.parametrize(
    ("code", "stage", "status"),
    [
        ("REQUEST_FOR_INFORMATION", "inquiry", "needs_response"),
        ("NOTIFICATION_OF_CHARGEBACK", "chargeback", "needs_response"),
        ("CHARGEBACK", "chargeback", "needs_response"),
        ("INFORMATION_SUPPLIED", "chargeback", "under_review"),
        ("CHARGEBACK_REVERSED", "chargeback", "under_review"),
        ("ISSUER_RESPONSE_TIMEFRAME_EXPIRED", "chargeback", "won"),
        ("DISPUTE_DEFENSE_PERIOD_ENDED", "chargeback", "lost"),
        ("SECOND_CHARGEBACK", "arbitration", "lost"),
        ("PREARBITRATION_OPEN", "arbitration", "needs_response"),
        ("PREARBITRATION_ACCEPTED", "arbitration", "under_review"),
        ("PREARBITRATION_DECLINED", "arbitration", "under_review"),
        ("PREARBITRATION_ISSUER_WITHDRAWN", "arbitration", "won"),
        ("PREARBITRATION_WON", "arbitration", "won"),
        ("PREARBITRATION_LOST", "arbitration", "lost"),
        ("SCHEME_ARBITRATION", "arbitration", "under_review"),
        ("SCHEME_ARBITRATION_WON", "arbitration", "won"),
        ("SCHEME_ARBITRATION_LOST", "arbitration", "lost"),
    ],
)
def test_an_event_says_how_far_the_dispute_is(adapter: AdyenAdapter, code: str, stage: str, status: str) -> None:
    report = read(adapter, dispute(code))
    assert (report.stage, report.status) == (stage, status)
    assert (report.processor_reference, report.parent_reference, report.tag) == ("DISPUTE1", "PSP1", "att_1")
    assert (report.money, report.livemode, report.raw_status) == (TEN_EUROS, False, code)
    assert report.accepted is (code == "DISPUTE_DEFENSE_PERIOD_ENDED")


def test_an_inquiry_whose_time_is_over_is_closed_and_nothing_is_lost(adapter: AdyenAdapter) -> None:
    told = {"rfiReasonCode": "75", "rfiSchemeCode": "visa", "disputeStatus": "Expired"}
    report = read(adapter, dispute("DISPUTE_DEFENSE_PERIOD_ENDED", told=told))
    assert (report.stage, report.status, report.accepted) == ("inquiry", "closed", False)


@pytest.mark.parametrize("code", sorted(WORDS))
def test_money_moves_by_the_three_events_that_settlement_books(adapter: AdyenAdapter, code: str) -> None:
    moving = {"CHARGEBACK": False, "CHARGEBACK_REVERSED": True, "SECOND_CHARGEBACK": False}
    movements = read(adapter, dispute(code)).movements
    if code not in moving:
        assert movements == ()
        return
    assert movements == (FundsMovement(key=f"DISPUTE1:{code}", money=TEN_EUROS, reinstated=moving[code]),)


def test_a_redelivery_is_the_same_movement_and_another_event_is_another(adapter: AdyenAdapter) -> None:
    sent = [
        dispute("CHARGEBACK"),
        dispute("CHARGEBACK", told={"disputeStatus": "Undefended"}, eventDate="2026-11-23T08:00:00Z"),
        dispute("CHARGEBACK_REVERSED"),
        dispute("SECOND_CHARGEBACK"),
        dispute("CHARGEBACK", pspReference="DISPUTE2"),
    ]
    keys = [read(adapter, one).movements[0].key for one in sent]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 4


def test_the_money_of_a_movement_is_the_signed_one_in_iso_units(adapter: AdyenAdapter) -> None:
    kronur = dispute("CHARGEBACK", amount={"value": 500, "currency": "ISK"}, told={"grossValue": "99999"})
    assert read(adapter, kronur).movements[0].money == Money(5, Currency.ISK)
    nothing = dispute("CHARGEBACK", amount={"value": 0, "currency": "EUR"})
    assert read(adapter, nothing).movements == ()


@pytest.mark.parametrize(
    "amount", [{"value": -1000, "currency": "EUR"}, {"value": 501, "currency": "ISK"}, {"value": 1, "currency": "???"}]
)
def test_money_that_moved_and_cannot_be_read_is_for_a_human(adapter: AdyenAdapter, amount: dict[str, object]) -> None:
    (delivery,) = opened(adapter, dispute("CHARGEBACK", amount=amount))
    with pytest.raises((ValueError, InexactAmountError)):
        adapter.read_delivery(delivery)


@pytest.mark.parametrize(
    ("code", "told", "status"),
    [
        ("NOTIFICATION_OF_CHARGEBACK", {"autoDefended": "true"}, "under_review"),
        ("NOTIFICATION_OF_CHARGEBACK", {"autoDefended": "false"}, "needs_response"),
        ("CHARGEBACK", {"disputeStatus": "Pending"}, "under_review"),
        ("CHARGEBACK", {"disputeStatus": "Undefended"}, "needs_response"),
        ("REQUEST_FOR_INFORMATION", {"disputeStatus": "Responded"}, "under_review"),
        ("INFORMATION_SUPPLIED", {"disputeStatus": "Undefended"}, "needs_response"),
    ],
)
def test_whose_turn_it_is_may_be_told_unsigned(
    adapter: AdyenAdapter, code: str, told: dict[str, str], status: str
) -> None:
    assert read(adapter, dispute(code, told=told)).status == status


@pytest.mark.parametrize("word", ["Won", "Lost", "Accepted", "Expired", "Pending", "Unresponded", "Undefended", "?"])
@pytest.mark.parametrize("code", sorted(WORDS))
def test_nothing_unsigned_decides_a_dispute_or_moves_money(adapter: AdyenAdapter, code: str, word: str) -> None:
    plain = read(adapter, dispute(code))
    told = {"disputeStatus": word, "autoDefended": "true", "grossValue": "1", "defendable": "false"}
    hinted = read(adapter, dispute(code, told=told, reason="Lost", paymentMethod="mc"))
    decided = {DisputeStatus.WON, DisputeStatus.LOST, DisputeStatus.CLOSED}
    assert (hinted.money, hinted.movements, hinted.accepted) == (plain.money, plain.movements, plain.accepted)
    assert hinted.stage is plain.stage
    assert (hinted.status in decided) == (plain.status in decided)
    if plain.status in decided:
        assert hinted.status is plain.status


def test_an_answer_to_an_inquiry_is_told_apart_by_the_inquiry_s_codes(adapter: AdyenAdapter) -> None:
    told = {"rfiReasonCode": "155", "rfiSchemeCode": "amex"}
    report = read(adapter, dispute("INFORMATION_SUPPLIED", told=told))
    assert (report.stage, report.status) == (Stage.INQUIRY, DisputeStatus.UNDER_REVIEW)
    assert report.reason is DisputeReason.PRODUCT_NOT_RECEIVED


@pytest.mark.parametrize(
    "code", ["CHARGEBACK_REVERSED", "SECOND_CHARGEBACK", "PREARBITRATION_WON", "PREARBITRATION_LOST"]
)
def test_an_event_that_names_one_thing_only_names_the_payment_by_it(adapter: AdyenAdapter, code: str) -> None:
    report = read(adapter, dispute(code, pspReference="PSP1", originalReference=""))
    assert (report.processor_reference, report.parent_reference) == ("PSP1", "PSP1")
    (delivery,) = opened(adapter, dispute(code, pspReference="PSP1", originalReference=""))
    assert delivery.subject == opened(adapter, dispute("CHARGEBACK"))[0].subject


@pytest.mark.parametrize(
    ("reference", "tag"),
    [("att_1", "att_1"), ("att_1:capture", "att_1"), ("cap_1", None), ("invoice-7", None), ("", None)],
)
def test_the_attempt_is_known_by_our_own_id_only(adapter: AdyenAdapter, reference: str, tag: str | None) -> None:
    assert read(adapter, dispute("CHARGEBACK", merchantReference=reference)).tag == tag


@pytest.mark.parametrize(
    ("told", "due"),
    [
        ("2026-12-24T03:03:07+02:00", datetime(2026, 12, 24, 1, 3, 7, tzinfo=UTC)),
        ("2026-12-24T03:03:07", None),
        ("soon", None),
        ("9999-12-31T23:59:59-12:00", None),
        (7, None),
        (None, None),
    ],
)
def test_the_time_to_answer_is_told_in_utc(adapter: AdyenAdapter, told: object, due: datetime | None) -> None:
    report = read(adapter, dispute("CHARGEBACK", told={"defensePeriodEndsAt": told}))
    assert report.evidence_due_at == due


@pytest.mark.parametrize(("told", "defendable"), [("true", True), ("false", False), ("perhaps", None), (True, None)])
def test_whether_it_can_be_defended_is_information(
    adapter: AdyenAdapter, told: object, *, defendable: bool | None
) -> None:
    assert read(adapter, dispute("CHARGEBACK", told={"defendable": told})).defendable is defendable


@pytest.mark.parametrize(
    ("code", "network", "reason"),
    [
        ("10.4", "visa", DisputeReason.FRAUDULENT),
        ("12.6.1", "visa", DisputeReason.DUPLICATE),
        ("13.2", "visa", DisputeReason.SUBSCRIPTION_CANCELED),
        (" 4837", "mc", DisputeReason.FRAUDULENT),
        (" 4853", "mc", DisputeReason.GENERAL),
        ("4863", "maestro", DisputeReason.UNRECOGNIZED),
        ("C08", "amex", DisputeReason.PRODUCT_NOT_RECEIVED),
        ("10.4", "mc", DisputeReason.GENERAL),
        ("502", "jcb", DisputeReason.GENERAL),
    ],
)
def test_a_reason_is_read_by_its_network_and_kept_as_told(
    adapter: AdyenAdapter, code: str, network: str, reason: DisputeReason
) -> None:
    told = {"chargebackReasonCode": code, "chargebackSchemeCode": network}
    report = read(adapter, dispute("CHARGEBACK", told=told))
    assert (report.reason, report.processor_reason, report.network_reason) == (reason, code, code.strip())


def test_without_a_code_the_reason_is_general(adapter: AdyenAdapter) -> None:
    report = read(adapter, dispute("CHARGEBACK", told={"chargebackReasonCode": ["10.4"]}))
    assert (report.reason, report.processor_reason, report.network_reason) == (DisputeReason.GENERAL, None, None)


def test_every_class_of_reason_is_in_the_tables() -> None:
    found = {reason_of(network, code) for network, table in REASONS.items() for code in table}
    assert found == set(DisputeReason)
