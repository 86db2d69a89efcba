"""What `hub doctor` says of settings that can each be used, and do not go together or not with what is stored."""

from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from hub.doctor_findings import Finding, good, wrong
from hub.settings import DEVELOPMENT_KEYS, Settings

_HERE: Final = "localhost"


def sealing_keys(settings: Settings) -> Finding:
    """Judge the keys that seal."""
    if settings.keys != DEVELOPMENT_KEYS:
        return good("sealing keys", f"{len(settings.keys)}, the first seals")
    if settings.development:
        return good("sealing keys", "the public ones of development, as HUB_DEVELOPMENT allows")
    mend = "set HUB_KEYS; docs/deploy.md says how to make one"
    return wrong("sealing keys", "credentials are sealed with a key that everybody knows", mend)


def public_url(settings: Settings, *, is_live: bool) -> Finding:
    """Judge the hub's outside address."""
    parts, mend = (
        urlsplit(settings.public_url),
        "set HUB_PUBLIC_URL to the https address that payers and processors reach",
    )
    if is_live and parts.scheme != "https":
        return wrong("public_url", f"{settings.public_url} is not https, and there are live accounts or keys", mend)
    if not settings.development and _is_this_machine(parts.hostname or ""):
        return wrong("public_url", f"{settings.public_url} leads payers and processors to their own machine", mend)
    return good("public_url", settings.public_url)


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == _HERE or host.endswith(f".{_HERE}")


def development(settings: Settings, *, is_live: bool) -> Finding:
    """Judge whether this machine is for trying things out."""
    if settings.development and is_live:
        told = "HUB_DEVELOPMENT is set, and there are live accounts or keys"
        return wrong("development", told, "unset HUB_DEVELOPMENT: it lets the public key seal")
    return good("development", "yes" if settings.development else "no")


def stopping(settings: Settings) -> Finding:
    """Judge whether a process that stops can finish the charge that it began last."""
    if settings.shutdown_ms >= settings.request_ms:
        return good("stopping", "waits for every charge under way")
    told = f"waits {settings.shutdown_ms} ms, and a charge may take {settings.request_ms}"
    mend = "raise HUB_SHUTDOWN_MS to HUB_REQUEST_MS at least, or every restart leaves outcomes to be found out"
    return wrong("stopping", told, mend)
