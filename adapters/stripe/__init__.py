"""Stripe, through its official SDK; see docs/adapters/stripe.md."""

from adapters.contract import Registration
from adapters.stripe.account import StripeCredentials, capabilities, check
from adapters.stripe.adapter import StripeAdapter
from adapters.stripe.declines import CODES, meaning_of
from adapters.stripe.tokens import reusable
from adapters.transport import Transport


def _connect(credentials: StripeCredentials, transport: Transport, livemode: bool) -> StripeAdapter:  # noqa: FBT001 - the contract's
    return StripeAdapter(credentials, transport, livemode=livemode)


REGISTRATION = Registration(
    processor="stripe",
    credentials=StripeCredentials,
    connect=_connect,
    capabilities=capabilities,
    check=check,
    decline_codes=CODES,
    meaning=meaning_of,
    reusable=reusable,
)
