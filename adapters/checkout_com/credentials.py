"""What an account at Checkout.com is reached with, and what it can do."""

import re
from datetime import timedelta
from typing import Final, Literal

from adapters.checkout_com.amounts import AMOUNTS, VALUE_MAX
from adapters.contract import AmountRange, Capabilities, Credentials, Inquiry

_KEY: Final = re.compile(r"(sk|pk)_(sbox_)?[a-z2-7]{26}[a-z2-7*#$=]")
_PREFIX: Final = re.compile(r"(?:pl-)?[a-z0-9]+")
_CHANNEL: Final = re.compile(r"pc_[a-z2-7]+")
_DESCRIPTOR_CITY_MAX: Final = 13


class CheckoutComCredentials(Credentials, frozen=True, kw_only=True):
    """One processing channel.

    `api_prefix` is the account's own part of Checkout.com's address, needed in live mode. `public_key` is for the
    payer's browser. `three_ds` is what "automatic" means here, since Checkout.com asks for no challenge unless told to:
    "always" sends every payer who can come back through 3D Secure, "on_request" only those for whom it is required.
    `descriptor_city` goes with a statement descriptor; without it none is sent. `webhook_secret` is the signature key.
    """

    secret_key: str
    processing_channel_id: str
    public_key: str | None = None
    api_prefix: str | None = None
    three_ds: Literal["always", "on_request"] = "always"
    descriptor_city: str | None = None


def capabilities(credentials: CheckoutComCredentials) -> Capabilities:  # noqa: ARG001 - alike for every account
    """Say what the account can do.

    Source: https://www.checkout.com/docs/payments/manage-payments/capture-a-payment (several captures, seven days),
    https://www.checkout.com/docs/developer-resources/api/idempotency (24 hours, and only what succeeded is kept),
    https://checkout.com/docs/payments/manage-payments/get-a-list-of-payments (look-up by reference).
    """
    return Capabilities(
        currencies=AMOUNTS,
        amounts=AmountRange(1, VALUE_MAX),
        partial_capture=True,
        multiple_captures=True,
        inquiry=Inquiry.LOOKUP,
        replay_for=timedelta(hours=24),
        # Nothing is documented of how soon a list shows a payment: an hour is beyond what any queue is late.
        lookup_grace=timedelta(hours=1),
        pending_max=timedelta(days=7),
        # A key whose request ended in an error is attempted again, even where the error came after the payment.
        replay_re_answers=False,
        # Source: https://www.checkout.com/docs/developer-resources/api/api-rate-limits
        too_many_requests_not_executed=True,
        documentation="https://api-reference.checkout.com/",
    )


def check(credentials: CheckoutComCredentials, livemode: bool) -> list[tuple[str, str]]:  # noqa: FBT001 - the contract's
    """Name what is wrong with *credentials* for a mode as (field, message); keys are not tried out."""
    wrong = _check_key("secret_key", credentials.secret_key, "sk", livemode=livemode)
    if credentials.public_key is not None:
        wrong += _check_key("public_key", credentials.public_key, "pk", livemode=livemode)
    if not _CHANNEL.fullmatch(credentials.processing_channel_id):
        wrong.append(("processing_channel_id", "is no processing channel (pc_…); copy it from the Dashboard"))
    if credentials.api_prefix is not None and not _PREFIX.fullmatch(credentials.api_prefix):
        wrong.append(("api_prefix", "must be the first eight characters of the client id, without cli_"))
    if credentials.api_prefix is None and livemode:
        wrong.append(("api_prefix", "is needed in live mode: the account's own part of the address, as vkuhvk4v"))
    wrong.extend(
        (name, "must not be empty; copy the signature key from the workflow's webhook action")
        for name in ("webhook_secret", "webhook_secret_previous")
        if getattr(credentials, name) == ""
    )
    city = credentials.descriptor_city
    if city is not None and not 1 <= len(city) <= _DESCRIPTOR_CITY_MAX:
        wrong.append(("descriptor_city", f"must have 1 to {_DESCRIPTOR_CITY_MAX} characters"))
    return wrong + _check_base_url(credentials.base_url, livemode=livemode)


def _check_key(field: str, key: str, kind: str, *, livemode: bool) -> list[tuple[str, str]]:
    found = _KEY.fullmatch(key)
    if found is None or found[1] != kind:
        return [(field, f"is no key of this kind ({kind}_… or {kind}_sbox_…); copy it from the Dashboard")]
    if bool(found[2]) is livemode:
        mode = "live" if livemode else "test"
        return [
            (field, f"is a key of the other mode; use the {mode} key, which {'lacks' if livemode else 'has'} sbox_")
        ]
    return []


def _check_base_url(base_url: str | None, *, livemode: bool) -> list[tuple[str, str]]:
    if base_url is None:
        return []
    if livemode:
        return [("base_url", "is for test mode only")]
    if not base_url.startswith(("http://", "https://")):
        return [("base_url", "must begin with http:// or https://")]
    return []
