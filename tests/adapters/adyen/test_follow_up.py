from collections.abc import Callable

import pytest

from adapters.adyen.adapter import AdyenAdapter
from adapters.errors import ConfigurationError, OutcomeUnknownError
from normalization.declines import DeclineCode
from normalization.money import Currency, Money
from normalization.outcome import Declined, Operation, Pending
from tests.adapters.adyen.asked import capture, follow_up, purchase
from tests.adapters.adyen.scripted import Answer, ScriptedAdyen, received, refused

AMOUNT = {"value": 1000, "currency": "EUR"}


@pytest.mark.parametrize(
    ("operation", "operation_id", "path", "body"),
    [
        (Operation.CAPTURE, "cap_1", "captures", {"amount": AMOUNT}),
        (Operation.REFUND, "ref_1", "refunds", {"amount": AMOUNT}),
        (Operation.VOID, "can_1", "cancels", {}),
    ],
)
async def test_a_modification_is_accepted_and_told_later(
    adyen: ScriptedAdyen,
    adapter: AdyenAdapter,
    operation: Operation,
    operation_id: str,
    path: str,
    body: dict[str, object],
) -> None:
    adyen.will_answer(received(reference=operation_id))
    report = await adapter.follow_up(follow_up(operation, operation_id))
    (sent,) = adyen.sent
    assert (sent.path, sent.key) == (f"/v72/payments/PSP1/{path}", operation_id)
    assert sent.body == {"merchantAccount": "Shop", "reference": operation_id, **body}
    assert (report.kind, report.tag, report.outcome) == (operation, operation_id, Pending())
    assert (report.processor_reference, report.parent_reference) == ("MOD1", "PSP1")


async def test_a_modification_that_adyen_refuses_is_a_decline(adyen: ScriptedAdyen, adapter: AdyenAdapter) -> None:
    adyen.will_answer(refused(422, "167"))
    report = await adapter.follow_up(capture())
    assert isinstance(report.outcome, Declined)
    assert (report.outcome.decline.processor_code, report.parent_reference) == ("167", "PSP1")


@pytest.mark.parametrize(
    "answer", [received(reference="cap_other"), Answer({"status": "settled", "pspReference": "MOD1"}, 201)]
)
async def test_a_modification_that_is_not_simply_accepted_is_unknown(
    adyen: ScriptedAdyen, adapter: AdyenAdapter, answer: Answer
) -> None:
    adyen.will_answer(answer)
    with pytest.raises(OutcomeUnknownError):
        await adapter.follow_up(capture())


async def test_an_amount_that_adyen_cannot_hold_is_not_captured(adyen: ScriptedAdyen, adapter: AdyenAdapter) -> None:
    report = await adapter.follow_up(capture(money=Money(1, Currency.IDR)))
    assert isinstance(report.outcome, Declined)
    assert report.outcome.decline.code is DeclineCode.INVALID_AMOUNT
    assert adyen.sent == []


async def test_a_capture_keeps_the_rest_only_where_adyen_enabled_several(
    adyen: ScriptedAdyen, connect: Callable[..., AdyenAdapter]
) -> None:
    adyen.will_answer(received())
    report = await connect(multiple_captures=True).follow_up(capture(final=False))
    assert report.outcome == Pending()
    report = await connect().follow_up(capture(final=False))
    assert isinstance(report.outcome, Declined)
    assert report.outcome.decline.processor_code == "hub/final"
    assert len(adyen.sent) == 1


async def test_a_follow_up_cannot_begin_an_attempt(adapter: AdyenAdapter) -> None:
    with pytest.raises(ValueError, match="begins an attempt"):
        await adapter.follow_up(follow_up(Operation.PURCHASE, "att_1"))


async def test_a_payment_is_cancelled_by_our_reference(adyen: ScriptedAdyen, adapter: AdyenAdapter) -> None:
    adyen.will_answer(received(paymentReference="att_1"))
    await adapter.cancel_by_reference(purchase())
    (sent,) = adyen.sent
    assert (sent.path, sent.key) == ("/v72/cancels", "att_1:cancel")
    assert sent.body == {"merchantAccount": "Shop", "paymentReference": "att_1", "reference": "att_1:cancel"}


async def test_a_refused_cancel_by_reference_is_not_passed_over(adyen: ScriptedAdyen, adapter: AdyenAdapter) -> None:
    adyen.will_answer(refused(422, "167"))
    with pytest.raises(ConfigurationError):
        await adapter.cancel_by_reference(purchase())
