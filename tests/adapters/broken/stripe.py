"""The Stripe adapter, broken on purpose: in each class one mistake that somebody has made somewhere."""

import hashlib
import hmac
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from uuid import uuid4

from msgspec.structs import replace

from adapters.abilities import SettlementReport
from adapters.contract import Authorize, Delivery, FollowUp, Told, Webhook
from adapters.errors import AdapterError, NotSentError, OutcomeUnknownError
from adapters.stripe.account import StripeCredentials
from adapters.stripe.adapter import StripeAdapter
from adapters.stripe.client import Answer, Client
from adapters.transport import Transport
from normalization.declines import Decline, DeclineCode
from normalization.money import Currency, Money
from normalization.outcome import Approved, Declined, Pending, Report
from normalization.settlements import BrokenRow, LineType, SettlementLine


class Broken(StripeAdapter):
    """What the mistakes need to know."""

    def __init__(self, credentials: StripeCredentials, transport: Transport, *, livemode: bool) -> None:
        super().__init__(credentials, transport, livemode=livemode)
        self.credentials = credentials
        self.transport = transport


class TakesSilenceForARefusal(Broken):
    async def authorize(self, request: Authorize) -> Report:
        try:
            return await super().authorize(request)
        except OutcomeUnknownError as failure:
            if "Timeout" in str(failure):
                return refusal(request, DeclineCode.ISSUER_UNAVAILABLE)
            raise


class TakesAServerErrorForNotSent(Broken):
    async def authorize(self, request: Authorize) -> Report:
        try:
            return await super().authorize(request)
        except OutcomeUnknownError as failure:
            if "500" in str(failure):
                raise NotSentError("stripe", "the server failed") from None
            raise


class RepeatsTheAmountThatWasAskedFor(Broken):
    async def authorize(self, request: Authorize) -> Report:
        return replace(await super().authorize(request), money=request.money)


class CountsKronurAsIsoDoes(Broken):
    """Stripe wants them with two decimals that are always 00."""

    async def authorize(self, request: Authorize) -> Report:
        if request.money.currency is not Currency.ISK:
            return await super().authorize(request)
        hundredth = Money(request.money.minor // 100, Currency.ISK)
        return replace(await super().authorize(replace(request, money=hundredth)), money=request.money)


class TakesAnUnknownStatusForARefusal(Broken):
    async def authorize(self, request: Authorize) -> Report:
        try:
            return await super().authorize(request)
        except OutcomeUnknownError as failure:
            if str(failure).startswith("stripe: PaymentIntent "):
                return refusal(request, DeclineCode.GENERIC_DECLINE)
            raise


class MakesAKeyForEverySending(Broken):
    def __init__(self, credentials: StripeCredentials, transport: Transport, *, livemode: bool) -> None:
        super().__init__(credentials, transport, livemode=livemode)
        self._client = ForgetfulClient(credentials.api_key, credentials.base_url, transport)


class ForgetfulClient(Client):
    async def _once(self, method: str, path: str, parameters: dict[str, object]) -> Answer:
        fresh = {"idempotency_key": str(uuid4())} if method == "post" else {}
        return await super()._once(method, path, {**parameters, **fresh})


class BelievesEveryWebhook(Broken):
    """What is not signed might as well be."""

    def open_webhook(self, webhook_: Webhook) -> list[Delivery]:
        at = int(webhook_.received_at.timestamp())
        return super().open_webhook(resigned(webhook_, at, self.credentials.webhook_secret or ""))


class BelievesOldWebhooks(Broken):
    def open_webhook(self, webhook_: Webhook) -> list[Delivery]:
        signed = re.search(r"t=(\d+)", webhook_.headers.get("stripe-signature", ""))
        then = datetime.fromtimestamp(int(signed[1]), UTC) if signed else webhook_.received_at
        return super().open_webhook(replace(webhook_, received_at=then))


class BelievesTheOtherMode(Broken):
    def __init__(self, credentials: StripeCredentials, transport: Transport, *, livemode: bool) -> None:
        assert livemode in {True, False}
        super().__init__(credentials, transport, livemode=False)


class CallsAnAcceptedRefundDone(Broken):
    async def follow_up(self, request: FollowUp) -> Report:
        report = await super().follow_up(request)
        return replace(report, outcome=Approved()) if report.outcome == Pending() else report


class QuotesItsKey(Broken):
    async def authorize(self, request: Authorize) -> Report:
        try:
            return await super().authorize(request)
        except AdapterError as failure:
            raise type(failure)("stripe", f"{failure}, asked with {self.credentials.api_key}") from None


class CapturesForGood(Broken):
    async def follow_up(self, request: FollowUp) -> Report:
        return await super().follow_up(replace(request, final=True))


class TakesAFailedInquiryForNotFound(Broken):
    async def inquire(self, request: Authorize | FollowUp) -> Report | None:
        try:
            return await super().inquire(request)
        except OutcomeUnknownError:
            return None


class TakesAFailedQuestionForNothing(Broken):
    async def fetch(self, name: str) -> Sequence[Told]:
        try:
            return await super().fetch(name)
        except AdapterError:
            return []


class AnswersAsItDidBefore(Broken):
    def __init__(self, credentials: StripeCredentials, transport: Transport, *, livemode: bool) -> None:
        super().__init__(credentials, transport, livemode=livemode)
        self.answered: dict[str, Sequence[Told]] = {}

    async def fetch(self, name: str) -> Sequence[Told]:
        if name not in self.answered:
            self.answered[name] = await super().fetch(name)
        return self.answered[name]


class TellsOnlyTheLatest(Broken):
    async def fetch(self, name: str) -> Sequence[Told]:
        return (await super().fetch(name))[-1:]


class ListsUnderKeysOfItsOwn(Broken):
    async def undelivered(self, since: datetime, *, delivered_too: bool = False) -> AsyncIterator[list[Delivery]]:
        async for page in super().undelivered(since, delivered_too=delivered_too):
            yield [replace(one, key=f"listed_{one.key}") for one in page]


class TakesAFailedListForAnEmptyOne(Broken):
    async def undelivered(self, since: datetime, *, delivered_too: bool = False) -> AsyncIterator[list[Delivery]]:
        with suppress(AdapterError):
            async for page in super().undelivered(since, delivered_too=delivered_too):
                yield page


def refusal(request: Authorize, code: DeclineCode) -> Report:
    return Report(
        kind=request.operation,
        tag=request.operation_id,
        processor_reference=None,
        money=request.money,
        livemode=False,
        outcome=Declined(Decline(code=code, processor_code="broken")),
    )


def resigned(webhook: Webhook, at: int, secret: str) -> Webhook:
    signature = hmac.new(secret.encode(), f"{at}.".encode() + webhook.body, hashlib.sha256).hexdigest()
    return replace(webhook, headers={**webhook.headers, "stripe-signature": f"t={at},v1={signature}"})


class PassesOverUnknownTypes(Broken):
    def open_report(self, header: Sequence[str]) -> SettlementReport:
        return Narrow(super().open_report(header))


class Narrow:
    def __init__(self, report: SettlementReport) -> None:
        self._report = report
        self.format = report.format

    def read(self, cells: Sequence[str]) -> SettlementLine | BrokenRow | None:
        told = self._report.read(cells)
        unknown = isinstance(told, SettlementLine) and told.type is LineType.UNMAPPED
        return None if unknown else told
