"""Refunds that need a second person."""

from typing import Final

import msgspec

from hub.approvals.asking import Asked, Sealed, ask
from hub.approvals.rules import Kind
from hub.idempotency.service import Reply
from hub.idempotency.store import Key, find_key
from hub.payments import asking, follow_ups
from hub.payments.asked import RefundRequest
from hub.payments.follow_ups import ApprovalNeededError, Wish
from hub.payments.shell import Shell
from normalization.money import written
from normalization.outcome import Operation

_OURS: Final = "\x1f"
"""Begins the keys that approvals use: no caller can send one, so none can be taken from them."""


async def refund(shell: Shell, wish: Wish, asked: RefundRequest) -> Reply:
    """Refund at once, or have a second person asked.

    Raises:
        ProblemError: as `follow_ups.refund`.
    """
    try:
        return await follow_ups.refund(shell, wish, asked)
    except ApprovalNeededError as needed:
        fixed = msgspec.structs.replace(asked, amount=needed.amount_minor)  # Exactly what is approved is done.
        payment = needed.payment
        wanted = Asked(
            kind=Kind.REFUND,
            caller=wish.caller,
            request_id=wish.request_id,
            object_id=payment.id,
            summary=f"refund {written(needed.amount_minor, payment.currency)} of the payment {payment.reference}",
            request={"payment": payment.id, "body": msgspec.to_builtins(fixed)},
            merchant_account=payment.merchant_account,
            amount_minor=needed.amount_minor,
            currency=payment.currency,
        )
        return await ask(shell, wanted, wish.key)


async def is_begun(shell: Shell, approval_id: str, sealed: Sealed) -> bool:
    """Whether what was approved may have been sent: then its outcome is wanted, whatever has changed since."""
    return await find_key(shell.database, sealed.caller.livemode, _key(approval_id)) is not None


async def carry_out(shell: Shell, approval_id: str, sealed: Sealed) -> str:
    """Refund what was approved, under a key of the approval's own: however often this is called, once.

    Raises:
        ProblemError: as `follow_ups.refund`; idempotency_in_progress while an earlier call is not known to have ended.
    """
    payment_id = str(sealed.request["payment"])
    body = msgspec.convert(sealed.request["body"], RefundRequest)
    location = f"/v1/payments/{payment_id}"
    key = Key(key=_key(approval_id), fingerprint=approval_id.encode(), location=location)
    wish = Wish(
        kind=Operation.REFUND,
        payment_id=payment_id,
        caller=sealed.caller,
        key=key,
        request_id=approval_id,
        reserve=asking.cancel,
    )
    reply = await follow_ups.refund(shell, wish, body, approved=True)
    return reply.location.rpartition("/")[2]


def _key(approval_id: str) -> str:
    return _OURS + approval_id
