"""What a processor tells by webhook of cards that it stored, renewed or retired.

What was stored is what a session or verification waits for; what changed concerns the payment methods that hold it.
"""

from typing import Final, Literal

import msgspec
from msgspec.structs import replace

from adapters.abilities import DescribesTokens
from adapters.contract import ATTEMPT_PREFIX, SESSION_PREFIX, VERIFICATION_PREFIX, Authorize, TokenNews, TokenUpdate
from hub.merchants.service import Connected
from hub.payment_methods import renewing, verifications
from hub.payment_methods.describing import DESCRIBE_SECONDS, TokenDesk
from hub.payment_methods.retired import is_held, is_retired
from hub.payment_sessions import store as sessions
from hub.payment_sessions.finishing import finish
from hub.payments.saving import link
from hub.payments.shell import Shell, ask
from hub.payments.states import OperationStatus
from hub.payments.store import by_processor_reference, find_operation, find_payment
from normalization.outcome import OPENING
from normalization.tokens import CardFacts, ProcessorToken
from routing.failover import Failure

CLOSED: Final = frozenset({OperationStatus.DECLINED, OperationStatus.NOT_SENT})
"""An attempt that ended so keeps no card."""
Noted = Literal["done", "ignored", "unmatched"]


async def note_token(shell: Shell, connected: Connected, news: TokenNews) -> Noted:
    """Take up what a delivery tells of a token; unmatched: what it belongs to may be known later."""
    if news.tag is None:
        return await _of_parent(shell, connected, news)
    tag = news.tag
    if tag.startswith(ATTEMPT_PREFIX):
        return await _of_charge(shell, connected, tag, news.token)
    if not tag.startswith((SESSION_PREFIX, VERIFICATION_PREFIX)):
        return "ignored"
    async with shell.database.reading() as connection:
        verification = await verifications.find(connection, tag)
        session_id = tag if verification is None else verification["session"]
        session = await sessions.find(connection, session_id) if session_id else None
    if session is None or session["merchant_account"] != connected.account.id:
        return "ignored"
    reference = session["customer_reference"] or news.token.customer_reference
    token = replace(news.token, customer_reference=reference)
    card = await _described(shell, connected, token)
    shared = connected.capabilities.shares_tokens
    async with shell.database.transaction() as connection:
        method_id = await finish(connection, session["id"], token, shell.clock(), shared=shared, card=card)
        if verification is not None:
            await verifications.name(connection, verification["id"], method_id)
    return "done"


async def note_update(shell: Shell, connected: Connected, update: TokenUpdate) -> Noted:
    """Take up what a delivery tells of a card that changed; unmatched: the token may be known later.

    Raises:
        LookupError: when the processor has to be asked what card it is now, and does not answer.
    """
    at, account = shell.clock(), connected.account
    card = update.card
    if card is None and not update.retired and await _is_held(shell, connected, update.token):
        card = await _described(shell, connected, update.token, surely=True)
    known = {one.account.processor: one.registration for one in shell.directory.accounts().values()}
    desk = TokenDesk(registrations=known, directory=shell.directory)
    async with shell.database.transaction() as connection:
        found = await renewing.holders(connection, update.token, livemode=account.livemode, merchant_account=account.id)
        if not found.tokens:
            gone = await is_retired(connection, update.token, livemode=account.livemode, merchant_account=account.id)
            return "done" if gone else "unmatched"
        if update.retired:
            changed = await renewing.retire(connection, found, at)
        else:
            changed = await renewing.renew(connection, found, card or CardFacts(), at)
        for row in changed:
            type_ = renewing.RETIRED if update.retired else renewing.UPDATED
            await renewing.tell(connection, type_, row, desk.reusable, at)
    for row in changed:
        shell.remembered.forget((account.livemode, row["id"]))
    return "done"


async def _of_parent(shell: Shell, connected: Connected, news: TokenNews) -> Noted:
    """Find what made a processor store a card by the processor's own id of it, where ours did not come along."""
    account = connected.account
    named = await by_processor_reference(shell.database, account.id, news.parent_reference or "")
    attempt = next((one for one in named if one.kind in OPENING), None)
    if attempt is not None:
        return await _of_charge(shell, connected, attempt.id, news.token)
    return "done" if await _is_held(shell, connected, news.token) else "unmatched"


async def _is_held(shell: Shell, connected: Connected, token: ProcessorToken) -> bool:
    account = connected.account
    async with shell.database.reading() as connection:
        return await is_held(connection, token, livemode=account.livemode, merchant_account=account.id)


async def _of_charge(shell: Shell, connected: Connected, tag: str, token: ProcessorToken) -> Noted:
    """Save a card whose charge the payer wanted it saved with, once that is approved."""
    operation = await find_operation(shell.database, tag)
    if operation is None or operation.merchant_account != connected.account.id:
        return "ignored"
    payment = await find_payment(shell.database, operation.livemode, operation.payment_id)
    if payment is None or payment.payment_method is not None or operation.status in CLOSED:
        return "ignored"
    if not msgspec.json.decode(operation.request, type=Authorize).save:
        return "ignored"
    if operation.status is not OperationStatus.APPROVED:
        return "unmatched"
    await link(shell, payment, operation, token, card=await _described(shell, connected, token))
    return "done"


async def _described(
    shell: Shell, connected: Connected, token: ProcessorToken, *, surely: bool = False
) -> CardFacts | None:
    if not isinstance(connected.adapter, DescribesTokens):
        return None
    told = await ask(connected.adapter.describe(token), min(DESCRIBE_SECONDS, shell.settings.request_ms / 1000))
    if surely and isinstance(told, Failure):
        raise LookupError(f"{connected.account.processor} does not say what card it is now")
    return told if isinstance(told, CardFacts) else None
