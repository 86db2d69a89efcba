"""Adyen's Checkout API v72 through its official SDK."""

from typing import Final

from adapters.adyen.adapter import AdyenAdapter
from adapters.adyen.client import PROCESSOR
from adapters.adyen.codes import CODES, meaning_of
from adapters.adyen.credentials import AdyenCredentials, capabilities, check
from adapters.contract import Adapter, Registration
from adapters.transport import Transport


def connect(credentials: AdyenCredentials, transport: Transport, livemode: bool) -> Adapter:  # noqa: FBT001 - the contract's own signature
    """Make the adapter of one merchant account."""
    return AdyenAdapter(credentials, transport, livemode=livemode)


REGISTRATION: Final = Registration(
    processor=PROCESSOR,
    credentials=AdyenCredentials,
    connect=connect,
    capabilities=capabilities,
    check=check,
    decline_codes=CODES,
    meaning=meaning_of,
)
