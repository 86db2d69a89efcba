"""One merchant account at Stripe: which call each of the contract's methods makes."""

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import quote

from msgspec.structs import replace

from adapters.abilities import (
    AcceptDispute,
    CompleteVerification,
    OpenTokenSession,
    SettlementReport,
    SubmitEvidence,
    TokenSession,
    Verify,
)
from adapters.contract import Authorize, Complete, Delivery, FollowUp, SettlementNotice, Told, Webhook
from adapters.errors import OutcomeUnknownError
from adapters.stripe import defending, deliveries, inquiry, parameters, refetching, settlement, translate, webhook
from adapters.stripe.account import StripeCredentials
from adapters.stripe.client import PROCESSOR, Client, decode
from adapters.stripe.settlement_fetching import Settlements
from adapters.stripe.tokens import Tokens
from adapters.stripe.wire import Error, PaymentIntent, Refund
from adapters.transport import Transport
from normalization.declines import Decline, DeclineCode
from normalization.disputes import AnswerRefused, DisputeReport
from normalization.outcome import Declined, Operation, Report, Verification
from normalization.tokens import CardFacts, ProcessorToken

UNCONFIRMED_MAX: Final = timedelta(minutes=10)
"""After this long no request of ours is still running that could confirm a PaymentIntent."""

CANCELABLE: Final = frozenset(
    {"requires_payment_method", "requires_confirmation", "requires_action", "requires_capture", "processing"}
)


def now() -> datetime:
    """Tell the time, UTC."""
    return datetime.now(UTC)


class StripeAdapter:
    """Speaks for one account in one mode."""

    def __init__(
        self,
        credentials: StripeCredentials,
        transport: Transport,
        *,
        livemode: bool,
        clock: Callable[[], datetime] = now,
    ) -> None:
        """Keep what every call needs; connects to nothing."""
        self._client = Client(credentials.api_key, credentials.base_url, transport)
        self._secrets = (credentials.webhook_secret, credentials.webhook_secret_previous)
        self._multicapture = credentials.multicapture
        self._mit_exemption = credentials.mit_exemption
        self._tokens = Tokens(self._client, credentials.publishable_key, livemode=livemode)
        self._settlements = Settlements(self._client, transport, credentials.api_key, credentials.base_url)
        self._livemode = livemode
        self._clock = clock

    async def authorize(self, request: Authorize) -> Report:
        """Create and confirm a PaymentIntent."""
        if decline := parameters.refusal(request, multicapture=self._multicapture):
            return translate.never_sent(request, decline, livemode=self._livemode)
        customer: str | Error | None = parameters.customer_of(request)
        if customer is None and parameters.saves(request):
            customer = await self._tokens.customer(request.operation_id, request.customer_id)
        if isinstance(customer, Error):
            return translate.refused(request, customer, livemode=self._livemode)
        sent = parameters.opening(
            request, customer=customer, multicapture=self._multicapture, mit_exemption=self._mit_exemption
        )
        answer = await self._client.act(inquiry.PATH, sent, request.operation_id)
        if answer.error:
            return translate.refused(request, answer.error, livemode=self._livemode)
        return _own(request, translate.opening(decode(answer.body, PaymentIntent), request.operation))

    async def complete(self, request: Complete) -> Report:
        """Ask Stripe how the challenge ended; the payer's browser proves nothing, but must speak of this payment.

        Raises:
            OutcomeUnknownError: when the browser came back with another payment's id, or Stripe could not be asked.
        """
        reference = request.continuation or request.request.processor_reference
        if not reference:
            raise OutcomeUnknownError(PROCESSOR, "a challenge without the id of its PaymentIntent")
        if request.returned.get("payment_intent", reference) != reference:
            raise OutcomeUnknownError(PROCESSOR, "the payer's browser came back with another payment's id")
        intent = await inquiry.payment_intent(self._client, reference)
        return _own(request.request, translate.opening(intent, request.request.operation))

    async def follow_up(self, request: FollowUp) -> Report:
        """Capture, cancel or refund a PaymentIntent."""
        if decline := parameters.refusal(request, multicapture=self._multicapture):
            return translate.never_sent(request, decline, livemode=self._livemode)
        path, sent = self._follow_up(request)
        answer = await self._client.act(path, sent, request.operation_id)
        if answer.error:
            if (intent := answer.error.payment_intent) and self._done(request, intent):
                return self._on_intent(request, intent)  # Refused as done already, and by this very operation.
            return translate.refused(request, answer.error, livemode=self._livemode)
        if request.operation is Operation.REFUND:
            return _own(request, translate.refund(decode(answer.body, Refund), livemode=self._livemode))
        intent = decode(answer.body, PaymentIntent)
        captures = request.operation is Operation.CAPTURE
        another = captures and translate.latest_capture(intent) not in {None, request.operation_id}
        if another or intent.id != request.parent_reference:
            raise OutcomeUnknownError(PROCESSOR, "asked about one PaymentIntent or capture and told of another")
        return self._on_intent(request, intent)

    async def inquire(self, request: Authorize | FollowUp) -> Report | None:
        """Look *request* up.

        A capture or void is known by the state of its PaymentIntent: None while that still waits to be captured, and
        when it was captured by another hand than this capture's.

        Raises:
            OutcomeUnknownError: when it cannot be told.
        """
        if isinstance(request, Authorize):
            return await self._inquire_opening(request)
        if request.operation is Operation.REFUND:
            found = await inquiry.refund_of(self._client, request)
            return _own(request, translate.refund(found, livemode=self._livemode)) if found else None
        intent = await inquiry.payment_intent(self._client, request.parent_reference)
        return self._on_intent(request, intent) if self._done(request, intent) else None

    async def cancel_by_reference(self, request: Authorize) -> None:
        """Cancel the PaymentIntent that *request* made, should there be one that can still be cancelled.

        Raises:
            OutcomeUnknownError: when it could not be found out or done for sure; asking again is safe.
            NotSentError: when the cancel was not sent.
        """
        intent = await self._find(request)
        if intent is not None and intent.status in CANCELABLE:
            await self._client.act(
                f"{inquiry.PATH}/{intent.id}/cancel",
                parameters.canceling("abandoned"),
                f"{request.operation_id}:cancel",
            )

    async def describe(self, token: ProcessorToken) -> CardFacts | None:
        """Tell what card is behind a PaymentMethod; see `adapters.stripe.tokens`."""
        return await self._tokens.describe(token)

    async def open_token_session(self, request: OpenTokenSession) -> TokenSession | Decline:
        """Give what Stripe.js needs to keep a card; see `adapters.stripe.tokens`."""
        return await self._tokens.open(request)

    async def verify(self, request: Verify) -> Verification:
        """Verify a card without charging it; see `adapters.stripe.tokens`."""
        return await self._tokens.verify(request)

    async def complete_verification(self, request: CompleteVerification) -> Verification:
        """Go on after a challenge; see `adapters.stripe.tokens`."""
        return await self._tokens.complete(request)

    async def detach(self, token: ProcessorToken) -> Decline | None:
        """Have a card forgotten; see `adapters.stripe.tokens`."""
        return await self._tokens.detach(token)

    def open_webhook(self, webhook_: Webhook) -> list[Delivery]:
        """Verify raw bytes; see `adapters.stripe.webhook`."""
        return webhook.open_webhook(webhook_, self._secrets, livemode=self._livemode)

    def read_delivery(self, delivery: Delivery) -> Sequence[Told]:
        """Translate; see `adapters.stripe.deliveries`."""
        return deliveries.read_delivery(delivery)

    def fetched_as(self, delivery: Delivery) -> str | None:
        """Name the object that a delivery speaks of; see `adapters.stripe.deliveries`."""
        return deliveries.fetched_as(delivery)

    async def fetch(self, name: str) -> Sequence[Told]:
        """Tell how an object stands now; see `adapters.stripe.refetching`."""
        return await refetching.fetch(self._client, name, livemode=self._livemode)

    def undelivered(self, since: datetime, *, delivered_too: bool = False) -> AsyncIterator[list[Delivery]]:
        """List what was not delivered, or everything; see `adapters.stripe.refetching`."""
        return refetching.undelivered(self._client, since, livemode=self._livemode, delivered_too=delivered_too)

    async def accept_dispute(self, request: AcceptDispute) -> DisputeReport | AnswerRefused:
        """Leave the money to the payer; see `adapters.stripe.defending`."""
        return await defending.accept(self._client, request)

    async def submit_evidence(self, request: SubmitEvidence) -> DisputeReport | AnswerRefused:
        """Answer the payer's bank; see `adapters.stripe.defending`."""
        return await defending.submit(self._client, request)

    def open_report(self, header: Sequence[str]) -> SettlementReport:
        """Recognise a settlement report; see `adapters.stripe.settlement`."""
        return settlement.open_report(header)

    def download(self, notice: SettlementNotice) -> AsyncIterator[bytes]:
        """Fetch a settlement report; see `adapters.stripe.settlement_fetching`."""
        return self._settlements.download(notice)

    def _follow_up(self, request: FollowUp) -> tuple[str, dict[str, object]]:
        path = f"{inquiry.PATH}/{quote(request.parent_reference, safe='')}"
        match request.operation:
            case Operation.CAPTURE:
                return f"{path}/capture", parameters.capturing(request, multicapture=self._multicapture)
            case Operation.VOID:
                return f"{path}/cancel", parameters.canceling(request.reason)
            case _:
                return "/v1/refunds", parameters.refunding(request)

    def _on_intent(self, request: FollowUp, intent: PaymentIntent) -> Report:
        if request.operation is Operation.VOID:
            return translate.void(intent, request.operation_id)
        return translate.capture(intent, request.operation_id, multicapture=self._multicapture)

    def _done(self, request: FollowUp, intent: PaymentIntent) -> bool:
        if request.operation is Operation.REFUND or intent.id != request.parent_reference:
            return False
        if request.operation is Operation.VOID:
            return intent.status == "canceled"
        ours = translate.latest_capture(intent) == request.operation_id or request.operation_id in intent.metadata
        return ours and bool(intent.amount_received or intent.status in {"succeeded", "processing"})

    async def _find(self, request: Authorize) -> PaymentIntent | None:
        if request.processor_reference:
            return await inquiry.payment_intent(self._client, request.processor_reference)
        return await inquiry.payment_intent_of(self._client, request)

    async def _inquire_opening(self, request: Authorize) -> Report | None:
        intent = await self._find(request)
        if intent is None:
            return None
        if intent.status == "requires_confirmation":
            return self._unconfirmed(request, intent)
        return _own(request, translate.opening(intent, request.operation))

    def _unconfirmed(self, request: Authorize, intent: PaymentIntent) -> Report:
        """Judge a PaymentIntent that was created and not confirmed: Stripe stopped between the two.

        While the request may still be running that is not known; later it is a no, since only we could confirm it.
        """
        if self._clock() - datetime.fromtimestamp(intent.created, UTC) < UNCONFIRMED_MAX:
            raise OutcomeUnknownError(PROCESSOR, "created, not confirmed yet")
        decline = Decline(code=DeclineCode.PROCESSOR_ERROR, processor_code=intent.status)
        return Report(
            kind=request.operation,
            tag=request.operation_id,
            processor_reference=intent.id,
            money=translate.money_of(intent.amount, intent.currency),
            livemode=intent.livemode,
            outcome=Declined(decline),
            raw_status=intent.status,
        )


def _own(request: Authorize | FollowUp, report: Report) -> Report:
    """Make sure that Stripe answered about *request*; an answer without our tag is taken for it.

    Raises:
        OutcomeUnknownError: when it carries another operation's tag.
    """
    if report.tag is None:
        return replace(report, tag=request.operation_id)
    if report.tag != request.operation_id:
        raise OutcomeUnknownError(PROCESSOR, "asked about one operation and told of another")
    return report
