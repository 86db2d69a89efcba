"""One Adyen merchant account: the calls, their keys and their deadline."""

from collections.abc import AsyncIterator, Callable, Sequence

import msgspec

from adapters.abilities import (
    AcceptDispute,
    CompleteVerification,
    OpenTokenSession,
    SettlementReport,
    SubmitEvidence,
    TokenSession,
    Verify,
)
from adapters.adyen import amounts, settlement_fetching, translate, webhooks, wire
from adapters.adyen.client import PROCESSOR, Client, RequestRefused
from adapters.adyen.credentials import AdyenCredentials
from adapters.adyen.defending import Disputes
from adapters.adyen.settlement_reports import open_report
from adapters.adyen.tokens import Tokens
from adapters.contract import Authorize, Complete, Delivery, FollowUp, SettlementNotice, Told, Webhook
from adapters.errors import ConfigurationError, NotSentError, OutcomeUnknownError
from adapters.transport import Pause, Transport, pause_with_jitter
from normalization.declines import Decline, DeclineCode
from normalization.disputes import AnswerRefused, DisputeReport
from normalization.money import InexactAmountError
from normalization.outcome import Approved, Declined, Operation, Pending, Report, Verification
from normalization.tokens import CardFacts, ProcessorToken


class AdyenAdapter:
    """Speaks for one merchant account; holds no state between calls."""

    def __init__(
        self,
        credentials: AdyenCredentials,
        transport: Transport,
        *,
        livemode: bool,
        pause: Pause = pause_with_jitter,
    ) -> None:
        """Connect nothing yet; *pause* waits before a resend."""
        self._credentials = credentials
        self._livemode = livemode
        self._client = Client(credentials, transport, livemode=livemode, pause=pause)
        self._tokens = Tokens(credentials, self._client, livemode=livemode)
        self._disputes = Disputes(credentials, self._client)
        self._transport = transport
        self._within_deadline = transport.within_deadline

    async def authorize(self, request: Authorize) -> Report:
        """POST /payments; on an account that captures manually, a purchase is captured right after."""
        try:
            body = translate.payment_request(request, self._credentials)
        except InexactAmountError:
            return self._refuse(request, DeclineCode.INVALID_AMOUNT, "hub/amount")
        except LookupError:
            return self._refuse(request, DeclineCode.INVALID_REQUEST, "hub/payment_method_data")
        return await self._within_deadline(
            PROCESSOR,
            self._pay(request, lambda: self._client.payments.payments(body, idempotency_key=request.operation_id)),
        )

    async def complete(self, request: Complete) -> Report:
        """POST /payments/details; without a result of the payer's, the same action again, and no call.

        Adyen cannot be asked how far the payer is: the answer is in the payer's hands or in the webhook.
        """
        opened = request.request
        kept = msgspec.json.decode(request.continuation, type=translate.Continuation)
        body = translate.details_request(kept, request.returned)
        if body is None:
            return Report(
                kind=opened.operation,
                tag=opened.operation_id,
                processor_reference=kept.psp_reference,
                money=None,
                livemode=self._livemode,
                outcome=translate.waiting_for_payer(kept),
            )
        key = f"{opened.operation_id}:details"
        return await self._within_deadline(
            PROCESSOR, self._pay(opened, lambda: self._client.payments.payments_details(body, idempotency_key=key))
        )

    async def follow_up(self, request: FollowUp) -> Report:
        """Ask for a capture, cancel or refund by the payment's pspReference."""
        keeps_the_rest = request.operation is Operation.CAPTURE and not request.final
        if keeps_the_rest and not self._credentials.multiple_captures:  # Adyen would let the rest go.
            return self._refuse(request, DeclineCode.UNSUPPORTED_OPERATION, "hub/final")
        try:
            build = self._modification(request)
        except InexactAmountError:
            return self._refuse(request, DeclineCode.INVALID_AMOUNT, "hub/amount")
        return await self._within_deadline(PROCESSOR, self._modify(request, build))

    async def inquire(self, request: Authorize | FollowUp) -> Report | None:
        """Send the same bytes with the same key again: Adyen answers as it did, or acts if it never heard of it.

        Raises:
            OutcomeUnknownError: also when this sending itself failed, since the first one may still have acted, and
                when one-time data is gone, so that there is nothing to send.
        """
        if isinstance(request, Authorize) and request.token is None and request.data is None:
            raise OutcomeUnknownError(PROCESSOR, "one-time data is gone: only a webhook or settlement can tell")
        try:
            return await (self.authorize(request) if isinstance(request, Authorize) else self.follow_up(request))
        except (NotSentError, ConfigurationError) as failure:
            raise OutcomeUnknownError(PROCESSOR, f"inquiry failed: {failure}") from failure

    async def cancel_by_reference(self, request: Authorize) -> None:
        """POST /cancels: Adyen cancels what carries our reference, should it exist; TECHNICAL_CANCEL tells the result.

        Raises:
            ConfigurationError: also when Adyen refuses the request itself.
        """
        key = f"{request.operation_id}{webhooks.CANCEL_STEP}"
        body = wire.CancelByReferenceRequest(
            merchant_account=self._credentials.merchant_account,
            payment_reference=request.operation_id,
            reference=key,
        )
        call = self._client.call(
            lambda: self._client.modifications.cancel_authorised_payment(body, idempotency_key=key),
            wire.ModificationReply,
        )
        reply = await self._within_deadline(PROCESSOR, call)
        if isinstance(reply, RequestRefused):
            raise ConfigurationError(PROCESSOR, f"cancel by reference refused, errorCode {reply.error_code}")

    async def describe(self, token: ProcessorToken) -> CardFacts | None:
        """Tell what card is behind a token; see `adapters.adyen.tokens`."""
        return await self._within_deadline(PROCESSOR, self._tokens.describe(token))

    async def open_token_session(self, request: OpenTokenSession) -> TokenSession | Decline:
        """Give what Adyen's client-side library needs; see `adapters.adyen.tokens`."""
        return await self._within_deadline(PROCESSOR, self._tokens.open(request))

    async def verify(self, request: Verify) -> Verification:
        """Verify a card without charging it; see `adapters.adyen.tokens`."""
        return await self._within_deadline(PROCESSOR, self._tokens.verify(request))

    async def complete_verification(self, request: CompleteVerification) -> Verification:
        """Go on after a challenge; see `adapters.adyen.tokens`."""
        return await self._within_deadline(PROCESSOR, self._tokens.complete(request))

    async def detach(self, token: ProcessorToken) -> Decline | None:
        """Have a stored card deleted; see `adapters.adyen.tokens`."""
        return await self._within_deadline(PROCESSOR, self._tokens.detach(token))

    async def accept_dispute(self, request: AcceptDispute) -> DisputeReport | AnswerRefused:
        """Accept that the money is gone; see `adapters.adyen.defending`."""
        return await self._within_deadline(PROCESSOR, self._disputes.accept(request))

    async def submit_evidence(self, request: SubmitEvidence) -> DisputeReport | AnswerRefused:
        """Defend a dispute with documents; see `adapters.adyen.defending`."""
        return await self._within_deadline(PROCESSOR, self._disputes.defend(request))

    def open_webhook(self, webhook: Webhook) -> list[Delivery]:
        """Verify raw bytes, every item of them, and split them."""
        return webhooks.open_webhook(webhook, self._credentials, livemode=self._livemode)

    def read_delivery(self, delivery: Delivery) -> list[Told]:
        """Translate one verified item from its signed fields."""
        return webhooks.read_delivery(delivery, self._credentials)

    @property
    def account_name(self) -> str:
        """Say what Adyen calls the account on every line of a report."""
        return self._credentials.merchant_account

    def open_report(self, header: Sequence[str]) -> SettlementReport:
        """Recognise a settlement report; see `adapters.adyen.settlement`."""
        return open_report(header)

    def download(self, notice: SettlementNotice) -> AsyncIterator[bytes]:
        """Fetch a settlement report; see `adapters.adyen.settlement_fetching`."""
        return settlement_fetching.download(notice, self._credentials, self._transport, livemode=self._livemode)

    async def _pay(self, request: Authorize, build: Callable[[], object]) -> Report:
        reply = await self._client.call(build, wire.PaymentReply)
        if isinstance(reply, RequestRefused):
            return translate.refusal_report(request, reply, livemode=self._livemode)
        report = translate.payment_report(request, reply, livemode=self._livemode)
        by_us = request.operation is Operation.PURCHASE and self._credentials.capture == "manual"
        if by_us and isinstance(report.outcome, Approved):
            return await self._capture_purchase(request, report)
        return report

    async def _capture_purchase(self, request: Authorize, authorised: Report) -> Report:
        """Take the money of a purchase that is authorised: pending until its CAPTURE webhook.

        Whatever fails from here on must not say "not sent": money is reserved. An inquiry walks the same two steps.
        """
        follow_up = FollowUp(
            operation=Operation.CAPTURE,
            operation_id=f"{request.operation_id}{webhooks.CAPTURE_STEP}",
            payment_id=request.payment_id,
            reference=request.reference,
            money=authorised.money or request.money,
            parent_reference=authorised.processor_reference or "",
            requested_at=request.requested_at,
        )
        try:
            captured = await self._modify(follow_up, self._modification(follow_up))
            if isinstance(captured.outcome, Declined):
                await self._release(follow_up)
        except (NotSentError, ConfigurationError) as failure:
            raise OutcomeUnknownError(PROCESSOR, f"authorised and not captured: {failure}") from failure
        return msgspec.structs.replace(authorised, outcome=captured.outcome)

    async def _release(self, capture: FollowUp) -> None:
        """Give back what could not be captured, so that a declined purchase holds no money."""
        operation_id = capture.operation_id.replace(webhooks.CAPTURE_STEP, ":release")
        cancel = msgspec.structs.replace(capture, operation=Operation.VOID, operation_id=operation_id)
        released = await self._modify(cancel, self._modification(cancel))
        if not isinstance(released.outcome, Pending):
            raise OutcomeUnknownError(PROCESSOR, "authorised, and neither captured nor released")

    def _modification(self, request: FollowUp) -> Callable[[], object]:
        account, key, psp = self._credentials.merchant_account, request.operation_id, request.parent_reference
        api = self._client.modifications
        if request.operation is Operation.VOID:
            cancel = wire.CancelRequest(merchant_account=account, reference=key)
            return lambda: api.cancel_authorised_payment_by_psp_reference(cancel, psp, idempotency_key=key)
        amount = amounts.to_wire(request.money)
        body = wire.CaptureRequest(merchant_account=account, amount=amount, reference=key)
        if request.operation is Operation.CAPTURE:
            return lambda: api.capture_authorised_payment(body, psp, idempotency_key=key)
        if request.operation is Operation.REFUND:
            return lambda: api.refund_captured_payment(body, psp, idempotency_key=key)
        msg = f"{request.operation} begins an attempt; it follows up on none"
        raise ValueError(msg)

    async def _modify(self, request: FollowUp, build: Callable[[], object]) -> Report:
        reply = await self._client.call(build, wire.ModificationReply)
        if isinstance(reply, RequestRefused):
            return translate.refusal_report(request, reply, livemode=self._livemode)
        return translate.modification_report(request, reply, livemode=self._livemode)

    def _refuse(self, request: Authorize | FollowUp, code: DeclineCode, reason: str) -> Report:
        return translate.declined(request, Decline(code=code, processor_code=reason), livemode=self._livemode)
