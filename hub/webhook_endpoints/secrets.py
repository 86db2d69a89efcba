"""An endpoint's secrets at rest: sealed, and opened to sign or to be shown once."""

from datetime import datetime

from sqlalchemy import RowMapping

from hub.sealing import Sealer


def seal_secret(sealer: Sealer, endpoint_id: str, secret: bytes) -> bytes:
    """Seal a secret for an endpoint's row."""
    return sealer.seal(secret, _identity(endpoint_id))


def valid_secrets(sealer: Sealer, endpoint: RowMapping, at: datetime) -> list[bytes]:
    """Open what signs at an instant: the secret, and while it is being rotated the one before.

    Raises:
        SealBrokenError: when the key it is sealed with is not in the settings.
    """
    sealed = [endpoint["secret"]]
    if endpoint["secret_previous"] is not None and endpoint["previous_ends_at"] > at:
        sealed.append(endpoint["secret_previous"])
    return [sealer.open(one, _identity(endpoint["id"])) for one in sealed]


def _identity(endpoint_id: str) -> str:
    return f"webhook_endpoints/{endpoint_id}/secret"
