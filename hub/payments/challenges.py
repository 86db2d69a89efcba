"""The payer's way to a challenge and back."""

from collections.abc import Mapping
from hmac import compare_digest
from html import escape
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import msgspec
from msgspec.structs import replace

from adapters.contract import Authorize, Complete
from hub.database import ConflictError
from hub.errors import ProblemError
from hub.payments import rules, store
from hub.payments.recording import ACTION_IDENTITY, Held, challenge_secrets, change, hold, record, reread
from hub.payments.shell import Shell, ask
from hub.payments.states import OperationStatus, Payment, Status
from normalization.outcome import ActionRequired, Report
from routing.failover import Failure


def brings_secret(shell: Shell, payment: Payment, secret: str) -> bool:
    """Whether *secret* is the one that the payment's standing attempt gave to its payer."""
    if payment.attempt_id is None:
        return False
    given = secret.encode()
    return any(compare_digest(one.encode(), given) for one in challenge_secrets(shell, payment.attempt_id))


async def complete(shell: Shell, payment: Payment, returned: Mapping[str, str]) -> Held:
    """Go on with what the payer's browser brought back; once, however often it is brought."""
    if payment.attempt_id is None:  # A routing rule refused it: there never was an attempt.
        raise ProblemError("payment_not_confirmable", "a routing rule refused this payment")
    held = await hold(shell, payment, payment.attempt_id)
    if not _waits_for_payer(held):
        return held
    began = shell.clock()
    held, taken = await _take(shell, held)
    if not taken:
        return held
    connected = shell.directory.connected(held.operation.merchant_account)
    challenge = challenge_of(shell, held)
    if connected is None or challenge is None:
        return held
    request = msgspec.json.decode(held.operation.request, type=Authorize)
    request = replace(request, processor_reference=held.operation.processor_reference)
    bring = Complete(request=request, continuation=challenge.continuation, returned=returned)
    left_s = shell.settings.request_ms / 1000 - max(0.0, (shell.clock() - began).total_seconds())
    if left_s <= 0:  # The process stood still since it took it: others may hold it by now.
        await store.release(shell.database, held.operation)
        return await reread(shell, held)
    told = await ask(connected.adapter.complete(bring), left_s)
    if isinstance(told, Report):
        held = (await record(shell, held, told, "return")).held
    if held.operation.status is not OperationStatus.REQUIRES_ACTION:
        return held
    if told is not Failure.UNKNOWN:
        await store.release(shell.database, held.operation)
        return held  # Nothing was decided: the payer, or the job, may bring it again.
    try:
        said = msgspec.json.encode({"failure": told})
        lost = await change(
            shell, held, lambda now: rules.unknown(now.payment, now.operation), "return", said, fenced=True
        )
    except ConflictError:
        return await reread(shell, held)
    shell.wake()
    return lost.held


async def _take(shell: Shell, held: Held) -> tuple[Held, bool]:
    """Read it anew as the only one who brings the payer's answer, where that is still to be had."""
    try:
        await store.claim(shell.database, held.operation, due_s=shell.lease_s, lease_s=shell.lease_s)
    except ConflictError:
        return await reread(shell, held), False  # Another request brings it just now.
    now = await reread(shell, held)
    if now.operation.fence != held.operation.fence + 1:
        return now, False  # Taken over while we stood still.
    if not _waits_for_payer(now):
        await store.release(shell.database, now.operation)
        return now, False
    return now, True


def _waits_for_payer(held: Held) -> bool:
    """Whether the challenge may still be completed: never once the payment was cancelled."""
    waits = held.payment.status is Status.REQUIRES_ACTION and not held.payment.canceling
    return waits and held.operation.status is OperationStatus.REQUIRES_ACTION and held.operation.action is not None


def challenge_of(shell: Shell, held: Held) -> ActionRequired | None:
    """Open the sealed challenge of the held attempt."""
    if held.operation.action is None:
        return None
    opened = shell.sealer.open(held.operation.action, ACTION_IDENTITY.format(held.operation.id))
    return msgspec.json.decode(opened, type=ActionRequired)


def return_target(payment: Payment) -> str | None:
    """Make the caller's address that the payer goes on to, naming the payment; it proves nothing."""
    if payment.return_url is None:
        return None
    parts = urlsplit(payment.return_url)
    query = [*parse_qsl(parts.query, keep_blank_values=True), ("payment", payment.id)]
    return urlunsplit(parts._replace(query=urlencode(query)))


def form_page(challenge: ActionRequired) -> bytes:
    """Write the page that posts a challenge's fields at once, or at a click where scripts are off."""
    fields = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in challenge.fields.items()
    )
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Confirm your payment</title>'
        '<meta name="viewport" content="width=device-width"></head>'
        f'<body><form method="post" action="{escape(challenge.url)}">{fields}'
        "<p>Your bank asks you to confirm this payment.</p><button>Continue</button></form>"
        "<script>document.forms[0].submit()</script></body></html>"
    )
    return page.encode()
