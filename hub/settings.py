"""Settings: read from environment variables, checked once at the start, never changed after."""

import base64
import re
from collections.abc import Mapping
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from types import MappingProxyType
from typing import Annotated, Any, Final, get_type_hints

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import fields

from hub.approvals.rules import NO_APPROVALS, ApprovalLimits
from hub.setting_meanings import SETTINGS
from normalization.declines import DeclineCode
from normalization.verdicts import NO_POLICY, Policy

__all__ = ["SETTINGS", "InvalidSettingError", "Settings", "load_settings", "settings_page"]

KEY_BYTES: Final = 32
DEVELOPMENT_KEYS: Final = MappingProxyType({"development": bytes(KEY_BYTES)})
"""What `hub dev` seals with, so that a first try needs no setting; `hub serve` refuses it."""
_KEY_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,32}")
_SECRET: Final = {"keys", "database_url", "redis_url"}
_WAIT_HOURS_MAX: Final = 24 * 365
_MAY_BE_ZERO: Final = {"HUB_DRAIN_MS", "HUB_WORKER_METRICS_PORT", "HUB_PAYMENT_METHODS_REMEMBERED_MAX"}
_PASSWORD: Final = re.compile(r"(?<=//)[^@/]*@")


class InvalidSettingError(Exception):
    """An environment variable cannot be used; the message names it and says what to write."""


class Settings(Struct, frozen=True, kw_only=True):
    """Every setting; what each means and its variable's name stand in `SETTINGS` and docs/settings.md."""

    database_url: str = "sqlite:///hub.db"
    redis_url: str | None = None
    database_connections_max: int = 20
    payment_methods_remembered_max: int = 4_096
    host: str = "127.0.0.1"
    port: int = 8000
    worker_metrics_port: int = 0
    public_url: str = "http://127.0.0.1:8000"
    keys: Mapping[str, bytes] = DEVELOPMENT_KEYS  # Id to 32 bytes; the first seals, all of them open.
    development: bool = False
    connect_ms: int = 2_000
    answer_ms: int = 25_000
    request_ms: int = 28_000
    next_attempt_needs_ms: int = 10_000
    lease_ms: int = 60_000
    inquiry_first_ms: int = 5_000
    drain_ms: int = 2_000
    shutdown_ms: int = 30_000
    body_read_ms: int = 10_000
    body_max_bytes: int = 256 * 1024
    webhook_body_max_bytes: int = 1024 * 1024
    settlement_file_max_bytes: int = 2 * 1024**3
    rate_limit_per_minute: int = 6_000
    webhook_reads_per_second: int = 20
    snapshot_poll_ms: int = 1_000
    api_key_cache_ms: int = 5_000
    challenge_minutes: int = 60
    replay_present_minutes: int = 15
    replay_off_session_hours: int = 24
    idempotency_days: int = 7
    webhook_catch_up_minutes: int = 5
    evidence_due_days: int = 3
    failover_insufficient_funds: bool = False
    decline_policy: Policy = NO_POLICY
    delivery_ms: int = 15_000
    approvals: ApprovalLimits = NO_APPROVALS
    approval_hours: int = 72
    endpoint_networks: tuple[Any, ...] = ()  # IPv4Network or IPv6Network: msgspec takes no union of two such.

    @property
    def approval_expiry(self) -> timedelta:
        """How long something waits for a second person."""
        return timedelta(hours=self.approval_hours)

    @property
    def challenge_expiry(self) -> timedelta:
        """How long a payment waits for its payer."""
        return timedelta(minutes=self.challenge_minutes)

    @property
    def catch_up_s(self) -> float:
        """How long after it was read a processor's list of events is read again, in seconds."""
        return 60.0 * self.webhook_catch_up_minutes

    @property
    def replay_present(self) -> timedelta:
        """How long after an attempt it may be sent again when the payer was there."""
        return timedelta(minutes=self.replay_present_minutes)

    @property
    def replay_off_session(self) -> timedelta:
        """How long after an attempt it may be sent again when the payer was not there."""
        return timedelta(hours=self.replay_off_session_hours)

    def __repr__(self) -> str:
        shown = (f"{field.name}={_shown(field.name, getattr(self, field.name))}" for field in fields(self))
        return f"Settings({', '.join(shown)})"


def load_settings(environment: Mapping[str, str]) -> Settings:
    """Read `HUB_*` variables; what is not set keeps its default.

    Raises:
        InvalidSettingError: naming the first variable that is unknown or whose value cannot be used.
    """
    types = get_type_hints(Settings)
    values: dict[str, Any] = {}
    for variable, text in sorted(environment.items()):
        if not variable.startswith("HUB_"):
            continue
        name = variable.removeprefix("HUB_").lower()
        if name not in types:
            raise InvalidSettingError(f"{variable}: no such setting; docs/settings.md lists them all")
        values[name] = _read(variable, text, types[name])
    settings = Settings(**values)
    _check_deadlines(settings)
    return settings


def settings_page() -> str:
    """Write docs/settings.md."""
    rows = [
        f"| `HUB_{field.name.upper()}` | {_default(field.name, field.default)} | {SETTINGS[field.name]} |"
        for field in fields(Settings)
    ]
    return "\n".join(
        [
            "# Settings",
            "",
            "The hub reads environment variables once, at its start. A variable that begins with `HUB_` and is not",
            "in this table stops the start, so that a misspelt one is noticed. `_MS` is milliseconds. `yes` and `no`",
            "switch.",
            "",
            "| variable | default | meaning |",
            "|---|---|---|",
            *rows,
            "",
        ]
    )


def _read(variable: str, text: str, kind: Any) -> Any:  # noqa: ANN401 - a type and its value
    if kind is int:
        return _whole_number(variable, text)
    if kind is bool:
        if text.lower() not in {"yes", "no", "true", "false", "1", "0"}:
            raise InvalidSettingError(f"{variable}: {text!r} is neither yes nor no")
        return text.lower() in {"yes", "true", "1"}
    if variable == "HUB_KEYS":
        return _keys(variable, text)
    if kind in {Policy, ApprovalLimits}:
        return _policy(variable, text) if kind is Policy else _approvals(variable, text)
    if variable == "HUB_ENDPOINT_NETWORKS":
        return _networks(variable, text)
    if kind is str and not text:
        raise InvalidSettingError(f"{variable}: is empty; unset it to get the default")
    if variable == "HUB_PUBLIC_URL":
        if not re.fullmatch(r"https?://[^\s?#]+", text):
            raise InvalidSettingError(f"{variable}: write the address payers reach, such as https://pay.example.com")
        return text.rstrip("/")
    return text or None


def _whole_number(variable: str, text: str) -> int:
    least = 0 if variable in _MAY_BE_ZERO else 1
    if not re.fullmatch(r"[0-9]{1,12}", text) or int(text) < least:
        raise InvalidSettingError(f"{variable}: {text!r} is no whole number of {least} or more")
    return int(text)


class _PolicyText(Struct, forbid_unknown_fields=True):
    never: frozenset[DeclineCode] = frozenset()
    wait_hours: dict[DeclineCode, Annotated[int, Meta(ge=1, le=_WAIT_HOURS_MAX)]] = {}
    no_failover: frozenset[DeclineCode] = frozenset()


def _policy(variable: str, text: str) -> Policy:
    try:
        read = msgspec.json.decode(text, type=_PolicyText)
    except msgspec.MsgspecError as wrong:
        example = '{"never": ["call_issuer"], "wait_hours": {"do_not_honor": 72}, "no_failover": ["do_not_honor"]}'
        raise InvalidSettingError(f"{variable}: {wrong}; write JSON such as {example}") from wrong
    waits = {code: timedelta(hours=hours) for code, hours in read.wait_hours.items()}
    return Policy(never=read.never, wait_at_least=waits, no_failover=read.no_failover)


def _approvals(variable: str, text: str) -> ApprovalLimits:
    try:
        return msgspec.json.decode(text, type=ApprovalLimits)
    except msgspec.MsgspecError as wrong:
        example = '{"refund": {"EUR": 50000}, "exception_transfer": {"EUR": 10000}, "ruleset_activation": true}'
        raise InvalidSettingError(f"{variable}: {wrong}; write JSON such as {example}") from wrong


def _networks(variable: str, text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    try:
        return tuple(ip_network(written.strip()) for written in text.split(","))
    except ValueError as wrong:
        raise InvalidSettingError(f"{variable}: {wrong}; write networks such as 127.0.0.0/8,10.20.0.0/16") from wrong


def _keys(variable: str, text: str) -> dict[str, bytes]:
    """Read `id:base64,…`; messages never repeat a key."""
    keys: dict[str, bytes] = {}
    for position, entry in enumerate(text.split(","), 1):
        key_id, colon, encoded = entry.strip().partition(":")
        if not colon or not _KEY_ID.fullmatch(key_id) or key_id in keys:
            raise InvalidSettingError(f"{variable}: entry {position} must be a new id, a colon and 32 bytes in base64")
        try:
            key = base64.b64decode(encoded, validate=True)
        except ValueError as bad:
            raise InvalidSettingError(f"{variable}: the key {key_id!r} is no base64") from bad
        if len(key) != KEY_BYTES:
            raise InvalidSettingError(f"{variable}: the key {key_id!r} has {len(key)} bytes, not {KEY_BYTES}")
        keys[key_id] = key
    return keys


def _check_deadlines(settings: Settings) -> None:
    """A lease must outlive the request that holds it, or two would send."""
    if settings.answer_ms >= settings.request_ms:
        raise InvalidSettingError("HUB_ANSWER_MS: must be less than HUB_REQUEST_MS")
    if settings.request_ms >= settings.lease_ms:
        raise InvalidSettingError("HUB_LEASE_MS: must be more than HUB_REQUEST_MS, or a charge could be sent twice")


def _shown(name: str, value: object) -> str:
    if name == "keys" and isinstance(value, Mapping):
        return f"<{len(value)} keys>"
    if name in _SECRET and isinstance(value, str):
        return repr(_PASSWORD.sub("…@", value))
    return repr(value)


def _default(name: str, value: object) -> str:
    if name == "keys":
        return "none; `hub dev` uses a public one"
    if value is None or value in (NO_POLICY, NO_APPROVALS, ()):
        return "none"
    if isinstance(value, bool):
        return "`yes`" if value else "`no`"
    return f"`{value}`"
