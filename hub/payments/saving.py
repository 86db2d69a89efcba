"""What outlives a charge: the card that the payer wants kept, and the network's id that later charges refer to.

The payment method is made before the outcome is committed: it is a fact of the processor's, and whoever learns it again
finds it made. So nothing is lost between the two, and a charge that keeps nothing writes nothing more.
"""

from typing import Final

import msgspec
from msgspec.structs import replace

from adapters.contract import Authorize, Recurring
from hub.access.store import AUDIT, audit_row
from hub.payment_methods import keeping, store
from hub.payment_methods.keeping import Found
from hub.payments.naming import name_method
from hub.payments.opening import Charge
from hub.payments.shell import Shell
from hub.payments.states import OperationState, OperationStatus, Payment
from normalization.outcome import OPENING, Approved, Report
from normalization.tokens import CardFacts, ProcessorToken

_request: Final = msgspec.json.Decoder(Authorize)


class AnswerAwaitedError(Exception):
    """A charge was told of whose own answer is on its way and brings more: look again in a moment."""


async def prepared(shell: Shell, wanted: Charge, attempt: OperationState) -> OperationState | None:
    """Say in the attempt's request what is to be kept and what it follows on; None where its customer is not there."""
    asked = wanted.request
    if asked.save_payment_method and asked.customer is not None:
        async with shell.database.reading() as connection:
            livemode = wanted.caller.livemode
            if await store.customer(connection, livemode=livemode, customer_id=asked.customer) is None:
                return None
            reference = await store.known_reference(
                connection,
                livemode=livemode,
                customer=asked.customer,
                processor=attempt.processor,
                merchant_account=attempt.merchant_account,
            )
        return _with(attempt, save=True, customer_id=asked.customer, customer_reference=reference)
    absent = asked.off_session or asked.recurring is Recurring.SUBSEQUENT
    if absent and wanted.means.network_transaction_id is not None:
        return _with(attempt, network_transaction_id=wanted.means.network_transaction_id)
    return attempt


def _with(attempt: OperationState, **changes: object) -> OperationState:
    return replace(attempt, request=msgspec.json.encode(replace(_request.decode(attempt.request), **changes)))


def brings_more(report: Report) -> bool:
    """Whether *report* tells of something that outlives the charge."""
    told = report.stored is not None or report.network_transaction_id is not None
    return told and report.kind in OPENING and isinstance(report.outcome, Approved)


def awaits_answer(shell: Shell, operation: OperationState, report: Report) -> bool:
    """Whether the answer to *operation* should be heard before *report*, which does not name the card that is kept.

    Who records an approval first answers the caller, for good: the answer names the card. Nobody waits longer than the
    lease, since whoever sent the request may be gone.
    """
    if operation.kind not in OPENING or operation.status is not OperationStatus.SENDING or report.stored is not None:
        return False
    if not isinstance(report.outcome, Approved) or not _request.decode(operation.request).save:
        return False
    return (shell.clock() - operation.started_at).total_seconds() < shell.lease_s


async def kept(shell: Shell, payment: Payment, operation: OperationState, report: Report) -> Payment:
    """Keep what an approval brings, and give the payment with the payment method that came of it."""
    method = payment.payment_method
    network_transaction_id = report.network_transaction_id
    if method is not None and operation.status is OperationStatus.APPROVED:
        return payment  # It was kept when the approval was news.
    if method is not None:
        if network_transaction_id is not None and not _known(shell, payment) and _begins(operation):
            async with shell.database.transaction() as connection:
                await store.chain(connection, method, network_transaction_id)
            shell.remembered.forget((payment.livemode, method))
        return payment
    if report.stored is None or not _request.decode(operation.request).save:
        return payment
    return await link(
        shell, payment, operation, report.stored, card=report.card, network_transaction_id=network_transaction_id
    )


async def link(
    shell: Shell,
    payment: Payment,
    operation: OperationState,
    stored: ProcessorToken,
    *,
    card: CardFacts | None,
    network_transaction_id: str | None = None,
) -> Payment:
    """Make a payment method of what the processor stored, and name it in the payment; once, however often told."""
    request, at = _request.decode(operation.request), shell.clock()
    reference = request.customer_reference or stored.customer_reference
    found = Found(
        livemode=payment.livemode,
        customer=request.customer_id,
        merchant_account=operation.merchant_account,
        shared=shell.directory.shares_tokens(operation.merchant_account),
        stored=replace(stored, customer_reference=reference),
        card=card or CardFacts(),
        network_transaction_id=network_transaction_id,
    )
    async with shell.database.transaction() as connection:
        method_id = await keeping.keep(connection, found, at)
        if network_transaction_id is not None:
            await store.chain(connection, method_id, network_transaction_id)
        if await name_method(connection, payment.id, method_id):
            details = {"payment": payment.id, "processor": operation.processor}
            row = audit_row(None, "payment_method.saved", method_id, details, livemode=payment.livemode, at=at)
            row |= {"key_id": operation.key_id, "principal": operation.requested_by}
            await connection.execute(AUDIT, row)
    return replace(payment, payment_method=method_id)


def _known(shell: Shell, payment: Payment) -> bool:
    means = shell.remembered.get((payment.livemode, payment.payment_method or ""))
    return means is not None and means.network_transaction_id is not None


def _begins(operation: OperationState) -> bool:
    """Whether the payer made this charge, so that later ones can refer to it."""
    request = _request.decode(operation.request)
    return request.payer_present and request.recurring is not Recurring.SUBSEQUENT
