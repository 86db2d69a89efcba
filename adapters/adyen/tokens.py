"""The calls about cards that no charge needs: what a client-side library wants, verifications, and deleting a card."""

from http import HTTPStatus
from urllib.parse import quote

import msgspec

from adapters.abilities import CompleteVerification, OpenTokenSession, TokenSession, Verify
from adapters.adyen import translate, verifications, wire
from adapters.adyen.client import PROCESSOR, Client, RequestRefused
from adapters.adyen.credentials import AdyenCredentials
from adapters.errors import ConfigurationError
from normalization.declines import Decline, DeclineCode
from normalization.money import InexactAmountError
from normalization.outcome import Verification
from normalization.tokens import CardFacts, ProcessorToken

NO_SHOPPER = Decline(code=DeclineCode.INVALID_REQUEST, processor_code="hub/customer_reference")
"""Adyen deletes a card of a shopper only, and nobody told whose it is."""


class Tokens:
    """One merchant account's cards; holds no state between calls."""

    def __init__(self, credentials: AdyenCredentials, client: Client, *, livemode: bool) -> None:
        """Keep what every call needs."""
        self._credentials = credentials
        self._client = client
        self._livemode = livemode

    async def open(self, request: OpenTokenSession) -> TokenSession | Decline:
        """POST /paymentMethods, and what else the library needs; nothing is made at Adyen."""
        client_key = self._credentials.client_key
        if client_key is None:
            raise ConfigurationError(PROCESSOR, "client_key is missing in the account's credentials; set it")
        try:
            body = verifications.methods_request(request, self._credentials)
        except InexactAmountError:
            return Decline(code=DeclineCode.INVALID_AMOUNT, processor_code="hub/amount")
        offered = await self._client.call(
            lambda: self._client.payments.payment_methods(body, idempotency_key=request.session_id),
            wire.PaymentMethods,
        )
        if isinstance(offered, RequestRefused):
            return translate.decline_of(offered)
        environment = self._credentials.client_environment if self._livemode else "test"
        return verifications.session(request, offered, client_key=client_key, environment=environment)

    async def verify(self, request: Verify) -> Verification:
        """POST /payments of nothing."""
        try:
            body = verifications.request_of(request, self._credentials)
        except LookupError:
            decline = Decline(code=DeclineCode.INVALID_REQUEST, processor_code="hub/payment_method_data")
            return verifications.declined(request, decline, livemode=self._livemode)
        reply = await self._client.call(
            lambda: self._client.payments.payments(body, idempotency_key=request.operation_id), wire.PaymentReply
        )
        return self._read(request, reply)

    async def complete(self, completion: CompleteVerification) -> Verification:
        """POST /payments/details; without a result of the payer's, the same action again, and no call."""
        request = completion.request
        kept = msgspec.json.decode(completion.continuation, type=translate.Continuation)
        body = translate.details_request(kept, completion.returned)
        if body is None:
            waiting = translate.waiting_for_payer(kept)
            return verifications.unanswered(request, waiting, livemode=self._livemode, psp=kept.psp_reference)
        key = f"{request.operation_id}:details"
        reply = await self._client.call(
            lambda: self._client.payments.payments_details(body, idempotency_key=key), wire.PaymentReply
        )
        return self._read(request, reply)

    async def describe(self, token: ProcessorToken) -> CardFacts | None:
        """GET /storedPaymentMethods of the token's shopper; None without one, or where Adyen does not list it."""
        listed = await self._listed(token)
        return translate.stored_card(listed, token) if isinstance(listed, wire.StoredPaymentMethods) else None

    async def detach(self, token: ProcessorToken) -> Decline | None:
        """DELETE /storedPaymentMethods/{id}; where Adyen refuses, whether it still lists the card decides."""
        if token.customer_reference is None:
            return NO_SHOPPER
        query, path = self._query(token.customer_reference), quote(token.token, safe="")
        answer = await self._client.call(
            lambda: self._client.stored.delete_token_for_stored_payment_details(path, query_parameters=query),
            wire.Nothing,
            only=HTTPStatus.NO_CONTENT,
        )
        if not isinstance(answer, RequestRefused):
            return None
        listed = await self._listed(token)
        known = not isinstance(listed, wire.StoredPaymentMethods) or translate.stored_card(listed, token)
        return translate.decline_of(answer) if known else None

    async def _listed(self, token: ProcessorToken) -> wire.StoredPaymentMethods | RequestRefused | None:
        if token.customer_reference is None:
            return None
        query = self._query(token.customer_reference)
        return await self._client.call(
            lambda: self._client.stored.get_tokens_for_stored_payment_details(query_parameters=query),
            wire.StoredPaymentMethods,
        )

    def _query(self, shopper: str) -> dict[str, str]:
        """Name the shopper; the SDK writes a query as it is given."""
        asked = {"merchantAccount": self._credentials.merchant_account, "shopperReference": shopper}
        return {name: quote(value, safe="") for name, value in asked.items()}

    def _read(self, request: Verify, reply: wire.PaymentReply | RequestRefused) -> Verification:
        if isinstance(reply, RequestRefused):
            return verifications.refused(request, reply, livemode=self._livemode)
        return verifications.verified(request, reply, livemode=self._livemode)
