"""What the hub's routes do, without HTTP: the same services, in the same order, in one process of the hub."""

from typing import Final

import msgspec
from msgspec import Struct

from adapters.contract import Webhook
from hub.access.rules import ROLES, Caller, Role
from hub.approvals import refunds
from hub.errors import ProblemError
from hub.idempotency.keyed import fingerprint
from hub.idempotency.service import Reply
from hub.idempotency.store import Key
from hub.ids import new_id
from hub.payments import asking, follow_ups, store
from hub.payments.answers import payment_body
from hub.payments.asked import CancelRequest, CaptureRequest, PaymentRequest, RefundRequest
from hub.payments.challenges import complete
from hub.payments.charging import charge
from hub.payments.follow_ups import Wish
from hub.payments.inquiries import resolve_now
from hub.payments.opening import Charge
from hub.payments.shell import Shell, shielded
from hub.payments.states import Payment, Status
from hub.webhooks import store as inbox
from normalization.outcome import Operation

CALLER: Final = Caller(key_id="key_shop", principal="shop", role=Role.ADMIN, scopes=ROLES[Role.ADMIN], livemode=False)


class Answer(Struct, frozen=True):
    """What a caller got: `problem` is the code of a problem, where it is one."""

    status: int
    body: bytes = b""
    problem: str | None = None
    location: str = ""
    replayed: bool = False


def _answer(reply: Reply) -> Answer:
    return Answer(reply.status, reply.body, location=reply.location, replayed=reply.replayed)


def problem(refused: ProblemError) -> Answer:
    """Show what was refused as its caller sees it."""
    return Answer(refused.status, problem=refused.code)


async def create_payment(shell: Shell, asked: PaymentRequest, key: str) -> Answer:
    """POST /v1/payments."""
    began_at = shell.clock()
    payment_id = new_id("pay_")
    wanted = Charge(
        request=asked,
        caller=CALLER,
        key=Key(key=key, fingerprint=fingerprint(asked, "POST /v1/payments"), location=f"/v1/payments/{payment_id}"),
        payment_id=payment_id,
        request_id=new_id("req_"),
        began_at=began_at,
    )
    return _answer(await shielded(shell, charge(shell, wanted)))


async def capture_payment(shell: Shell, payment_id: str, asked: CaptureRequest, key: str) -> Answer:
    """POST /v1/payments/{id}/capture."""
    wish = _wish(Operation.CAPTURE, payment_id, asked, key)
    return _answer(await shielded(shell, follow_ups.capture(shell, wish, asked)))


async def cancel_payment(shell: Shell, payment_id: str, key: str) -> Answer:
    """POST /v1/payments/{id}/cancel."""
    wish = _wish(Operation.VOID, payment_id, CancelRequest(), key)
    return _answer(await shielded(shell, follow_ups.carry_out(shell, wish)))


async def create_refund(shell: Shell, payment_id: str, asked: RefundRequest, key: str) -> Answer:
    """POST /v1/payments/{id}/refunds."""
    wish = _wish(Operation.REFUND, payment_id, asked, key)
    return _answer(await shielded(shell, refunds.refund(shell, wish, asked)))


async def confirm_payment(shell: Shell, payment_id: str, returned: dict[str, str]) -> Answer:
    """POST /v1/payments/{id}/confirm."""
    payment = await _find(shell, payment_id)
    held = await shielded(shell, complete(shell, payment, returned))
    return Answer(200, msgspec.json.encode(payment_body(held.payment, held.operations)))


async def get_payment(shell: Shell, payment_id: str) -> Answer:
    """GET /v1/payments/{id}."""
    payment = await _find(shell, payment_id)
    operations = await store.operations_of(shell.database, payment.id)
    if payment.status is Status.PROCESSING:
        await resolve_now(shell, [o for o in operations if o.id == payment.attempt_id])
        payment = await _find(shell, payment_id)
        operations = await store.operations_of(shell.database, payment.id)
    return Answer(200, msgspec.json.encode(payment_body(payment, operations)))


async def receive(shell: Shell, merchant_account: str, webhook: Webhook) -> Answer:
    """POST /webhooks/{merchant_account}."""
    connected = await shell.directory.find(merchant_account)
    if connected is None:
        raise ProblemError("not_found", "there is no such webhook address")
    deliveries = connected.adapter.open_webhook(webhook)
    await inbox.keep(shell.database, merchant_account, deliveries, webhook.received_at)
    shell.wake()
    return Answer(202)


async def _find(shell: Shell, payment_id: str) -> Payment:
    payment = await store.find_payment(shell.database, CALLER.livemode, payment_id)
    if payment is None:
        raise ProblemError("not_found", "there is no such payment")
    return payment


def _wish(kind: Operation, payment_id: str, asked: Struct, key: str) -> Wish:
    verb = {Operation.CAPTURE: "capture", Operation.VOID: "cancel", Operation.REFUND: "refunds"}[kind]
    path = f"POST /v1/payments/{payment_id}/{verb}"
    return Wish(
        kind=kind,
        payment_id=payment_id,
        caller=CALLER,
        key=Key(key=key, fingerprint=fingerprint(asked, path), location=f"/v1/payments/{payment_id}"),
        request_id=new_id("req_"),
        reserve=asking.cancel,
    )
