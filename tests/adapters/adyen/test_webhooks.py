import base64
import json
from collections.abc import Callable

import pytest
from Adyen.util import is_valid_hmac_notification

from adapters.adyen.adapter import AdyenAdapter
from adapters.contract import TokenNews
from adapters.errors import UnclearDeliveryError, WebhookRejectedError
from normalization.declines import DeclineCode
from normalization.money import Currency, InexactAmountError, Money
from normalization.outcome import Approved, Declined, Operation, Reversed
from tests.adapters.adyen.conftest import HMAC_KEY
from tests.adapters.adyen.notified import OTHER_KEY, Item, envelope, item, opened, signed, webhook
from tests.adapters.reading import reports_of


def test_a_signed_item_becomes_a_delivery(adapter: AdyenAdapter) -> None:
    (delivery,) = opened(adapter, signed(item()))
    assert (delivery.key, delivery.subject) == ("PSP1:AUTHORISATION:true:", "PSP1")
    assert (delivery.account, delivery.livemode) == ("Shop", False)


def test_a_modification_is_about_its_payment(adapter: AdyenAdapter) -> None:
    told = signed(item("CAPTURE", pspReference="MOD1", originalReference="PSP1", merchantReference="cap_1"))
    (delivery,) = opened(adapter, told)
    assert (delivery.key, delivery.subject) == ("MOD1:CAPTURE:true:PSP1", "PSP1")


def test_adyen_s_own_published_vector_verifies(connect: Callable[..., AdyenAdapter]) -> None:
    told = {
        "pspReference": "7914073381342284",
        "merchantReference": "TestPayment-1407325143704",
        "merchantAccountCode": "TestMerchant",
        "amount": {"currency": "EUR", "value": 1130},
        "eventCode": "AUTHORISATION",
        "success": "true",
        "additionalData": {"hmacSignature": "coqCmt/IZ4E3CzPvMY8zTjQVL5hYJUiBRg8UU+iCWo0="},
    }
    assert len(opened(connect(merchant_account="TestMerchant"), told)) == 1


def test_names_beyond_ascii_and_separators_verify(connect: Callable[..., AdyenAdapter]) -> None:
    adapter = connect(merchant_account="Geschäft:1\\2")
    told = signed(item(merchantAccountCode="Geschäft:1\\2", merchantReference="Größe:ü"))
    assert len(opened(adapter, told)) == 1


def test_a_forged_second_item_spoils_the_batch_although_the_sdk_would_take_it(adapter: AdyenAdapter) -> None:
    forged = {**signed(item()), "pspReference": "PSP2"}
    body = envelope(signed(item()), forged)
    assert is_valid_hmac_notification(json.loads(body), HMAC_KEY)
    with pytest.raises(WebhookRejectedError):
        adapter.open_webhook(webhook(body))


def test_every_item_of_a_batch_is_delivered(adapter: AdyenAdapter) -> None:
    deliveries = opened(adapter, signed(item()), signed(item(pspReference="PSP2")))
    assert [delivery.subject for delivery in deliveries] == ["PSP1", "PSP2"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("pspReference", "PSP2"),
        ("originalReference", "PSP0"),
        ("merchantReference", "att_2"),
        ("amount", {"value": 1, "currency": "EUR"}),
        ("amount", {"value": 1000, "currency": "USD"}),
        ("eventCode", "REFUND"),
        ("success", "false"),
    ],
)
def test_a_changed_signed_field_is_rejected(adapter: AdyenAdapter, field: str, value: object) -> None:
    with pytest.raises(WebhookRejectedError):
        opened(adapter, {**signed(item()), field: value})


@pytest.mark.parametrize(
    "told",
    [
        item(),
        item(additionalData=None),
        item(additionalData={}),
        item(additionalData={"hmacSignature": None}),
        item(additionalData={"hmacSignature": 7}),
        item(additionalData={"hmacSignature": ""}),
        item(additionalData={"hmacSignature": "sïgnature"}),
        item(additionalData=["hmacSignature"]),
        {**signed(item()), "success": True},
        signed(item(), OTHER_KEY),
    ],
)
def test_an_item_without_a_good_signature_is_rejected(adapter: AdyenAdapter, told: Item) -> None:
    with pytest.raises(WebhookRejectedError):
        opened(adapter, told)


def test_signed_fields_cannot_be_divided_otherwise(adapter: AdyenAdapter) -> None:
    moved = item(pspReference="MOD1:PSP1", originalReference=None, merchantReference="cap_1")
    with pytest.raises(WebhookRejectedError):
        opened(adapter, signed(moved))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"\xff",
        b"[" * 100_000,
        b'{"live":"false"}',
        envelope(),
        envelope(signed(item()), live="true"),
        envelope(signed(item()), live=False),
        envelope(signed(item(merchantAccountCode="OtherShop"))),
        envelope(*[signed(item())] * 101),
    ],
)
def test_what_is_no_notification_for_this_account_is_rejected(adapter: AdyenAdapter, body: bytes) -> None:
    with pytest.raises(WebhookRejectedError):
        adapter.open_webhook(webhook(body))


def test_the_previous_key_is_good_while_keys_rotate(connect: Callable[..., AdyenAdapter]) -> None:
    rotating = connect(webhook_secret=OTHER_KEY, webhook_secret_previous=HMAC_KEY)
    assert len(opened(rotating, signed(item()), signed(item(), OTHER_KEY))) == 2


@pytest.mark.parametrize("secret", [None, "", "abc", "no hexadecimal digits"])
def test_without_a_key_nothing_verifies(connect: Callable[..., AdyenAdapter], secret: str | None) -> None:
    for key in (HMAC_KEY, ""):
        with pytest.raises(WebhookRejectedError):
            opened(connect(webhook_secret=secret), signed(item(), key))


def test_user_and_password_are_checked_where_they_are_set(connect: Callable[..., AdyenAdapter]) -> None:
    guarded = connect(webhook_user="adyen", webhook_password="pässword")
    body = envelope(signed(item()))
    right = "Basic " + base64.b64encode("adyen:pässword".encode()).decode()
    assert len(guarded.open_webhook(webhook(body, authorization=right))) == 1
    for headers in ({}, {"authorization": "Basic YQ=="}, {"authorization": "Basic ü"}):
        with pytest.raises(WebhookRejectedError):
            guarded.open_webhook(webhook(body, **headers))


@pytest.mark.parametrize(
    ("code", "reference", "kind", "tag"),
    [
        ("CAPTURE", "cap_1", Operation.CAPTURE, "cap_1"),
        ("CANCELLATION", "can_1", Operation.VOID, "can_1"),
        ("CANCELLATION", "att_1:cancel", Operation.VOID, "att_1"),
        ("TECHNICAL_CANCEL", "can_1", Operation.VOID, "can_1"),
        ("TECHNICAL_CANCEL", "att_1:cancel", Operation.VOID, "att_1"),
        ("REFUND", "ref_1", Operation.REFUND, "ref_1"),
        ("REFUND", "att_1", Operation.REFUND, None),
        ("REFUND", "made in the dashboard", Operation.REFUND, None),
        ("CAPTURE", "att_1", Operation.CAPTURE, None),
        ("CAPTURE", "att_1:details", Operation.CAPTURE, None),
        ("CANCEL_OR_REFUND", "ref_1", Operation.REFUND, "ref_1"),
        ("CANCEL_OR_REFUND", "can_1", Operation.VOID, "can_1"),
    ],
)
def test_a_modification_s_result_is_read(
    adapter: AdyenAdapter, code: str, reference: str, kind: Operation, tag: str | None
) -> None:
    told = item(code, pspReference="MOD1", originalReference="PSP1", merchantReference=reference)
    (report,) = reports_of(adapter, opened(adapter, signed(told))[0])
    assert (report.kind, report.tag, report.outcome) == (kind, tag, Approved())
    assert (report.processor_reference, report.parent_reference) == ("MOD1", "PSP1")
    assert report.money == Money(1000, Currency.EUR)


@pytest.mark.parametrize(("captures", "kind"), [("automatic", Operation.PURCHASE), ("manual", Operation.AUTHORIZE)])
def test_an_authorisation_is_the_whole_answer_only_where_adyen_captures_by_itself(
    connect: Callable[..., AdyenAdapter], captures: str, kind: Operation
) -> None:
    adapter = connect(capture=captures)
    (report,) = reports_of(adapter, opened(adapter, signed(item()))[0])
    assert (report.kind, report.tag, report.processor_reference) == (kind, "att_1", "PSP1")
    assert (report.outcome, report.parent_reference) == (Approved(), None)


def test_the_capture_that_a_purchase_needed_is_the_purchase_s_result(adapter: AdyenAdapter) -> None:
    told = item("CAPTURE", pspReference="MOD1", originalReference="PSP1", merchantReference="att_1:capture")
    (report,) = reports_of(adapter, opened(adapter, signed(told))[0])
    assert (report.kind, report.tag) == (Operation.PURCHASE, "att_1")
    assert (report.processor_reference, report.parent_reference) == ("PSP1", None)


@pytest.mark.parametrize("named", [{}, {"pspReference": "MOD1", "originalReference": "PSP1"}], ids=["once", "apart"])
def test_an_expiry_is_a_void_that_happened_by_itself(adapter: AdyenAdapter, named: dict[str, str]) -> None:
    (report,) = reports_of(adapter, opened(adapter, signed(item("EXPIRE", **named)))[0])
    assert (report.kind, report.reason, report.parent_reference) == (Operation.VOID, "expired", "PSP1")


@pytest.mark.parametrize("success", ["true", "false"])
def test_a_check_of_a_card_tells_of_no_money(adapter: AdyenAdapter, success: str) -> None:
    told = signed(item(merchantReference="ver_1", amount={"value": 0, "currency": "EUR"}, success=success))
    assert adapter.read_delivery(opened(adapter, told)[0]) == []


@pytest.mark.parametrize(("reference", "tag"), [("att_1", "att_1"), ("null", None), ("", None)])
def test_a_stored_card_without_a_reference_is_told_by_what_stored_it(
    adapter: AdyenAdapter, reference: str, tag: str | None
) -> None:
    told = signed(item("RECURRING_CONTRACT", originalReference="PSP0", merchantReference=reference))
    (news,) = adapter.read_delivery(opened(adapter, told)[0])
    assert isinstance(news, TokenNews)
    assert (news.tag, news.parent_reference, news.token.customer_reference) == (tag, "PSP0", None)


def test_a_refusal_is_explained_by_its_reason(adapter: AdyenAdapter) -> None:
    told = signed(item(success="false", reason="Not enough balance"))
    (report,) = reports_of(adapter, opened(adapter, told)[0])
    assert isinstance(report.outcome, Declined)
    assert report.outcome.decline.code is DeclineCode.INSUFFICIENT_FUNDS


@pytest.mark.parametrize(
    ("method", "code"), [("mc", DeclineCode.AUTHENTICATION_REQUIRED), ("visa", DeclineCode.LIMIT_EXCEEDED)]
)
def test_a_refusal_is_read_by_the_cards_network(adapter: AdyenAdapter, method: str, code: DeclineCode) -> None:
    told = signed(item(success="false", reason="Refused", paymentMethod=method))
    told["additionalData"] = {**told["additionalData"], "refusalReasonRaw": "65 : as the bank told"}
    (report,) = reports_of(adapter, opened(adapter, told)[0])
    assert isinstance(report.outcome, Declined)
    assert report.outcome.decline.code is code


def test_a_capture_that_was_refused_is_a_decline(adapter: AdyenAdapter) -> None:
    told = item("CAPTURE", success="false", merchantReference="cap_1", originalReference="PSP1")
    (report,) = reports_of(adapter, opened(adapter, signed(told))[0])
    assert isinstance(report.outcome, Declined)


@pytest.mark.parametrize(
    ("code", "reference", "kind", "tag"),
    [
        ("CAPTURE_FAILED", "cap_1", Operation.CAPTURE, "cap_1"),
        ("CAPTURE_FAILED", "att_1", Operation.CAPTURE, None),
        ("CAPTURE_FAILED", "att_1:capture", Operation.CAPTURE, None),
        ("REFUND_FAILED", "ref_1", Operation.REFUND, "ref_1"),
        ("REFUNDED_REVERSED", "ref_1", Operation.REFUND, "ref_1"),
    ],
)
def test_a_success_that_is_bad_news_undoes_what_was_done(
    adapter: AdyenAdapter, code: str, reference: str, kind: Operation, tag: str | None
) -> None:
    told = item(code, pspReference="MOD1", originalReference="PSP1", merchantReference=reference)
    (report,) = reports_of(adapter, opened(adapter, signed(told))[0])
    assert (report.kind, report.tag, type(report.outcome)) == (kind, tag, Reversed)
    assert (report.processor_reference, report.parent_reference) == ("MOD1", "PSP1")
    assert report.money == Money(1000, Currency.EUR)


def test_a_failure_that_did_not_happen_is_no_news(adapter: AdyenAdapter) -> None:
    told = item("CAPTURE_FAILED", success="false", originalReference="PSP1", merchantReference="cap_1")
    assert adapter.read_delivery(opened(adapter, signed(told))[0]) == []


@pytest.mark.parametrize("reference", ["cap_1", "att_1", "att_1:capture"])
def test_a_capture_made_again_by_adyen_is_one_of_its_own(adapter: AdyenAdapter, reference: str) -> None:
    told = item("CAPTURE", pspReference="MOD2", originalReference="PSP1", merchantReference=reference)
    told["reason"] = "Transaction Auto-recaptured"
    (report,) = reports_of(adapter, opened(adapter, signed(told))[0])
    assert (report.kind, report.tag, report.reason) == (Operation.CAPTURE, None, "recaptured")
    assert (report.processor_reference, report.parent_reference) == ("MOD2", "PSP1")


@pytest.mark.fault_case(id="SIG-09")
def test_unsigned_fields_change_no_outcome_and_no_money(adapter: AdyenAdapter) -> None:
    told = signed(item("CANCEL_OR_REFUND", merchantReference="elsewhere", originalReference="PSP0"))
    for action in ("cancel", "refund"):
        changed = {**told, "reason": "Refused", "eventDate": "1970-01-01T00:00:00Z", "operations": ["REFUND"]}
        changed["additionalData"] = {**told["additionalData"], "modification.action": action}
        with pytest.raises(UnclearDeliveryError, match="canceled or refunded PSP0, and which of the two"):
            adapter.read_delivery(opened(adapter, changed)[0])


def test_a_cancel_or_refund_that_failed_moved_nothing(adapter: AdyenAdapter) -> None:
    told = signed(item("CANCEL_OR_REFUND", merchantReference="elsewhere", originalReference="PSP0", success="false"))

    assert adapter.read_delivery(opened(adapter, told)[0]) == []


@pytest.mark.parametrize("code", ["AUTHORISATION", "CAPTURE", "REFUND", "CAPTURE_FAILED", "CHARGEBACK"])
def test_what_says_neither_yes_nor_no_is_for_a_human(adapter: AdyenAdapter, code: str) -> None:
    (delivery,) = opened(adapter, signed(item(code, success="perhaps")))
    with pytest.raises(UnclearDeliveryError, match=f"{code} of PSP1 says neither yes nor no"):
        adapter.read_delivery(delivery)


def test_amounts_are_read_in_adyen_s_own_unit(adapter: AdyenAdapter) -> None:
    (report,) = reports_of(adapter, opened(adapter, signed(item(amount={"value": 500, "currency": "ISK"})))[0])
    assert report.money == Money(5, Currency.ISK)


def test_an_amount_that_cannot_be_held_is_for_a_human(adapter: AdyenAdapter) -> None:
    delivery = opened(adapter, signed(item(amount={"value": 501, "currency": "ISK"})))[0]
    with pytest.raises(InexactAmountError):
        adapter.read_delivery(delivery)
