"""The calls about cards that no charge needs: sessions for Stripe.js, verifications, and letting go of a card."""

from typing import Final
from urllib.parse import quote

from adapters.abilities import CompleteVerification, OpenTokenSession, TokenSession, Verify
from adapters.errors import ConfigurationError, NotSentError, OutcomeUnknownError
from adapters.stripe import setups, translate
from adapters.stripe.client import PROCESSOR, Client, decode
from adapters.stripe.declines import decline_of
from adapters.stripe.parameters import CUSTOMER
from adapters.stripe.wire import Error, PaymentMethod, Reference, SetupIntent
from normalization.declines import Decline
from normalization.outcome import Verification
from normalization.tokens import CardFacts, ProcessorToken

METHODS: Final = "/v1/payment_methods"


def reusable(token: ProcessorToken) -> bool:
    """Tell whether a PaymentMethod can be charged again: only once attached to a customer; `pm_card_*` are test cards.

    Source: https://docs.stripe.com/api/payment_methods/attach, https://docs.stripe.com/testing
    """
    return token.customer_reference is not None or token.token.startswith("pm_card_")


class Tokens:
    """One account's cards; holds no state between calls."""

    def __init__(self, client: Client, publishable_key: str | None, *, livemode: bool) -> None:
        """Keep what every call needs."""
        self._client = client
        self._publishable_key = publishable_key
        self._livemode = livemode

    async def open(self, request: OpenTokenSession) -> TokenSession | Decline:
        """Make a SetupIntent for the payer's browser to confirm."""
        if self._publishable_key is None:
            raise ConfigurationError(PROCESSOR, "publishable_key is missing in the account's credentials; set it")
        customer = request.customer_reference or await self.customer(request.session_id, request.customer_id)
        if isinstance(customer, Error):
            return decline_of(customer)
        answer = await self._client.act(setups.PATH, setups.opening(request, customer), request.session_id)
        if answer.error:
            return decline_of(answer.error)
        return setups.session(decode(answer.body, SetupIntent), self._publishable_key, customer)

    async def customer(self, operation_id: str, customer_id: str | None) -> str | Error:
        """Make the customer under whom Stripe keeps a card, or say why Stripe does not.

        Raises:
            NotSentError: also when it is not known whether one was made: what was to be done with it was not begun.
        """
        sent: dict[str, object] = {"metadata": {CUSTOMER: customer_id or operation_id}}
        try:
            answer = await self._client.act("/v1/customers", sent, f"{operation_id}:customer")
            return answer.error or decode(answer.body, Reference).id
        except OutcomeUnknownError as unknown:
            raise NotSentError(PROCESSOR, f"no customer to keep the card under: {unknown}") from unknown

    async def verify(self, request: Verify) -> Verification:
        """Create and confirm a SetupIntent."""
        if decline := setups.refusal(request):
            return setups.never_sent(request, decline, livemode=self._livemode)
        customer = request.token.customer_reference if request.token else None
        if customer is None and request.save:
            made = request.customer_reference or await self.customer(request.operation_id, request.customer_id)
            if isinstance(made, Error):
                return setups.refused(request, made, livemode=self._livemode)
            customer = made
        answer = await self._client.act(setups.PATH, setups.verifying(request, customer), request.operation_id)
        if answer.error:
            return setups.refused(request, answer.error, livemode=self._livemode)
        return setups.verified(request, decode(answer.body, SetupIntent))

    async def complete(self, completion: CompleteVerification) -> Verification:
        """Ask Stripe how the challenge ended; the payer's browser proves nothing.

        Raises:
            OutcomeUnknownError: when the browser came back with another one's id, or Stripe could not be asked.
        """
        reference = completion.continuation
        if not reference or completion.returned.get("setup_intent", reference) != reference:
            raise OutcomeUnknownError(PROCESSOR, "the payer came back with another verification's id, or with none")
        answer = await self._client.ask(f"{setups.PATH}/{quote(reference, safe='')}", {"expand": ["payment_method"]})
        if answer.error:
            raise OutcomeUnknownError(PROCESSOR, f"could not ask: {answer.status}")
        return setups.verified(completion.request, decode(answer.body, SetupIntent))

    async def describe(self, token: ProcessorToken) -> CardFacts | None:
        """Tell what card is behind a PaymentMethod; None where Stripe does not know it or it is no card.

        Raises:
            OutcomeUnknownError: when Stripe could not be asked.
        """
        method = await self._method(token)
        return translate.facts(method.card) if method and method.card else None

    async def detach(self, token: ProcessorToken) -> Decline | None:
        """Detach a PaymentMethod from its customer, after which Stripe lets nobody charge it.

        Stripe refuses what is detached already without a code of its own: whose it is now tells whether it is gone.
        """
        answer = await self._client.act(f"{_path(token)}/detach", {}, f"{token.token}:detach")
        if answer.error is None:
            return None
        method = await self._method(token)
        return decline_of(answer.error) if method and method.customer else None

    async def _method(self, token: ProcessorToken) -> PaymentMethod | None:
        answer = await self._client.ask(_path(token), {})
        return None if answer.error else decode(answer.body, PaymentMethod)


def _path(token: ProcessorToken) -> str:
    return f"{METHODS}/{quote(token.token, safe='')}"
