"""What an Adyen merchant account is reached with, and what the account can do."""

import re
from datetime import timedelta
from typing import Final, Literal

from adapters.contract import AmountRange, Capabilities, Credentials, Inquiry

MISSING: Final = "must not be empty"
_CLIENT_KEY: Final = re.compile(r"(test|live)_[A-Za-z0-9]{1,250}")
_PREFIX: Final = re.compile(r"[0-9A-Za-z]+-[0-9A-Za-z-]+\Z")


class AdyenCredentials(Credentials, frozen=True, kw_only=True):
    """One merchant account.

    `capture` is how the account itself is set up at Adyen, `multiple_captures` whether Adyen enabled several partial
    captures of one payment. `webhook_secret` is the HMAC key in hexadecimal digits. `live_endpoint_prefix`
    ("1797a841fbb37ca7-Company") is needed in live mode and only there. `client_key` is what Adyen's client-side library
    is started with, for payment sessions, and `client_environment` where it finds Adyen in live mode.
    `send_network_reference`: whether a charge that the payer is absent from tells the network's id of the first one;
    Adyen knows it of cards that were stored at Adyen, and needs it for those that came from elsewhere.
    `token_group`: whether Adyen lets the company's other merchant accounts that the hub has charge cards stored here.
    `report_user` ("report@Company.…") and `report_password`, or `report_api_key`, are what reports are fetched with.
    Source: https://docs.adyen.com/online-payments/build-your-integration#client-side-environment.
    """

    api_key: str
    merchant_account: str
    live_endpoint_prefix: str | None = None
    capture: Literal["automatic", "manual"] = "automatic"
    multiple_captures: bool = False
    client_key: str | None = None
    client_environment: Literal["live", "live-us", "live-au", "live-apse", "live-in"] = "live"
    send_network_reference: bool = False
    token_group: bool = False
    webhook_user: str | None = None
    webhook_password: str | None = None
    report_user: str | None = None
    report_password: str | None = None
    report_api_key: str | None = None


def capabilities(credentials: AdyenCredentials) -> Capabilities:
    """Say what the account can do."""
    return Capabilities(
        currencies=None,
        amounts=AmountRange(),
        # Source: https://docs.adyen.com/online-payments/capture#partial-capture
        partial_capture=True,
        multiple_captures=credentials.multiple_captures,
        # Checkout has no look-up by reference; keys are kept for at least 7 days.
        # Source: https://docs.adyen.com/development-resources/api-idempotency
        inquiry=Inquiry.REPLAY,
        replay_for=timedelta(days=7),
        lookup_grace=timedelta(0),
        # Modifications are told within a day, refunds of some methods within days.
        # Source: https://docs.adyen.com/online-payments/refund#refund-webhook
        pending_max=timedelta(days=7),
        replay_re_answers=True,
        too_many_requests_not_executed=True,
        # A token belongs to the merchant account that stored it, unless Adyen put several into one token group.
        # Source: https://docs.adyen.com/online-payments/tokenization
        shares_tokens=credentials.token_group,
        documentation="https://docs.adyen.com/development-resources/api-idempotency",
    )


def check(credentials: AdyenCredentials, livemode: bool) -> list[tuple[str, str]]:  # noqa: FBT001 - the contract's own signature
    """Name what is wrong with *credentials* as (field, message); keys are not tried out."""
    wrong = [(name, MISSING) for name in ("api_key", "merchant_account") if not getattr(credentials, name).strip()]
    wrong.extend(
        (name, "must be the HMAC key as Adyen shows it: hexadecimal digits, two a byte")
        for name in ("webhook_secret", "webhook_secret_previous")
        if (secret := getattr(credentials, name)) is not None and not is_hmac_key(secret)
    )
    for kind in ("webhook", "report"):
        lacking = [name for name in (f"{kind}_user", f"{kind}_password") if getattr(credentials, name) is None]
        if len(lacking) == 1:
            wrong.append((lacking[0], "must be set together with its counterpart, or both left out"))
    return wrong + _check_mode(credentials, livemode=livemode)


def _check_mode(credentials: AdyenCredentials, *, livemode: bool) -> list[tuple[str, str]]:
    prefix, base_url = credentials.live_endpoint_prefix, credentials.base_url
    wrong = []
    mode = "live" if livemode else "test"
    if credentials.client_key is not None:
        shown = _CLIENT_KEY.fullmatch(credentials.client_key)
        if shown is None or shown[1] != mode:
            wrong.append(("client_key", f"must be the client key of the {mode} account, which begins with {mode}_"))
    if livemode and (prefix is None or not _PREFIX.match(prefix)):
        wrong.append(
            ("live_endpoint_prefix", "is needed in live mode: the part before -checkout-live, as 1797a8-Company")
        )
    if not livemode and prefix is not None:
        wrong.append(("live_endpoint_prefix", "belongs to live mode; leave it out of a test account"))
    if livemode and base_url is not None:
        wrong.append(("base_url", "is for test mode only"))
    if not livemode and base_url is not None and not base_url.startswith(("http://", "https://")):
        wrong.append(("base_url", "must begin with http:// or https://"))
    return wrong


def is_hmac_key(secret: str) -> bool:
    """Whether *secret* can be an HMAC key: whole bytes in hexadecimal digits."""
    return len(secret) % 2 == 0 and re.fullmatch(r"[0-9A-Fa-f]+", secret) is not None
