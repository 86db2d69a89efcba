"""How a payment or refund is found again when its answer was lost.

Lists are immediate at Stripe, search is not: a list's silence counts, search's never does. But a list is narrowed by
time, and ours may have been wrong: what a list does not have, search is asked for before it counts as never made.
Source: https://docs.stripe.com/api/payment_intents/list, https://docs.stripe.com/search#data-freshness.
"""

from datetime import timedelta
from typing import Final
from urllib.parse import quote

from adapters.contract import Authorize, FollowUp
from adapters.errors import OutcomeUnknownError
from adapters.stripe.client import PROCESSOR, Answer, Client, decode
from adapters.stripe.parameters import OPERATION
from adapters.stripe.wire import PaymentIntent, PaymentIntentList, Refund, RefundList

PAGE: Final = 100
PAGES_MAX: Final = 20
BEFORE: Final = timedelta(minutes=5)
"""How far Stripe's clock may be behind ours when it dates a PaymentIntent."""
AFTER: Final = timedelta(minutes=10)
"""How long after the request was made the PaymentIntent may have been created: its resends and Stripe's clock."""

PATH: Final = "/v1/payment_intents"


async def payment_intent(client: Client, reference: str) -> PaymentIntent:
    """Retrieve a PaymentIntent by Stripe's id of it.

    Raises:
        OutcomeUnknownError: when it cannot be had. An id that Stripe gave us and does not know any more means that
            we ask at the wrong account: no proof that nothing happened.
    """
    answer = await client.ask(f"{PATH}/{quote(reference, safe='')}", {"expand": ["latest_charge"]})
    found = decode(_body(answer), PaymentIntent)
    if found.id != reference:
        raise OutcomeUnknownError(PROCESSOR, "asked about one PaymentIntent and told of another")
    return found


async def payment_intent_of(client: Client, request: Authorize) -> PaymentIntent | None:
    """Look through the PaymentIntents made around *request* for its tag; None where none has it.

    Raises:
        OutcomeUnknownError: when there are more than can be looked through and search does not find it either.
    """
    parameters: dict[str, object] = {
        "created": {
            "gte": int((request.requested_at - BEFORE).timestamp()),
            "lte": int((request.requested_at + AFTER).timestamp()),
        },
        "limit": PAGE,
        "expand": ["data.latest_charge"],
    }
    if request.token is not None and request.token.customer_reference:
        parameters["customer"] = request.token.customer_reference
    for _ in range(PAGES_MAX):
        page = decode(_body(await client.ask(PATH, parameters)), PaymentIntentList)
        for intent in page.data:
            if intent.metadata.get(OPERATION) == request.operation_id:
                return intent
        if not page.has_more or not page.data:
            return await _searched(client, request.operation_id)
        parameters["starting_after"] = page.data[-1].id
    found = await _searched(client, request.operation_id)
    if found is None:
        raise _too_many()
    return found


async def refund_of(client: Client, request: FollowUp) -> Refund | None:
    """Find a refund by Stripe's id where known, else by its tag among those of its PaymentIntent.

    Raises:
        OutcomeUnknownError: when it cannot be told.
    """
    if request.processor_reference:
        answer = await client.ask(f"/v1/refunds/{quote(request.processor_reference, safe='')}", {})
        return decode(_body(answer), Refund)
    parameters: dict[str, object] = {"payment_intent": request.parent_reference, "limit": PAGE}
    for _ in range(PAGES_MAX):
        page = decode(_body(await client.ask("/v1/refunds", parameters)), RefundList)
        for refund in page.data:
            if refund.metadata.get(OPERATION) == request.operation_id:
                return refund
        if not page.has_more or not page.data:
            return None
        parameters["starting_after"] = page.data[-1].id
    raise _too_many()


async def _searched(client: Client, operation_id: str) -> PaymentIntent | None:
    """Ask search for the tag, of whatever time; None where it does not know it, or is not there for the account."""
    query = f"metadata['{OPERATION}']:'{operation_id}'"
    answer = await client.ask(f"{PATH}/search", {"query": query, "limit": 1, "expand": ["data.latest_charge"]})
    found = decode(answer.body, PaymentIntentList).data if answer.error is None else []
    return next((intent for intent in found if intent.metadata.get(OPERATION) == operation_id), None)


def _body(answer: Answer) -> bytes:
    if answer.error is not None:
        raise OutcomeUnknownError(PROCESSOR, f"could not ask: {answer.status} {answer.error.code or answer.error.type}")
    return answer.body


def _too_many() -> OutcomeUnknownError:
    return OutcomeUnknownError(PROCESSOR, f"not among the {PAGE * PAGES_MAX} newest; a webhook or a person must tell")
