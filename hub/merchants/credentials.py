"""Credentials: held against what the processor's adapter declares, then sealed; they never come out by the API."""

from collections.abc import Mapping
from typing import Any

import msgspec

from adapters.contract import Credentials, Registration
from hub.decoding_messages import field_error
from hub.errors import FieldError, ProblemError
from hub.sealing import Sealer


def check_credentials(registration: Registration[Any], given: Mapping[str, Any], *, livemode: bool) -> Credentials:
    """Decode what was given.

    Raises:
        ProblemError: validation_failed, naming the field and never its value.
    """
    try:
        credentials: Credentials = msgspec.json.decode(msgspec.json.encode(given), type=registration.credentials)
    except msgspec.ValidationError as invalid:
        found = field_error(str(invalid), registration.credentials)
        raise _refused([(found.field, found.message)]) from None
    wrong = registration.check(credentials, livemode)
    if livemode and credentials.base_url is not None and not any(field == "base_url" for field, _ in wrong):
        wrong = [*wrong, ("base_url", "is for test mode only")]
    if wrong:
        raise _refused(wrong)
    return credentials


def seal_credentials(sealer: Sealer, account_id: str, credentials: Credentials) -> bytes:
    """Seal credentials for the row of their account."""
    return sealer.seal(msgspec.json.encode(credentials), credentials_identity(account_id))


def open_credentials(sealer: Sealer, registration: Registration[Any], account_id: str, sealed: bytes) -> Credentials:
    """Open what `seal_credentials` made.

    Raises:
        SealBrokenError: when it is another account's or its key is not in the settings.
        msgspec.ValidationError: when the adapter has come to want other fields since.
    """
    plain = sealer.open(sealed, credentials_identity(account_id))
    credentials: Credentials = msgspec.json.decode(plain, type=registration.credentials)
    return credentials


def credentials_identity(account_id: str) -> str:
    """Name what an account's credentials are sealed for."""
    return f"merchant_accounts:{account_id}:credentials"


def _refused(wrong: list[tuple[str, str]]) -> ProblemError:
    errors = [
        FieldError("credentials" if field in {"", "(body)"} else f"credentials.{field}", told) for field, told in wrong
    ]
    return ProblemError("validation_failed", "the credentials are not as this processor needs them", errors=errors)
