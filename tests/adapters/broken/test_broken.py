"""The conformance kit catches every adapter that is broken in a way that matters, by the rule that is meant to."""

import asyncio
from pathlib import Path

import pytest
from msgspec.structs import replace

from adapters import adyen, stripe
from adapters.adyen.credentials import AdyenCredentials
from adapters.conformance import CHECKS
from adapters.conformance.harness import SandboxHarness
from adapters.conformance.verdict import NonconformingError
from adapters.contract import Adapter
from adapters.stripe.account import StripeCredentials
from adapters.transport import Transport
from tests.adapters.adyen.harness import AdyenHarness
from tests.adapters.broken import stripe as broken
from tests.adapters.broken.adyen import BelievesTheSecondItem
from tests.adapters.stripe.harness import StripeHarness

BY_NAME = {check.name: check for check in CHECKS}
LOST = "faults/a_lost_answer_is_unknown_and_then_found_out"
CAUGHT_BY = [
    (
        broken.PassesOverUnknownTypes,
        "settlements/an_unknown_type_is_kept",
        "a row that can be read is a line; saw None",
    ),
    (
        broken.TakesSilenceForARefusal,
        f"{LOST}[silent_after-purchase]",
        "the purchase that meets silent_after is OutcomeUnknownError; saw Report",
    ),
    (
        broken.TakesSilenceForARefusal,
        f"{LOST}[silent_before-authorize]",
        "the authorize that meets silent_before is OutcomeUnknownError; saw Report",
    ),
    (
        broken.TakesAServerErrorForNotSent,
        f"{LOST}[error_500_after-purchase]",
        "is OutcomeUnknownError; saw NotSentError",
    ),
    (
        broken.TakesAServerErrorForNotSent,
        "consequences/what_cannot_be_understood_is_unknown[500_empty]",
        "answered by 500_empty is OutcomeUnknownError; saw NotSentError",
    ),
    (
        broken.RepeatsTheAmountThatWasAskedFor,
        "answers/another_amount_is_reported_as_it_was_told[purchase]",
        "the report gives another amount",
    ),
    (
        broken.RepeatsTheAmountThatWasAskedFor,
        "answers/another_currency_is_reported_as_it_was_told[authorize]",
        "the report gives another currency",
    ),
    (
        broken.CountsKronurAsIsoDoes,
        "currencies/every_currency_is_charged_to_the_digit[0]",
        "the book has 123000 ISK, counted as 12300000",
    ),
    (
        broken.TakesAnUnknownStatusForARefusal,
        "answers/a_status_nobody_has_heard_of_is_unknown[purchase]",
        "of unknown status is OutcomeUnknownError; saw Report",
    ),
    (
        broken.MakesAKeyForEverySending,
        "replays/the_same_request_twice_moves_money_once[purchase]",
        "about the same object",
    ),
    (
        broken.MakesAKeyForEverySending,
        "replays/a_request_that_is_sent_over_again_keeps_its_key[refund]",
        "carries the same key",
    ),
    (
        broken.BelievesEveryWebhook,
        "webhooks/a_message_that_was_changed_is_rejected[another_amount]",
        "a webhook with another_amount than was signed is rejected",
    ),
    (
        broken.BelievesEveryWebhook,
        "webhooks/a_message_without_its_signature_is_rejected",
        "an unsigned webhook is rejected",
    ),
    (
        broken.BelievesOldWebhooks,
        "webhooks/a_message_from_long_ago_is_rejected",
        "a webhook signed an hour ago is rejected",
    ),
    (
        broken.BelievesTheOtherMode,
        "webhooks/a_message_of_the_other_mode_is_rejected",
        "a webhook of test mode at a live account is rejected",
    ),
    (
        broken.CallsAnAcceptedRefundDone,
        "operations/a_refund_that_is_only_accepted_is_pending",
        "not yet done is pending; saw Report",
    ),
    (broken.QuotesItsKey, "consequences/an_error_repeats_nothing_secret[500]", "no log, error or repr holds a secret"),
    (
        broken.CapturesForGood,
        "operations/the_rest_is_not_given_back_against_the_callers_wish",
        "it is declined; saw Report",
    ),
    (
        broken.TakesAFailedInquiryForNotFound,
        "faults/an_inquiry_that_fails_says_nothing[silent_before]",
        "is OutcomeUnknownError",
    ),
    (
        broken.TakesAFailedQuestionForNothing,
        "refetching/a_question_that_fails_is_no_answer[error_500_before]",
        "a question that meets error_500_before is an error",
    ),
    (
        broken.AnswersAsItDidBefore,
        "refetching/an_old_message_is_answered_by_how_things_stand_now",
        "asked later it is done",
    ),
    (
        broken.TellsOnlyTheLatest,
        "refetching/one_question_answers_every_message_of_its_name",
        "the answer tells what a message of its name told",
    ),
    (
        broken.ListsUnderKeysOfItsOwn,
        "refetching/what_did_not_arrive_is_listed_as_it_would_have_come",
        "listed under its own key",
    ),
    (
        broken.TakesAFailedListForAnEmptyOne,
        "refetching/a_list_that_cannot_be_understood_is_no_empty_list[200_object]",
        "a list answered by 200_object is an error",
    ),
]


def at_stripe(adapter: type[broken.Broken]) -> SandboxHarness:
    def connect(credentials: StripeCredentials, transport: Transport, livemode: bool) -> Adapter:  # noqa: FBT001 - the contract's
        return adapter(credentials, transport, livemode=livemode)

    harness = StripeHarness()
    harness.registration = replace(stripe.REGISTRATION, connect=connect)
    return harness


def at_adyen() -> SandboxHarness:
    def connect(credentials: AdyenCredentials, transport: Transport, livemode: bool) -> Adapter:  # noqa: FBT001 - the contract's
        return BelievesTheSecondItem(credentials, transport, livemode=livemode)

    harness = AdyenHarness()
    harness.registration = replace(adyen.REGISTRATION, connect=connect)
    return harness


@pytest.mark.parametrize(("adapter", "rule", "says"), CAUGHT_BY)
def test_a_broken_adapter_is_caught_by_the_rule_that_is_meant_to(
    adapter: type[broken.Broken], rule: str, says: str, tmp_path: Path
) -> None:
    with pytest.raises(NonconformingError, match=says):
        asyncio.run(BY_NAME[rule].run(at_stripe(adapter), tmp_path))


def test_an_adapter_that_believes_the_second_item_of_a_batch_is_caught(tmp_path: Path) -> None:
    with pytest.raises(NonconformingError, match="a batch with a forged second item is rejected"):
        asyncio.run(BY_NAME["webhooks/every_item_of_a_batch_is_verified"].run(at_adyen(), tmp_path))


@pytest.mark.parametrize("rule", sorted({rule for _, rule, _ in CAUGHT_BY}))
def test_the_same_rules_pass_an_adapter_that_differs_in_nothing(rule: str, tmp_path: Path) -> None:
    asyncio.run(BY_NAME[rule].run(at_stripe(broken.Broken), tmp_path))


def test_the_adapter_is_broken_in_more_than_ten_ways() -> None:
    assert len({adapter for adapter, *_ in CAUGHT_BY}) > 10
