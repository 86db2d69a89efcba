"""Opening a session for a payer's browser, and making a payment method of what comes back from there.

The card never touches the hub: the browser brings a token, or data that the processor turns into one.
"""

from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import RowMapping

from adapters.abilities import OpensTokenSessions, OpenTokenSession, TokenSession, VerifiesTokens, Verify
from adapters.contract import SESSION_PREFIX, VERIFICATION_PREFIX
from hub.access.rules import Caller
from hub.access.store import audit
from hub.errors import FieldError, ProblemError
from hub.ids import new_id
from hub.merchants.service import Connected
from hub.payment_methods import store as methods
from hub.payment_methods import verifications
from hub.payment_methods.choosing import Asked, choose
from hub.payment_methods.describing import TokenDesk
from hub.payment_methods.service import unknown_customer
from hub.payment_methods.verifications import Waiting
from hub.payment_methods.verifying import question, record
from hub.payment_sessions import store
from hub.payment_sessions.finishing import COMPLETED, DECLINED, OPEN, PROCESSING, finish
from hub.payments.answers import decline_body
from hub.payments.planning import UNAVAILABLE_RETRY_S
from hub.payments.rules import REFUSED_BY_US
from hub.payments.shell import Shell, answered, ask
from normalization.declines import Decline
from normalization.money import Currency, Money
from normalization.tokens import ProcessorToken
from routing.facts import Chargeable
from routing.failover import Failure


class Opening(Struct, frozen=True, kw_only=True):
    """Who wants a session, for which payer and what they might pay; `amount_minor` 0 is no amount."""

    caller: Caller
    request_id: str
    currency: Currency
    amount_minor: int = 0
    country: str | None = None
    customer: str | None = None
    processor: str | None = None
    merchant_account: str | None = None
    locale: str | None = None


class Opened(Struct, frozen=True, kw_only=True):
    """A session as stored, and what its client-side library is started with, which is not."""

    row: dict[str, Any]
    session: TokenSession


async def open_session(shell: Shell, desk: TokenDesk, wanted: Opening) -> Opened:
    """Open a session at the first account that takes such a payment and opens any, within one request's time.

    Raises:
        ProblemError: validation_failed, no_merchant_account, merchant_accounts_unavailable, session_refused.
    """
    _check(desk, wanted)
    session_id, refused, began_at = new_id(SESSION_PREFIX), None, shell.clock()
    for position, connected in enumerate(_accounts(shell, desk, wanted, session_id)):
        request = await _request(shell, wanted, connected, session_id)
        left_s = shell.settings.request_ms / 1000 - (shell.clock() - began_at).total_seconds()
        if position and left_s < shell.settings.next_attempt_needs_ms / 1000:
            break
        told = await _ask(shell, connected, request, left_s)
        if isinstance(told, TokenSession):
            return await _keep(shell, wanted, connected, session_id, told)
        refused = told if isinstance(told, Decline) else refused
    if refused is not None:
        detail = f"no session is opened: {refused.processor_code}; is the account set up for browsers?"
        body = msgspec.to_builtins(decline_body(refused, shell.clock()))
        raise ProblemError("session_refused", detail, extra={"decline": body})
    raise ProblemError(
        "merchant_accounts_unavailable",
        "no processor that fits answered; its log says why",
        retry_after=UNAVAILABLE_RETRY_S,
    )


def _check(desk: TokenDesk, wanted: Opening) -> None:
    if wanted.processor is not None and wanted.processor not in desk.registrations:
        error = FieldError("processor", f"must be one of {', '.join(sorted(desk.registrations))}")
        raise ProblemError("validation_failed", "there is no such processor", errors=[error])


def _accounts(shell: Shell, desk: TokenDesk, wanted: Opening, session_id: str) -> list[Connected]:
    processors = (wanted.processor,) if wanted.processor else tuple(sorted(desk.registrations))
    asked = Asked(
        caller=wanted.caller,
        reference=session_id,
        currency=wanted.currency,
        chargeable=Chargeable(processors),
        amount_minor=wanted.amount_minor,
        country=wanted.country,
        customer=wanted.customer,
        merchant_account=wanted.merchant_account,
    )
    return choose(shell, asked, OpensTokenSessions, "open a session")


async def _request(shell: Shell, wanted: Opening, connected: Connected, session_id: str) -> OpenTokenSession:
    reference = None
    if wanted.customer is not None:
        async with shell.database.reading() as connection:
            livemode = wanted.caller.livemode
            if await methods.customer(connection, livemode=livemode, customer_id=wanted.customer) is None:
                raise unknown_customer()
            reference = await methods.known_reference(
                connection,
                livemode=livemode,
                customer=wanted.customer,
                processor=connected.account.processor,
                merchant_account=connected.account.id,
            )
    return OpenTokenSession(
        session_id=session_id,
        customer_id=wanted.customer,
        customer_reference=reference,
        money=Money(wanted.amount_minor, wanted.currency) if wanted.amount_minor else None,
        country=wanted.country,
        locale=wanted.locale,
    )


async def _ask(
    shell: Shell, connected: Connected, request: OpenTokenSession, left_s: float
) -> TokenSession | Decline | None:
    """Ask one account; None where it did not answer. One that is not set up for browsers charges all the same."""
    if not isinstance(connected.adapter, OpensTokenSessions):
        return None
    told = await ask(connected.adapter.open_token_session(request), left_s)
    told = REFUSED_BY_US if told is Failure.CONFIGURATION else told
    await answered(shell, connected.account.id, failed=isinstance(told, Failure))
    return None if isinstance(told, Failure) else told


async def _keep(shell: Shell, wanted: Opening, connected: Connected, session_id: str, session: TokenSession) -> Opened:
    at = shell.clock()
    row = {
        "id": session_id,
        "livemode": wanted.caller.livemode,
        "customer": wanted.customer,
        "merchant_account": connected.account.id,
        "processor": connected.account.processor,
        "currency": wanted.currency,
        "customer_reference": session.customer_reference,
        "status": OPEN,
        "verification": None,
        "payment_method": None,
        "created_at": at,
        "updated_at": at,
    }
    async with shell.database.transaction() as connection:
        await store.add(connection, row)
        details = {"merchant_account": connected.account.id, "customer": wanted.customer}
        await audit(
            connection, wanted.caller, "payment_session.opened", session_id, details, request_id=wanted.request_id
        )
    return Opened(row=row, session=session)


class Completion(Struct, frozen=True, kw_only=True):
    """What the browser brought back: a token, or data to make one of; one of them is set."""

    caller: Caller
    session_id: str
    token: str | None = None
    data: dict[str, object] | None = None


async def complete(shell: Shell, desk: TokenDesk, brought: Completion) -> RowMapping:
    """Make a payment method of what the browser brought, and give the session as it is then.

    A session that is completed or being completed is given as it is: bringing the same again changes nothing.

    Raises:
        ProblemError: not_found, no_merchant_account where the account cannot verify, validation_failed where it would
            have to make a lasting token of one that is good once.
    """
    row = await read(shell, brought.caller, brought.session_id)
    if row["status"] in {PROCESSING, COMPLETED}:
        return row
    if brought.token is not None:
        await _with_token(shell, desk, brought, row)
    elif brought.data is not None:
        await _verified(shell, brought, row)
    return await read(shell, brought.caller, brought.session_id)


async def read(shell: Shell, caller: Caller, session_id: str) -> RowMapping:
    """Read a session that the caller may see.

    Raises:
        ProblemError: not_found.
    """
    async with shell.database.reading() as connection:
        row = await store.find(connection, session_id, livemode=caller.livemode)
    if row is None or not caller.may_use(row["merchant_account"]):
        raise ProblemError("not_found", "there is no such payment session in this mode")
    return row


async def decline_of(shell: Shell, row: RowMapping) -> Decline | None:
    """Say why a session was declined."""
    if row["status"] != DECLINED or row["verification"] is None:
        return None
    async with shell.database.reading() as connection:
        found = await verifications.find(connection, row["verification"])
    return msgspec.json.decode(found["decline"], type=Decline) if found and found["decline"] else None


async def _with_token(shell: Shell, desk: TokenDesk, brought: Completion, row: RowMapping) -> None:
    token = ProcessorToken(
        processor=row["processor"],
        token=brought.token or "",
        customer_reference=row["customer_reference"],
        merchant_account=row["merchant_account"],
    )
    if not desk.reusable([token]):
        await _verified(shell, brought, row, token)
        return
    card = (await desk.described(brought.caller, [token]))[0]
    shared = shell.directory.shares_tokens(row["merchant_account"])
    async with shell.database.transaction() as connection:
        await finish(connection, row["id"], token, shell.clock(), shared=shared, card=card)


async def _verified(shell: Shell, brought: Completion, row: RowMapping, once: ProcessorToken | None = None) -> None:
    """Have the processor store the card behind the data, or behind the token that is good *once*."""
    connected = shell.directory.connected(row["merchant_account"])
    if connected is None or not isinstance(connected.adapter, VerifiesTokens):
        raise _cannot_store(once)
    at = shell.clock()
    request = Verify(
        operation_id=new_id(VERIFICATION_PREFIX),
        currency=Currency(row["currency"]),
        requested_at=at,
        token=once,
        data=brought.data,
        customer_id=row["customer"],
        customer_reference=row["customer_reference"],
    )
    waiting = Waiting(
        id=request.operation_id,
        livemode=bool(row["livemode"]),
        payment_method=None,
        session=row["id"],
        merchant_account=row["merchant_account"],
        processor=row["processor"],
        request=None,  # What is good once lives in this request's memory only.
        idempotency_key=None,
        tries=0,
    )
    caller = brought.caller
    async with shell.database.transaction() as connection:
        standing = await store.find(connection, row["id"], to_change=True)
        if standing is None or standing["status"] in {PROCESSING, COMPLETED}:
            return
        new = verifications.row_of(waiting, requested_by=caller.principal, key_id=caller.key_id, at=at)
        await verifications.open_verification(connection, new, None, shell.lease_s)
        await store.change(connection, row["id"], at, status=PROCESSING, verification=waiting.id)
    await record(shell, waiting, await question(shell, waiting, request))


def _cannot_store(once: ProcessorToken | None) -> ProblemError:
    if once is None:
        return ProblemError("no_merchant_account", "the session's merchant account cannot make a token of data")
    error = FieldError(
        "token", "can be charged once only, and its account cannot store the card; bring a stored card's"
    )
    return ProblemError("validation_failed", "the token cannot be kept", errors=[error])
