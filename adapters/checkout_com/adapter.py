"""One processing channel at Checkout.com: the calls, their keys and their deadline."""

from collections.abc import Awaitable, Sequence
from typing import Final, TypeVar
from urllib.parse import quote

from adapters.abilities import CompleteVerification, OpenTokenSession, SettlementReport, TokenSession, Verify
from adapters.checkout_com import parameters, settlement, translate, webhooks, wire
from adapters.checkout_com.client import PROCESSOR, Client, RequestRefused
from adapters.checkout_com.credentials import CheckoutComCredentials
from adapters.checkout_com.tokens import Tokens
from adapters.contract import Authorize, Complete, Delivery, FollowUp, Webhook
from adapters.errors import ConfigurationError, NotSentError, OutcomeUnknownError
from adapters.transport import Pause, Transport, pause_with_jitter
from normalization.declines import Decline, DeclineCode
from normalization.money import InexactAmountError
from normalization.outcome import Operation, Report, Verification
from normalization.tokens import CardFacts, ProcessorToken

Answered = TypeVar("Answered")

CANCEL_STEP: Final = ":cancel"
LISTED_MAX: Final = 100
FINAL_FIRST: Final = (*translate.TAKEN, *translate.RESERVED, "Voided")
"""Of several payments under one reference, one that holds or held money is the one to report."""


class CheckoutComAdapter:
    """Speaks for one processing channel; holds no state between calls."""

    def __init__(
        self,
        credentials: CheckoutComCredentials,
        transport: Transport,
        *,
        livemode: bool,
        pause: Pause = pause_with_jitter,
    ) -> None:
        """Connect nothing yet; *pause* waits before a resend."""
        self._credentials = credentials
        self._livemode = livemode
        self._client = Client(credentials, transport, livemode=livemode, pause=pause)
        self._tokens = Tokens(self._client, credentials, livemode=livemode)
        self._within_deadline = transport.within_deadline

    async def authorize(self, request: Authorize) -> Report:
        """POST /payments; a purchase is pending until Checkout.com has captured it."""
        try:
            body = parameters.payment(request, self._credentials)
        except InexactAmountError:
            return self._refuse(request, DeclineCode.INVALID_AMOUNT, "hub/amount")
        except KeyError:
            return self._refuse(request, DeclineCode.CURRENCY_NOT_SUPPORTED, "hub/currency")
        except LookupError:
            return self._refuse(request, DeclineCode.INVALID_REQUEST, "hub/payment_method_data")
        call = self._client.call(
            lambda: self._client.payments.request_payment(body, request.operation_id), wire.Payment
        )
        reply = await self._within_deadline(PROCESSOR, call)
        if isinstance(reply, RequestRefused):
            return translate.refusal_report(request, reply, livemode=self._livemode)
        return translate.payment_report(request, reply, livemode=self._livemode)

    async def complete(self, request: Complete) -> Report:
        """Ask how the challenge ended; what the payer's browser brought proves nothing and is not needed.

        Raises:
            OutcomeUnknownError: whenever it cannot be told.
        """
        found = await self._asked(self._payment(request.continuation))
        return translate.payment_report(request.request, found, livemode=self._livemode)

    async def follow_up(self, request: FollowUp) -> Report:
        """Ask for a capture, void or refund by the payment's id: accepted, the result comes by webhook."""
        try:
            body = parameters.action(request)
        except InexactAmountError:
            return self._refuse(request, DeclineCode.INVALID_AMOUNT, "hub/amount")
        except KeyError:
            return self._refuse(request, DeclineCode.CURRENCY_NOT_SUPPORTED, "hub/currency")
        reply = await self._within_deadline(PROCESSOR, self._act(request.operation, request, body))
        if isinstance(reply, RequestRefused):
            return translate.refusal_report(request, reply, livemode=self._livemode)
        return translate.action_report(request, reply, livemode=self._livemode)

    async def inquire(self, request: Authorize | FollowUp) -> Report | None:
        """Look up the payment, by its id or our reference, or the action among its payment's.

        Raises:
            OutcomeUnknownError: whenever it cannot be told, also where nothing could be asked.
        """
        if isinstance(request, FollowUp):
            actions = await self._asked(self._actions(request.parent_reference))
            return translate.done_report(request, actions, livemode=self._livemode)
        found = await self._asked(self._find(request))
        return None if found is None else translate.payment_report(request, found, livemode=self._livemode)

    async def cancel_by_reference(self, request: Authorize) -> None:
        """Void the payment that *request* made, should there be one that holds money.

        One that waits for its payer cannot be voided; it ends by itself within a quarter of an hour.

        Raises:
            OutcomeUnknownError: when it could not be found out or done for sure; asking again is safe.
            NotSentError: when the void was not sent.
        """
        found = await self._asked(self._find(request))
        if found is None or found.status not in translate.RESERVED:
            return
        key = f"{request.operation_id}{CANCEL_STEP}"
        identifier = quote(found.id, safe="")
        await self._within_deadline(
            PROCESSOR,
            self._client.call(
                lambda: self._client.payments.void_payment(identifier, {"reference": key}, key), wire.Accepted
            ),
        )

    async def describe(self, token: ProcessorToken) -> CardFacts | None:
        """GET /instruments/{id}; None for a one-time token, and where Checkout.com does not know it."""
        return await self._within_deadline(PROCESSOR, self._tokens.describe(token))

    async def detach(self, token: ProcessorToken) -> Decline | None:
        """DELETE /instruments/{id}; a one-time token forgets itself."""
        return await self._within_deadline(PROCESSOR, self._tokens.detach(token))

    async def open_token_session(self, request: OpenTokenSession) -> TokenSession | Decline:
        """Give the public key, which is all that Checkout.com's library needs; nothing is asked."""
        return self._tokens.open(request)

    async def verify(self, request: Verify) -> Verification:
        """POST /payments of nothing: a card verification, which stores the card where that is asked for."""
        return await self._within_deadline(PROCESSOR, self._tokens.verify(request))

    async def complete_verification(self, request: CompleteVerification) -> Verification:
        """Ask how the challenge of a verification ended."""
        found = await self._asked(self._payment(request.continuation))
        return translate.verification_report(request.request, found, livemode=self._livemode)

    def open_webhook(self, webhook: Webhook) -> list[Delivery]:
        """Verify raw bytes; see `adapters.checkout_com.webhooks`."""
        return webhooks.open_webhook(webhook, self._credentials, livemode=self._livemode)

    def read_delivery(self, delivery: Delivery) -> list[Report]:
        """Translate; see `adapters.checkout_com.webhooks`."""
        return webhooks.read_delivery(delivery)

    async def _act(
        self, operation: Operation, request: FollowUp, body: parameters.Body
    ) -> wire.Accepted | RequestRefused:
        api, key, identifier = self._client.payments, request.operation_id, quote(request.parent_reference, safe="")
        send = {
            Operation.CAPTURE: api.capture_payment,
            Operation.VOID: api.void_payment,
            Operation.REFUND: api.refund_payment,
        }[operation]
        return await self._client.call(lambda: send(identifier, body, key), wire.Accepted)

    def open_report(self, header: Sequence[str]) -> SettlementReport:
        """Recognise a settlement report; see `adapters.checkout_com.settlement`."""
        return settlement.open_report(header)

    async def _find(self, request: Authorize) -> wire.Payment | None:
        """Find the payment that *request* made; its id, where Checkout.com gave us one, must be known there."""
        if request.processor_reference:
            return await self._payment(request.processor_reference)
        query = {"limit": LISTED_MAX, "skip": 0, "reference": request.operation_id}
        listed = await self._told(
            self._client.call(lambda: self._client.payments.get_payments_list(query), wire.PaymentList)
        )
        found = [payment for payment in listed.data if payment.reference == request.operation_id]
        if not found and listed.total_count:
            raise OutcomeUnknownError(PROCESSOR, "a list of payments without the one that was asked for")
        if not found:
            return None
        standing = next((payment for payment in found if payment.status in FINAL_FIRST), found[0])
        return await self._explained(standing)

    async def _payment(self, reference: str) -> wire.Payment:
        identifier = quote(reference, safe="")
        call = self._client.call(lambda: self._client.payments.get_payment_details(identifier), wire.Payment)
        found = await self._told(call)
        if found.id != reference:
            raise OutcomeUnknownError(PROCESSOR, "asked about one payment and told of another")
        return await self._explained(found)

    async def _explained(self, payment: wire.Payment) -> wire.Payment:
        if not translate.lacks_reason(payment):
            return payment
        return translate.with_reason(payment, await self._actions(payment.id))

    async def _actions(self, reference: str) -> list[wire.Action]:
        identifier = quote(reference, safe="")
        return await self._told(
            self._client.call(lambda: self._client.payments.get_payment_actions(identifier), list[wire.Action])
        )

    async def _told(self, call: Awaitable[Answered | RequestRefused]) -> Answered:
        reply = await call
        if isinstance(reply, RequestRefused):
            raise OutcomeUnknownError(PROCESSOR, f"could not ask: {reply.code}")
        return reply

    async def _asked(self, question: Awaitable[Answered]) -> Answered:
        """Ask; that a question failed says nothing of what it was about."""
        try:
            return await self._within_deadline(PROCESSOR, question)
        except (NotSentError, ConfigurationError) as failure:
            raise OutcomeUnknownError(PROCESSOR, f"could not ask: {failure}") from failure

    def _refuse(self, request: Authorize | FollowUp, code: DeclineCode, reason: str) -> Report:
        return translate.declined(request, Decline(code=code, processor_code=reason), livemode=self._livemode)
