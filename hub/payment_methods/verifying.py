"""Having a card's bank asked whether it is good, without money: commit the question, ask, commit the answer.

The same question may be asked again whatever became of it, so an unknown answer is asked for until it is known.
"""

import asyncio
from typing import Any, Final

import msgspec
import structlog
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.abilities import VerifiesTokens, Verify
from adapters.contract import VERIFICATION_PREFIX
from hub import metrics
from hub.access.rules import Caller
from hub.access.store import AUDIT, audit_row
from hub.database import ConflictError
from hub.idempotency.service import Reply, look_up
from hub.idempotency.store import STORE_ANSWER, Answer, Key, answer_values
from hub.ids import new_id
from hub.masking import masked
from hub.payment_methods import detachments, store, verifications
from hub.payment_methods.choosing import Asked, choose
from hub.payment_methods.rules import merge_facts
from hub.payment_methods.service import Stored, Wallet
from hub.payment_methods.showing import verification_body
from hub.payment_methods.verifications import Waiting
from hub.payment_sessions import finishing
from hub.payments.answers import ACCEPTED, CREATED
from hub.payments.rules import REFUSED_BY_US
from hub.payments.shell import Shell, answered, ask
from normalization.money import Currency
from normalization.outcome import Approved, Declined, Verification
from normalization.tokens import CardFacts, token_for
from routing.facts import chargeable_by
from routing.failover import Failure

BATCH: Final = 50
AT_ONCE: Final = 8
AGAIN_AFTER_S: Final = (5, 15, 60, 300, 1_800, 7_200)
"""How long after each question without an answer the next one comes; then it stays unknown: no money hangs on it."""
_log = structlog.get_logger(__name__)


class Wish(Struct, frozen=True, kw_only=True):
    """Who wants a payment method verified, where and under which key."""

    caller: Caller
    key: Key
    wallet: Wallet
    method_id: str
    currency: Currency
    country: str | None
    merchant_account: str | None


async def verify(shell: Shell, wish: Wish) -> Reply:
    """Ask one account of a processor that holds a token.

    Raises:
        ProblemError: not_found, no_merchant_account, merchant_accounts_unavailable, idempotency_in_progress,
            idempotency_key_reused; nothing was asked and nothing is stored.
    """
    livemode = wish.caller.livemode
    known = await look_up(shell.database, wish.key, livemode=livemode)
    if known is not None:
        return known
    waiting, request = _question(shell, wish, await wish.wallet.find(wish.caller, wish.method_id))
    row = verifications.row_of(
        waiting, requested_by=wish.caller.principal, key_id=wish.caller.key_id, at=request.requested_at
    )
    try:
        async with shell.database.transaction() as connection:
            await verifications.open_verification(connection, row, wish.key, shell.lease_s)
    except ConflictError:
        stored = await look_up(shell.database, wish.key, livemode=livemode)
        if stored is None:
            raise
        return stored
    return await send(shell, waiting, request, wish.key.location)


def _question(shell: Shell, wish: Wish, method: Stored) -> tuple[Waiting, Verify]:
    row, tokens = method.row, method.tokens
    asked = Asked(
        caller=wish.caller,
        reference=row["id"],
        currency=wish.currency,
        chargeable=chargeable_by(tokens),
        country=wish.country,
        customer=row["customer"],
        merchant_account=wish.merchant_account,
        card=msgspec.json.decode(row["card"], type=CardFacts),
    )
    account = choose(shell, asked, VerifiesTokens, "verify a card")[0].account
    token = token_for(tokens, account.processor, account.id)
    request = Verify(
        operation_id=new_id(VERIFICATION_PREFIX),
        currency=wish.currency,
        requested_at=shell.clock(),
        token=token,
        customer_id=row["customer"],
        customer_reference=token.customer_reference if token else None,
    )
    return Waiting(
        id=request.operation_id,
        livemode=wish.caller.livemode,
        payment_method=row["id"],
        session=None,
        merchant_account=account.id,
        processor=account.processor,
        request=msgspec.json.encode(request),
        idempotency_key=wish.key.key,
        tries=0,
    ), request


async def send(shell: Shell, waiting: Waiting, request: Verify, location: str) -> Reply:
    """Ask, and commit the answer; what stands where somebody else was told first."""
    row = await record(shell, waiting, await question(shell, waiting, request))
    return Reply(status=status_of(row), body=msgspec.json.encode(verification_body(row)), location=location)


async def question(shell: Shell, waiting: Waiting, request: Verify) -> Verification | Failure:
    """Call the account's adapter."""
    connected = shell.directory.connected(waiting.merchant_account)
    if connected is None or not isinstance(connected.adapter, VerifiesTokens):
        return Failure.CONFIGURATION
    told = await ask(connected.adapter.verify(request), shell.settings.request_ms / 1000)
    await answered(shell, waiting.merchant_account, failed=isinstance(told, Failure), inquiry=waiting.tries > 0)
    return told


async def verify_due(shell: Shell) -> int:
    """Ask again what was not answered; returns how many there were."""
    due = await verifications.claim(shell.database, BATCH, shell.lease_s)
    gate = asyncio.Semaphore(AT_ONCE)
    not_begun: list[str] = []

    async def one(waiting: Waiting) -> None:
        async with gate:
            if shell.stopping.is_set():
                not_begun.append(waiting.id)
                return
            try:
                told: Verification | Failure = Failure.UNKNOWN
                if waiting.request is not None:
                    told = await question(shell, waiting, msgspec.json.decode(waiting.request, type=Verify))
                await record(shell, waiting, told)
            except Exception:  # noqa: BLE001 - one card's trouble must not keep the others; its lease ends by itself
                _log.exception("verification_failed", verification=waiting.id)

    await asyncio.gather(*(one(waiting) for waiting in due))
    await verifications.give_back(shell.database, not_begun)
    return len(due)


async def record(shell: Shell, waiting: Waiting, told: Verification | Failure) -> RowMapping:
    """Commit an answer with all that it brings: what the bank says, card facts, the token to charge later."""
    values = _values(shell, waiting, told)
    at = shell.clock()
    async with shell.database.transaction() as connection:
        settled = await verifications.settle(connection, waiting.id, values)
        row = await verifications.find(connection, waiting.id)
        if row is None:
            raise LookupError(f"{waiting.id} is gone")  # Verifications are never deleted.
        if settled:
            approved = told if isinstance(told, Verification) and isinstance(told.outcome, Approved) else None
            if waiting.session is not None:
                await _go_on(connection, waiting, row["status"], approved, shell)
            elif approved is not None:
                await _keep(connection, waiting, approved, shell)
            body = msgspec.json.encode(verification_body(row))
            if waiting.idempotency_key is not None:
                answer = Answer(waiting.idempotency_key, status_of(row), body)
                await connection.execute(STORE_ANSWER, answer_values(answer, waiting.livemode))
            details = {"verification": waiting.id, "status": row["status"]}
            subject = waiting.payment_method or waiting.session or waiting.id
            audit = audit_row(None, "payment_method.verified", subject, details, livemode=waiting.livemode, at=at)
            await connection.execute(AUDIT, audit | {"key_id": row["key_id"], "principal": row["requested_by"]})
    if settled:
        metrics.VERIFICATIONS.labels(row["status"], waiting.processor).inc()
    return row


def status_of(row: RowMapping) -> int:
    """Choose the HTTP status of an answer: 202 while the bank's is not known."""
    return ACCEPTED if row["due_at"] is not None else CREATED


def _values(shell: Shell, waiting: Waiting, told: Verification | Failure) -> dict[str, Any]:
    final: dict[str, Any] = {"request": None, "due_at": None, "finished_at": shell.clock()}
    if told is Failure.CONFIGURATION:
        return final | {"status": "declined", "decline": msgspec.json.encode(REFUSED_BY_US)}
    said: dict[str, Any] = {}
    if isinstance(told, Verification):
        told = masked(told)
        said = {"processor_reference": told.processor_reference, "avs": told.avs, "cvc": told.cvc}
        if isinstance(told.outcome, Approved):
            return final | said | {"status": "approved"}
        if isinstance(told.outcome, Declined):
            return final | said | {"status": "declined", "decline": msgspec.json.encode(told.outcome.decline)}
    if waiting.request is None or waiting.tries >= len(AGAIN_AFTER_S):
        return final | said | {"status": "unknown"}
    seconds = AGAIN_AFTER_S[waiting.tries] * shell.settings.inquiry_first_ms / 5_000
    return said | {"status": "unknown", "due_at": verifications.after(seconds)}


async def _go_on(
    connection: AsyncConnection, waiting: Waiting, status: str, approved: Verification | None, shell: Shell
) -> None:
    """Tell the session; an approved card whose token is not told yet is waited for."""
    session, at = waiting.session or "", shell.clock()
    if approved is None:
        await finishing.give_up(connection, session, "declined" if status == "declined" else "open", at)
    elif approved.stored is not None:
        method_id = await finishing.finish(
            connection,
            session,
            approved.stored,
            at,
            shared=shell.directory.shares_tokens(waiting.merchant_account),
            card=approved.card,
            network_transaction_id=approved.network_transaction_id,
        )
        await verifications.name(connection, waiting.id, method_id)


async def _keep(connection: AsyncConnection, waiting: Waiting, told: Verification, shell: Shell) -> None:
    """Keep what an approved verification brings for the payment method; a deleted one has its new token forgotten."""
    method_id = waiting.payment_method
    if method_id is None:
        return
    row = await store.payment_method(connection, livemode=waiting.livemode, method_id=method_id, to_change=True)
    if row is None:
        left = [replace(told.stored, merchant_account=waiting.merchant_account)] if told.stored else []
        await detachments.queue(connection, left, livemode=waiting.livemode, method_id=method_id, at=shell.clock())
        return
    if told.card is not None:
        card = merge_facts(msgspec.json.decode(row["card"], type=CardFacts), told.card)
        text = msgspec.json.encode(card).decode()
        await store.describe_card(connection, livemode=waiting.livemode, method_id=method_id, card=text)
    if told.stored is not None and waiting.request is not None:
        asked = msgspec.json.decode(waiting.request, type=Verify).token
        if asked is not None:
            await store.renew_token(connection, method_id, asked, told.stored)
