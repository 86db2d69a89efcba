"""One merchant account at Stripe: its credentials, what is wrong with them, and what it can do."""

import re
from datetime import timedelta
from typing import Final
from urllib.parse import urlsplit

from adapters.contract import AmountRange, Capabilities, Credentials, Inquiry
from adapters.stripe.currencies import AMOUNT_MAX, AMOUNTS

_API_KEY: Final = re.compile(r"(?:sk|rk)_(test|live)_[A-Za-z0-9_]{1,250}")
_PUBLISHABLE: Final = re.compile(r"pk_(test|live)_[A-Za-z0-9_]{1,250}")
_SECRET: Final = re.compile(r"whsec_[\x21-\x7e]{1,250}")


class StripeCredentials(Credentials, frozen=True, kw_only=True):
    """A secret or restricted API key, the endpoint's signing secret, and what Stripe has switched on.

    `multicapture`: whether Stripe granted this account several captures of one payment (IC+ pricing).
    `publishable_key`: what Stripe.js is started with, for payment sessions. `mit_exemption`: whether Stripe lets this
    account send the network's id of an earlier charge with a charge that the payer is absent from.
    Source: https://docs.stripe.com/keys, https://docs.stripe.com/payments/multicapture.
    """

    api_key: str
    publishable_key: str | None = None
    multicapture: bool = False
    mit_exemption: bool = False


def check(credentials: StripeCredentials, livemode: bool) -> list[tuple[str, str]]:  # noqa: FBT001 - the contract's
    """Name what is wrong with *credentials* for a mode, as (field, message); never with their values."""
    wrong = []
    mode = "live" if livemode else "test"
    key = _API_KEY.fullmatch(credentials.api_key)
    if key is None:
        wrong.append(("api_key", "is no secret (sk_) or restricted (rk_) API key; copy it from Stripe's dashboard"))
    elif key[1] != mode:
        wrong.append(("api_key", f"is a {key[1]} key, but the account is in {mode} mode; use the {mode} key"))
    if credentials.publishable_key is not None:
        shown = _PUBLISHABLE.fullmatch(credentials.publishable_key)
        if shown is None:
            wrong.append(("publishable_key", "is no publishable key (pk_); never put a secret key here"))
        elif shown[1] != mode:
            told = f"is a {shown[1]} key, but the account is in {mode} mode; use the {mode} key"
            wrong.append(("publishable_key", told))
    for field in ("webhook_secret", "webhook_secret_previous"):
        secret = getattr(credentials, field)
        if secret is not None and not _SECRET.fullmatch(secret):
            wrong.append((field, "is no signing secret (whsec_); copy it from the endpoint's page at Stripe"))
    if credentials.webhook_secret_previous is not None and credentials.webhook_secret is None:
        wrong.append(("webhook_secret", "is missing beside webhook_secret_previous; give the current one too"))
    if credentials.base_url is not None:
        wrong += _check_base_url(credentials.base_url, livemode=livemode)
    return wrong


def _check_base_url(base_url: str, *, livemode: bool) -> list[tuple[str, str]]:
    if livemode:
        return [("base_url", "is for test mode only; leave it out in live mode")]
    try:
        parts = urlsplit(base_url)
        usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        return [("base_url", "is no URL; give one such as http://127.0.0.1:12111")]
    if not usable or parts.query or parts.fragment or parts.username:
        return [("base_url", "must be http:// or https:// with a host, without user, query or fragment")]
    return []


def capabilities(credentials: StripeCredentials) -> Capabilities:
    """Tell what the account can do.

    Source: https://docs.stripe.com/currencies, https://docs.stripe.com/payments/place-a-hold-on-a-payment-method,
    https://docs.stripe.com/api/idempotent_requests, https://docs.stripe.com/rate-limits, https://docs.stripe.com/refunds.
    """
    return Capabilities(
        currencies=AMOUNTS,
        amounts=AmountRange(1, AMOUNT_MAX),
        partial_capture=True,
        multiple_captures=credentials.multicapture,
        inquiry=Inquiry.LOOKUP,
        replay_for=timedelta(hours=24),
        lookup_grace=timedelta(minutes=5),
        pending_max=timedelta(days=30),
        replay_re_answers=True,
        too_many_requests_not_executed=True,
        documentation="https://docs.stripe.com/api",
    )
