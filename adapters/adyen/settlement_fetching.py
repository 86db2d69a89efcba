"""Settlement reports, fetched from where REPORT_AVAILABLE says that they lie.

Source: https://docs.adyen.com/reporting/automatically-get-reports
"""

from base64 import b64encode
from collections.abc import AsyncIterator
from typing import Final
from urllib.parse import urlsplit

from adapters.adyen.client import PROCESSOR
from adapters.adyen.credentials import AdyenCredentials
from adapters.contract import SettlementNotice
from adapters.errors import ConfigurationError
from adapters.transport import Transport

HOSTS: Final = {True: "ca-live.adyen.com", False: "ca-test.adyen.com"}
"""Where reports lie, by whether it is live mode."""


def download(
    notice: SettlementNotice, credentials: AdyenCredentials, transport: Transport, *, livemode: bool
) -> AsyncIterator[bytes]:
    """Fetch the report that a notice points to; the address in it is not signed.

    Raises:
        ConfigurationError: when it points to a host that is not Adyen's, or the account may fetch no reports.
        OutcomeUnknownError: when it did not come whole.
    """
    if notice.location is None:
        raise ConfigurationError(PROCESSOR, "this notice tells of no report that could be fetched")
    base_url = None if livemode else credentials.base_url
    _own_host(notice.location, base_url or f"https://{HOSTS[livemode]}")
    return transport.fetch_file(PROCESSOR, notice.location, _authorization(credentials))


def _authorization(credentials: AdyenCredentials) -> dict[str, str]:
    """Prefer the report user's API key to its password."""
    if credentials.report_api_key is not None:
        return {"x-api-key": credentials.report_api_key}
    if credentials.report_user is None or credentials.report_password is None:
        told = "reports cannot be fetched without report_api_key, or report_user and report_password"
        raise ConfigurationError(PROCESSOR, f"{told}; set them in the account's credentials")
    pair = b64encode(f"{credentials.report_user}:{credentials.report_password}".encode()).decode()
    return {"Authorization": f"Basic {pair}"}


def _own_host(location: str, own_url: str) -> None:
    """Insist that a report lies at Adyen, or at the server that stands for it.

    Raises:
        ConfigurationError: when it does not: a password would go there.
    """
    try:
        told, own = urlsplit(location), urlsplit(own_url)
        same = (told.scheme, told.hostname, told.port) == (own.scheme, own.hostname, own.port)
        plain = told.username is None and told.password is None
    except ValueError:
        same = plain = False
    if not same or not plain:
        raise ConfigurationError(PROCESSOR, "the report is said to lie at a host that is not Adyen's; not fetched")
