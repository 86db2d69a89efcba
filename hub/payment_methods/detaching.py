"""Having processors forget the tokens of deleted payment methods: later, outside any transaction, until it is done."""

import asyncio
from typing import Final

import structlog

from adapters.abilities import DetachesTokens
from hub import metrics
from hub.merchants.service import Connected
from hub.payment_methods import detachments
from hub.payment_methods.detachments import Detachment
from hub.payments.shell import Shell, ask
from normalization.declines import Decline
from routing.failover import Failure

BATCH: Final = 50
AT_ONCE: Final = 8
TRIES_MAX: Final = 12
AGAIN_AFTER_S: Final = (5, 30, 120, 600, 1_800, 3_600, 14_400, 43_200)
"""How long a token waits after each try that came to nothing; then a human is told."""
_log = structlog.get_logger(__name__)


async def detach_due(shell: Shell) -> int:
    """Ask processors to forget what is due; returns how many tokens there were."""
    due = await detachments.claim(shell.database, BATCH)
    gate = asyncio.Semaphore(AT_ONCE)
    not_begun: list[str] = []

    async def one(detachment: Detachment) -> None:
        async with gate:
            if shell.stopping.is_set():
                not_begun.append(detachment.id)
                return
            try:
                await _detach(shell, detachment)
            except Exception:  # noqa: BLE001 - one token's trouble must not keep the others; its lease ends by itself
                _log.exception("token_not_detached", detachment=detachment.id)

    await asyncio.gather(*(one(detachment) for detachment in due))
    await detachments.give_back(shell.database, not_begun)
    return len(due)


async def _detach(shell: Shell, detachment: Detachment) -> None:
    if await detachments.is_shared(shell.database, detachment):
        return await _finish(shell, detachment, "shared")
    accounts = _accounts(shell, detachment)
    able = [connected for connected in accounts if isinstance(connected.adapter, DetachesTokens)]
    if accounts and not able:
        return await _finish(shell, detachment, "unsupported")
    told = [await _ask(shell, connected, detachment) for connected in able]
    failures = [answer for answer in told if isinstance(answer, Failure)]
    refusals = [answer for answer in told if isinstance(answer, Decline)]
    if failures or not able:
        return await _again(shell, detachment, failures[0] if failures else "no merchant account of the processor")
    if len(refusals) == len(able):
        return await _finish(shell, detachment, "refused", refusals[0].processor_code)
    return await _finish(shell, detachment, "done")


def _accounts(shell: Shell, detachment: Detachment) -> list[Connected]:
    """List who may hold the token: its own account, else every account of its processor."""
    if detachment.merchant_account:
        own = shell.directory.connected(detachment.merchant_account)
        return [own] if own is not None else []
    return [
        connected
        for connected in shell.directory.accounts().values()
        if connected.account.livemode == detachment.livemode and connected.account.processor == detachment.processor
    ]


async def _ask(shell: Shell, connected: Connected, detachment: Detachment) -> Decline | Failure | None:
    if not isinstance(connected.adapter, DetachesTokens):
        return None
    return await ask(connected.adapter.detach(detachment.stored), shell.settings.request_ms / 1000)


async def _again(shell: Shell, detachment: Detachment, why: str) -> None:
    if detachment.tries >= TRIES_MAX:
        await _finish(shell, detachment, "failed", why)
    else:
        seconds = AGAIN_AFTER_S[min(detachment.tries, len(AGAIN_AFTER_S)) - 1]
        await detachments.put_off(shell.database, detachment, seconds, why)


async def _finish(shell: Shell, detachment: Detachment, status: str, why: str | None = None) -> None:
    metrics.DETACHMENTS.labels(status, detachment.processor).inc()
    await detachments.finish(shell.database, detachment, status, shell.clock(), why)
