"""What the decoder lets through as a request: a word that it does not know may be an amount that is spelled wrong."""

from typing import Any

import msgspec
import pytest

from hub.payments.asked import CancelRequest, CaptureRequest, ConfirmRequest, PaymentRequest, RefundRequest

CHARGE = {"amount": 1000, "currency": "EUR", "reference": "invoice-1", "payment_method": "pm_1"}
DATA = {"processor": "stripe", "data": {"payment_method": "pm_card_visa"}}
SAVING = CHARGE | {"payment_method": None, "payment_method_data": DATA, "save_payment_method": True}


def read(type_: type[Any], **body: object) -> object:
    return msgspec.json.decode(msgspec.json.encode(body), type=type_)


@pytest.mark.parametrize(
    ("type_", "body"),
    [(CaptureRequest, {}), (RefundRequest, {}), (CancelRequest, {}), (ConfirmRequest, {}), (PaymentRequest, CHARGE)],
)
def test_a_word_that_is_spelled_wrong_is_refused(type_: type[Any], body: dict[str, Any]) -> None:
    read(type_, **body)

    with pytest.raises(msgspec.ValidationError, match="ammount"):
        read(type_, **body, ammount=100)


@pytest.mark.parametrize("type_", [CaptureRequest, RefundRequest, PaymentRequest])
@pytest.mark.parametrize("amount", [0, -1, 10**13, 10.5, "10", True])
def test_an_amount_is_a_whole_number_of_minor_units(type_: type[Any], amount: object) -> None:
    body = CHARGE if type_ is PaymentRequest else {}

    with pytest.raises(msgspec.ValidationError, match="amount"):
        read(type_, **body | {"amount": amount})


@pytest.mark.parametrize("means", [{"payment_method_data": DATA}, {"payment_method": None}])
def test_there_is_one_means_of_payment(means: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError, match="either payment_method or"):
        read(PaymentRequest, **CHARGE | means)


@pytest.mark.parametrize(
    "changes",
    [{}, {"customer": "cus_1", "off_session": True}, {"payment_method": "pm_1", "payment_method_data": None}],
)
def test_a_card_is_kept_for_a_customer_who_is_there_and_enters_it(changes: dict[str, Any]) -> None:
    read(PaymentRequest, **SAVING | {"customer": "cus_1"})

    with pytest.raises(msgspec.ValidationError, match="save_payment_method"):
        read(PaymentRequest, **SAVING | changes)
