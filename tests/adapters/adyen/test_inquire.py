from collections.abc import Callable
from datetime import timedelta

import pytest

from adapters.adyen import REGISTRATION
from adapters.adyen.adapter import AdyenAdapter
from adapters.adyen.credentials import AdyenCredentials
from adapters.contract import Authorize, FollowUp, Inquiry, Recurring
from adapters.errors import OutcomeUnknownError
from normalization.outcome import Approved, Operation, Pending
from tests.adapters.adyen.asked import NOON, authorization, capture, follow_up, purchase
from tests.adapters.adyen.scripted import Answer, ScriptedAdyen, paid, received, refused

ONE_TIME = {
    "riskData": {"clientData": "x"},
    "paymentMethod": {"type": "scheme", "encryptedCardNumber": "test_4111"},
    "browserInfo": {"language": "nl", "userAgent": "Mozilla"},
}


@pytest.mark.fault_case(id="IDE-12")
@pytest.mark.parametrize(
    "request_",
    [
        purchase(),
        authorization(),
        purchase(statement_descriptor="ACME", recurring=Recurring.INITIAL),
        purchase(token=None, data=ONE_TIME),
        capture(),
        follow_up(Operation.VOID, "can_1"),
    ],
)
async def test_an_inquiry_sends_the_same_bytes_with_the_same_key(
    adyen: ScriptedAdyen, connect: Callable[..., AdyenAdapter], request_: Authorize | FollowUp
) -> None:
    opening = isinstance(request_, Authorize)
    adyen.will_answer(Answer(b"", 500), paid() if opening else received())
    with pytest.raises(OutcomeUnknownError):
        await (connect().authorize(request_) if isinstance(request_, Authorize) else connect().follow_up(request_))
    report = await connect().inquire(request_)
    assert report is not None
    assert report.outcome == (Approved() if opening else Pending())
    first, again = adyen.sent
    assert (first.path, first.key, first.raw) == (again.path, again.key, again.raw)


@pytest.mark.fault_case(id="IDE-12")
async def test_what_the_hub_learned_in_between_changes_no_byte(adyen: ScriptedAdyen, adapter: AdyenAdapter) -> None:
    adyen.will_answer(paid(), paid())
    await adapter.authorize(purchase())
    await adapter.inquire(purchase(processor_reference="PSP1", requested_at=NOON + timedelta(hours=1)))
    assert adyen.sent[0].raw == adyen.sent[1].raw


async def test_one_time_data_that_is_gone_cannot_be_sent_again(adyen: ScriptedAdyen, adapter: AdyenAdapter) -> None:
    with pytest.raises(OutcomeUnknownError):
        await adapter.inquire(purchase(token=None, data=None))
    assert adyen.sent == []


@pytest.mark.parametrize("status", [401, 429])
async def test_an_inquiry_that_fails_says_nothing_about_the_first_sending(
    adyen: ScriptedAdyen, adapter: AdyenAdapter, status: int
) -> None:
    adyen.will_answer(*[refused(status, "000")] * 3)
    with pytest.raises(OutcomeUnknownError):
        await adapter.inquire(purchase())


async def test_a_purchase_on_a_manual_account_is_inquired_in_both_its_steps(
    adyen: ScriptedAdyen, connect: Callable[..., AdyenAdapter]
) -> None:
    adapter = connect(capture="manual")
    adyen.will_answer(paid(), Answer(b"", 500), paid(), received())
    with pytest.raises(OutcomeUnknownError):
        await adapter.authorize(purchase())
    report = await adapter.inquire(purchase())
    assert report is not None
    assert report.outcome == Pending()
    assert [sent.key for sent in adyen.sent] == ["att_1", "att_1:capture"] * 2


@pytest.mark.parametrize("token_group", [False, True])
def test_the_account_says_whether_others_can_charge_its_tokens(*, token_group: bool) -> None:
    credentials = AdyenCredentials(api_key="k", merchant_account="Shop", token_group=token_group)
    assert REGISTRATION.capabilities(credentials).shares_tokens is token_group


def test_the_account_says_that_an_inquiry_is_a_second_sending() -> None:
    able = REGISTRATION.capabilities(AdyenCredentials(api_key="k", merchant_account="Shop", multiple_captures=True))
    assert (able.inquiry, able.replay_for, able.multiple_captures) == (Inquiry.REPLAY, timedelta(days=7), True)
