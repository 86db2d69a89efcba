from collections.abc import Callable

import pytest

from adapters.adyen.adapter import AdyenAdapter
from adapters.contract import Complete
from normalization.declines import DeclineCode
from normalization.outcome import ActionRequired, Approved, Declined, Pending
from tests.adapters.adyen.asked import purchase
from tests.adapters.adyen.scripted import ScriptedAdyen, paid, received, refused

FORM = {
    "type": "redirect",
    "method": "POST",
    "url": "https://bank.example/acs",
    "data": {"MD": "md1", "PaReq": "req", "TermUrl": "https://shop.example/return"},
    "paymentData": "kept-by-us",
}


async def begun(adyen: ScriptedAdyen, adapter: AdyenAdapter, **action: object) -> ActionRequired:
    adyen.will_answer(paid("RedirectShopper", action={**FORM, **action}))
    outcome = (await adapter.authorize(purchase())).outcome
    assert isinstance(outcome, ActionRequired)
    return outcome


async def test_a_form_is_posted_with_its_fields(adyen: ScriptedAdyen, adapter: AdyenAdapter) -> None:
    outcome = await begun(adyen, adapter)
    assert (outcome.method, outcome.url) == ("POST", "https://bank.example/acs")
    assert outcome.fields == FORM["data"]


@pytest.mark.parametrize(
    ("returned", "details"),
    [
        ({"redirectResult": "abc", "s": "secret"}, {"redirectResult": "abc"}),
        ({"MD": "md1", "PaRes": "res"}, {"MD": "md1", "PaRes": "res"}),
        ({"payload": "p"}, {"payload": "p"}),
    ],
)
async def test_what_the_payer_brings_back_completes_the_payment(
    adyen: ScriptedAdyen, adapter: AdyenAdapter, returned: dict[str, str], details: dict[str, str]
) -> None:
    outcome = await begun(adyen, adapter)
    adyen.will_answer(paid(merchantReference="att_1"))
    completed = Complete(request=purchase(), continuation=outcome.continuation, returned=returned)
    report = await adapter.complete(completed)
    sent = adyen.sent[-1]
    assert (sent.path, sent.key) == ("/v72/payments/details", "att_1:details")
    assert sent.body == {"details": details, "paymentData": "kept-by-us"}
    assert (report.outcome, report.tag) == (Approved(), "att_1")


@pytest.mark.parametrize("returned", [{}, {"s": "secret"}, {"MD": "alone"}])
async def test_without_a_result_the_payer_is_sent_again_and_adyen_is_not_asked(
    adyen: ScriptedAdyen, adapter: AdyenAdapter, returned: dict[str, str]
) -> None:
    outcome = await begun(adyen, adapter)
    completed = Complete(request=purchase(), continuation=outcome.continuation, returned=returned)
    report = await adapter.complete(completed)
    assert (report.outcome, report.processor_reference) == (outcome, "PSP1")
    assert len(adyen.sent) == 1


async def test_a_failed_challenge_is_a_decline(adyen: ScriptedAdyen, adapter: AdyenAdapter) -> None:
    outcome = await begun(adyen, adapter)
    adyen.will_answer(paid("Refused", refusalReasonCode="11", refusalReason="3D Not Authenticated"))
    completed = Complete(request=purchase(), continuation=outcome.continuation, returned={"redirectResult": "abc"})
    report = await adapter.complete(completed)
    assert isinstance(report.outcome, Declined)
    assert report.outcome.decline.code is DeclineCode.AUTHENTICATION_FAILED


async def test_a_result_that_adyen_does_not_know_is_a_decline(adyen: ScriptedAdyen, adapter: AdyenAdapter) -> None:
    outcome = await begun(adyen, adapter)
    adyen.will_answer(refused(422, "14_0430"))
    completed = Complete(request=purchase(), continuation=outcome.continuation, returned={"redirectResult": "forged"})
    assert isinstance((await adapter.complete(completed)).outcome, Declined)


async def test_a_purchase_completed_on_a_manual_account_is_captured_by_us(
    adyen: ScriptedAdyen, connect: Callable[..., AdyenAdapter]
) -> None:
    adapter = connect(capture="manual")
    outcome = await begun(adyen, adapter)
    adyen.will_answer(paid(), received())
    completed = Complete(request=purchase(), continuation=outcome.continuation, returned={"redirectResult": "abc"})
    report = await adapter.complete(completed)
    assert (adyen.sent[-1].key, report.outcome) == ("att_1:capture", Pending())
