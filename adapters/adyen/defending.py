"""Answering a dispute at Adyen: accepting it, or defending it with documents.

Source: https://docs.adyen.com/risk-management/disputes-api
"""

import re
from collections.abc import Callable, Iterator
from typing import Final

from msgspec.structs import replace

from adapters.abilities import AcceptDispute, SubmitEvidence
from adapters.adyen import defenses
from adapters.adyen.client import Client, RequestRefused
from adapters.adyen.credentials import AdyenCredentials
from adapters.adyen.dispute_wire import (
    DefendRequest,
    DefenseReasonsReply,
    DisputeReply,
    DisputeRequest,
    SupplyRequest,
)
from adapters.adyen.translate import decline_of
from normalization.declines import Decline, DeclineCode
from normalization.disputes import DisputeReport, DisputeStatus

REFUSED_MAX: Final = 200
"""How much of Adyen's own words is kept, in characters."""

ACCEPTED: Final = re.compile(r"\balready (?:been )?accepted\b", re.IGNORECASE)
DEFENDED: Final = re.compile(r"\balready (?:been )?(?:defended|responded|submitted)\b", re.IGNORECASE)
"""Adyen refusing an answer because that same answer was given before; any other words are a refusal.

Adyen documents no code for it and no words: where these miss, the webhooks tell what became of the answer.
"""


class Disputes:
    """One merchant account's disputes; holds no state between calls.

    The Disputes API knows no idempotency key: its OpenAPI document names none. A second sending does nothing twice all
    the same: a document takes the place of the one of its type, and a dispute that was answered is refused.
    """

    def __init__(self, credentials: AdyenCredentials, client: Client) -> None:
        """Keep what every call needs."""
        self._account = credentials.merchant_account
        self._client = client
        self._api = client.disputes

    async def accept(self, request: AcceptDispute) -> DisputeReport | Decline:
        """POST /acceptDispute."""
        told = request.told
        if refusal := defenses.unnamed(told):
            return refusal
        accepted = replace(
            told, status=DisputeStatus.LOST, accepted=True, movements=(), raw_status="acceptDispute", defendable=False
        )
        if told.accepted:
            return accepted
        body = self._about(told)
        reply = await self._client.call(lambda: self._api.accept_dispute(body), DisputeReply)
        return _refusal(reply, ACCEPTED) or accepted

    async def defend(self, request: SubmitEvidence) -> DisputeReport | Decline:
        """Ask what can be said, hand in the documents, have the defense sent on to the bank."""
        if refusal := defenses.unanswerable(request):
            return refusal
        told = request.told
        defended = replace(
            told, status=DisputeStatus.UNDER_REVIEW, accepted=False, movements=(), raw_status="defendDispute"
        )
        body = self._about(told)
        possible = await self._client.call(
            lambda: self._api.retrieve_applicable_defense_reasons(body), DefenseReasonsReply
        )
        if isinstance(possible, RequestRefused) or not possible.dispute_service_result.success:
            return _refusal(possible, DEFENDED) or defended
        defense = defenses.planned(request, possible.defense_reasons)
        if isinstance(defense, Decline):
            return defense
        for build in self._steps(told, defense):
            if refusal := _refusal(await self._client.call(build, DisputeReply), DEFENDED):
                return refusal
        return defended

    def _about(self, told: DisputeReport) -> DisputeRequest:
        return DisputeRequest(merchant_account_code=self._account, dispute_psp_reference=told.processor_reference)

    def _steps(self, told: DisputeReport, defense: defenses.Defense) -> Iterator[Callable[[], object]]:
        account, dispute = self._account, told.processor_reference
        if defense.documents:
            supplied = SupplyRequest(
                merchant_account_code=account, dispute_psp_reference=dispute, defense_documents=defense.documents
            )
            yield lambda: self._api.supply_defense_document(supplied)
        defended = DefendRequest(
            merchant_account_code=account, dispute_psp_reference=dispute, defense_reason_code=defense.reason
        )
        yield lambda: self._api.defend_dispute(defended)


def _refusal(reply: DisputeReply | DefenseReasonsReply | RequestRefused, done: re.Pattern[str]) -> Decline | None:
    """Read a refusal; None: there is none, or it says that what was asked for was *done* before."""
    if isinstance(reply, RequestRefused):
        return None if done.search(reply.message) else decline_of(reply)
    result = reply.dispute_service_result
    told = result.error_message or ""
    if result.success or done.search(told):
        return None
    return Decline(code=DeclineCode.INVALID_REQUEST, processor_code=f"dispute: {told[:REFUSED_MAX] or 'refused'}")
