"""Checkout.com's payments API through its official SDK."""

from typing import Final

from adapters.checkout_com.adapter import CheckoutComAdapter
from adapters.checkout_com.client import PROCESSOR
from adapters.checkout_com.codes import CODES, meaning_of
from adapters.checkout_com.credentials import CheckoutComCredentials, capabilities, check
from adapters.checkout_com.tokens import reusable
from adapters.contract import Adapter, Registration
from adapters.transport import Transport


def connect(credentials: CheckoutComCredentials, transport: Transport, livemode: bool) -> Adapter:  # noqa: FBT001 - the contract's own signature
    """Make the adapter of one processing channel."""
    return CheckoutComAdapter(credentials, transport, livemode=livemode)


REGISTRATION: Final = Registration(
    processor=PROCESSOR,
    credentials=CheckoutComCredentials,
    connect=connect,
    capabilities=capabilities,
    check=check,
    decline_codes=CODES,
    meaning=meaning_of,
    reusable=reusable,
)
