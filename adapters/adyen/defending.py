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
from normalization.disputes import AnswerRefused, DisputeReport, DisputeStatus, RefusalCode

REFUSED_MAX: Final = 200
"""How much of Adyen's own words is kept, in characters."""

ACCEPTED: Final = re.compile(r"\balready (?:been )?accepted\b", re.IGNORECASE)
DEFENDED: Final = re.compile(r"\balready (?:been )?(?:defended|responded|submitted)\b", re.IGNORECASE)
"""Adyen refusing an answer because that same answer was given before; any other words are a refusal.

Adyen documents no code for it and no words: where these miss, the webhooks tell what became of the answer.
"""

_CODE: Final = RefusalCode.REFUSED_BY_PROCESSOR
_AFTERWARDS: Final = "look at the dispute at Adyen, then send an answer that it takes under a new key"


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

    async def accept(self, request: AcceptDispute) -> DisputeReport | AnswerRefused:
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

    async def defend(self, request: SubmitEvidence) -> DisputeReport | AnswerRefused:
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
        if isinstance(defense, AnswerRefused):
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


def _refusal(reply: DisputeReply | DefenseReasonsReply | RequestRefused, done: re.Pattern[str]) -> AnswerRefused | None:
    """Read a refusal; None: there is none, or it says that what was asked for was *done* before."""
    if isinstance(reply, RequestRefused):
        if done.search(reply.message):
            return None
        said = f"Adyen refused the request with its error {reply.error_code}; {_AFTERWARDS}"
        return AnswerRefused(code=_CODE, message=said, processor_code=reply.error_code)
    result = reply.dispute_service_result
    told = result.error_message or ""
    if result.success or done.search(told):
        return None
    said = f"Adyen's words: {told[:REFUSED_MAX]}" if told else "Adyen gave no reason"
    return AnswerRefused(code=_CODE, message=f"{said}; {_AFTERWARDS}")
