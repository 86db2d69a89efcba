"""Activations and new credentials that need a second person."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from hub.access.rules import Caller
from hub.approvals.asking import Asked, ask
from hub.approvals.rules import Kind
from hub.errors import FieldError, ProblemError
from hub.idempotency.service import Reply
from hub.payments.shell import Shell
from hub.rulesets import store as rulesets
from hub.rulesets.service import no_ruleset


def activation_waits(shell: Shell, caller: Caller) -> bool:
    """Whether what *caller* activates needs a second person: in live mode, where the setting says so."""
    return caller.livemode and shell.settings.approvals.ruleset_activation


def change_waits(shell: Shell, changes: Mapping[str, Any]) -> bool:
    """Whether *changes* to a merchant account need a second person: those of its credentials, where so set."""
    return "credentials" in changes and shell.settings.approvals.credentials


async def ask_to_activate(
    shell: Shell,
    caller: Caller,
    request_id: str,
    ruleset_id: str,
    *,
    percent: int,
    starts_at: datetime | None,
    reason: str | None,
) -> Reply:
    """Have a second person agree to an activation.

    Raises:
        ProblemError: not_found, validation_failed without a reason.
    """
    if reason is None:
        errors = [FieldError("reason", "must say why: another person has to agree to it")]
        raise ProblemError("validation_failed", "the change cannot be carried out", errors=errors)
    async with shell.database.reading() as connection:
        row = await rulesets.ruleset(connection, livemode=caller.livemode, ruleset_id=ruleset_id)
    if row is None:
        raise no_ruleset()
    at = f" from {starts_at.isoformat()} on" if starts_at else ""
    wanted = Asked(
        kind=Kind.RULESET,
        caller=caller,
        request_id=request_id,
        object_id=ruleset_id,
        summary=f"let version {row['version']} of {row['name']} decide {percent} % of the payments{at}: {reason}",
        request={
            "ruleset": ruleset_id,
            "percent": percent,
            "starts_at": msgspec.to_builtins(starts_at),
            "reason": reason,
        },
    )
    return await ask(shell, wanted)


async def ask_to_change(
    shell: Shell, caller: Caller, request_id: str, account: Mapping[Any, Any], changes: Mapping[str, Any]
) -> Reply:
    """Have a second person agree to new credentials of *account*, and to what is changed with them."""
    wanted = Asked(
        kind=Kind.CREDENTIALS,
        caller=caller,
        request_id=request_id,
        object_id=account["id"],
        summary=f"change {', '.join(sorted(changes))} of the merchant account {account['name']}",
        request={"merchant_account": account["id"], "changes": dict(changes)},
        merchant_account=account["id"],
    )
    return await ask(shell, wanted)
