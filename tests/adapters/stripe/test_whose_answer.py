"""What Stripe says of another operation than the one that was asked about is no outcome of this one."""

import pytest

from adapters.contract import FollowUp
from adapters.errors import OutcomeUnknownError
from adapters.stripe.adapter import StripeAdapter
from tests.adapters.stripe.asking import capture, purchase, refund, void
from tests.adapters.stripe.pretend import Pretend, intent, says
from tests.adapters.stripe.pretend import refund as stripe_refund

ANOTHERS = {"hub_operation": "att_0"}


async def test_a_charge_is_not_approved_by_anothers_approval(adapter: StripeAdapter, stripe: Pretend) -> None:
    stripe.will(says(200, intent(metadata=ANOTHERS)))

    with pytest.raises(OutcomeUnknownError, match="another"):
        await adapter.authorize(purchase())


@pytest.mark.parametrize("told", [intent(metadata=ANOTHERS), intent(id="pi_2")])
async def test_a_look_by_stripes_id_finds_this_charge_or_nothing(
    told: dict[str, object], adapter: StripeAdapter, stripe: Pretend
) -> None:
    stripe.will(says(200, told))

    with pytest.raises(OutcomeUnknownError, match="another"):
        await adapter.inquire(purchase(processor_reference="pi_1"))


async def test_a_refund_is_not_made_by_anothers_refund(adapter: StripeAdapter, stripe: Pretend) -> None:
    stripe.will(says(200, stripe_refund(metadata={"hub_operation": "ref_0"})))

    with pytest.raises(OutcomeUnknownError, match="another"):
        await adapter.follow_up(refund())


@pytest.mark.parametrize("request_", [capture(), void()], ids=["capture", "void"])
async def test_a_follow_up_is_not_done_by_what_was_done_to_another_payment(
    request_: FollowUp, adapter: StripeAdapter, stripe: Pretend
) -> None:
    stripe.will(says(200, intent(id="pi_2", capture_method="manual")))

    with pytest.raises(OutcomeUnknownError, match="another"):
        await adapter.follow_up(request_)
