"""The calls about cards that no charge needs: what the browser's library starts with, checks, letting go of a card."""

from typing import Final
from urllib.parse import quote

from adapters.abilities import OpenTokenSession, TokenSession, Verify
from adapters.checkout_com import parameters, translate, wire
from adapters.checkout_com.client import PROCESSOR, Client, RequestRefused
from adapters.checkout_com.codes import request_refused
from adapters.checkout_com.credentials import CheckoutComCredentials
from adapters.errors import ConfigurationError
from normalization.declines import Decline, DeclineCode
from normalization.outcome import Verification
from normalization.tokens import CardFacts, ProcessorToken

GONE: Final = "http_404"


def reusable(token: ProcessorToken) -> bool:
    """Tell whether it is a stored card; a token of the client-side library is good once, for a quarter of an hour."""
    return token.token.startswith(parameters.STORED)


class Tokens:
    """One account's cards; holds no state between calls."""

    def __init__(self, client: Client, credentials: CheckoutComCredentials, *, livemode: bool) -> None:
        """Keep what every call needs."""
        self._client = client
        self._credentials = credentials
        self._livemode = livemode

    def open(self, request: OpenTokenSession) -> TokenSession:
        """Give what Checkout.com's library makes a one-time token with.

        Source: https://www.checkout.com/docs/developer-resources/api/manage-api-keys
        """
        if self._credentials.public_key is None:
            raise ConfigurationError(PROCESSOR, "public_key is missing in the account's credentials; set it")
        client: dict[str, object] = {
            "public_key": self._credentials.public_key,
            "environment": "production" if self._livemode else "sandbox",
        }
        if request.locale is not None:
            client["locale"] = request.locale
        return TokenSession(client=client, customer_reference=request.customer_reference)

    async def verify(self, request: Verify) -> Verification:
        """Have the card's bank asked by a payment of nothing."""
        try:
            body = parameters.verification(request, self._credentials)
        except KeyError:
            return self._refuse(request, DeclineCode.CURRENCY_NOT_SUPPORTED, "hub/currency")
        except LookupError:
            return self._refuse(request, DeclineCode.INVALID_REQUEST, "hub/payment_method_data")
        reply = await self._client.call(
            lambda: self._client.payments.request_payment(body, request.operation_id), wire.Payment
        )
        if isinstance(reply, RequestRefused):
            return translate.never_verified(request, request_refused(reply.code), livemode=self._livemode)
        return translate.verification_report(request, reply, livemode=self._livemode)

    async def describe(self, token: ProcessorToken) -> CardFacts | None:
        """Tell what card is behind a stored card's id."""
        if not token.token.startswith(parameters.STORED):
            return None
        identifier = quote(token.token, safe="")
        found = await self._client.call(lambda: self._client.instruments.get(identifier), wire.Instrument)
        return None if isinstance(found, RequestRefused) else translate.card_of(found)

    async def detach(self, token: ProcessorToken) -> Decline | None:
        """Have a stored card deleted; what is not there any more is gone."""
        if not token.token.startswith(parameters.STORED):
            return None
        identifier = quote(token.token, safe="")
        done = await self._client.call(lambda: self._client.instruments.delete(identifier), type(None))
        if isinstance(done, RequestRefused) and done.code != GONE:
            return request_refused(done.code)
        return None

    def _refuse(self, request: Verify, code: DeclineCode, reason: str) -> Verification:
        decline = Decline(code=code, processor_code=reason)
        return translate.never_verified(request, decline, livemode=self._livemode)
