"""An endpoint's secrets at rest: sealed, and opened to sign or to be shown once."""

from datetime import datetime

from sqlalchemy import RowMapping

from hub.sealing import Sealer


def seal_secret(sealer: Sealer, endpoint_id: str, secret: bytes) -> bytes:
    """Seal a secret for an endpoint's row."""
    return sealer.seal(secret, secret_identity(endpoint_id))


def previous_signs(endpoint: RowMapping, at: datetime) -> bool:
    """Whether the secret before the present one signs too at an instant."""
    return endpoint["secret_previous"] is not None and bool(endpoint["previous_ends_at"] > at)


def valid_secrets(sealer: Sealer, endpoint: RowMapping, at: datetime) -> list[bytes]:
    """Open what signs at an instant: the secret, and while it is being rotated the one before.

    Raises:
        SealBrokenError: when the key it is sealed with is not in the settings.
    """
    sealed = [endpoint["secret"]]
    if previous_signs(endpoint, at):
        sealed.append(endpoint["secret_previous"])
    return [sealer.open(one, secret_identity(endpoint["id"])) for one in sealed]


def secret_identity(endpoint_id: str) -> str:
    """Name what an endpoint's secrets are sealed for."""
    return f"webhook_endpoints/{endpoint_id}/secret"
