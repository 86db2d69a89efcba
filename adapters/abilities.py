"""What an adapter may be able to do besides: each ability a small protocol of its own.

The hub asks with `isinstance` and does without where an adapter lacks one.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

from msgspec import Struct

from adapters.contract import Authorize, Delivery, SettlementNotice, Told
from normalization.declines import Decline
from normalization.disputes import AnswerRefused, DisputeReport
from normalization.money import Currency, Money
from normalization.outcome import Verification
from normalization.settlements import BrokenRow, SettlementLine
from normalization.tokens import CardFacts, ProcessorToken


class OpenTokenSession(Struct, frozen=True, kw_only=True):
    """Ask for what a processor's client-side library needs to take a card, which never touches the hub.

    `session_id` is ours: the processor's idempotency key and the tag of what comes of it. For `customer_id` and
    `customer_reference` see `Authorize`. `money` and `country` (ISO 3166-1 alpha-2, the payer's) narrow the methods
    that are offered, `locale` ("nl-NL") is the language of their names.
    """

    session_id: str
    customer_id: str | None = None
    customer_reference: str | None = None
    money: Money | None = None
    country: str | None = None
    locale: str | None = None


class TokenSession(Struct, frozen=True, kw_only=True):
    """What a client-side library is started with.

    `client` goes to the payer's browser as it is, under the processor's own names, see its page in docs/adapters: no
    secret of the account is in it, but it belongs to one payer and to no log. `customer_reference` belongs to
    every token that comes of the session: give it back with the token.
    """

    client: Mapping[str, object]
    customer_reference: str | None = None
    processor_reference: str | None = None

    def __repr__(self) -> str:
        """Leave out what may let another person act for the payer."""
        return f"{type(self).__name__}(processor_reference={self.processor_reference!r}, …)"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """Show rich's tracebacks no more than `repr`."""
        return [("processor_reference", self.processor_reference)]


class Verify(Struct, frozen=True, kw_only=True):
    """Have a card's bank asked whether it is good, without charging it.

    `operation_id` is ours: the processor's idempotency key and its tag; it begins with `ver_`. Either `token` or
    `data` is set, as in `Authorize`; a token that is not stored yet, and one-time data where `save` is set, are
    stored, see there for `customer_id` and `customer_reference`. `currency` is one that the account takes. Without
    `return_url` no challenge may be asked: what would need one is a decline `authentication_required`.
    """

    operation_id: str
    currency: Currency
    requested_at: datetime
    token: ProcessorToken | None = None
    data: Mapping[str, object] | None = None
    save: bool = True
    customer_id: str | None = None
    customer_reference: str | None = None
    return_url: str | None = None


class CompleteVerification(Struct, frozen=True, kw_only=True):
    """Go on with a verification after a redirect or challenge; see `Complete`."""

    request: Verify
    continuation: str
    returned: Mapping[str, str]


class EvidenceFile(Struct, frozen=True, kw_only=True):
    """A document for the payer's bank. `purpose` is the processor's own word for what it shows, None: not said."""

    name: str
    content_type: str  # application/pdf, image/jpeg, image/png or image/tiff
    content: bytes
    purpose: str | None = None


class AcceptDispute(Struct, frozen=True, kw_only=True):
    """Leave the money to the payer. `told` is what is known of the dispute."""

    operation_id: str
    told: DisputeReport


class SubmitEvidence(Struct, frozen=True, kw_only=True):
    """Answer the payer's bank; most processors take an answer once.

    `operation_id` is ours, the processor's idempotency key. `told` is what is known of the dispute. `text` is the
    answer in words, `defense` the processor's own code of the ground that is claimed, where it wants one.
    """

    operation_id: str
    told: DisputeReport
    text: str | None = None
    defense: str | None = None
    files: tuple[EvidenceFile, ...] = ()


@runtime_checkable
class CancelsByReference(Protocol):
    """Can cancel a payment known by our operation id only."""

    async def cancel_by_reference(self, request: Authorize) -> None:
        """Ask the processor to cancel whatever *request* made, should it exist."""


@runtime_checkable
class DescribesTokens(Protocol):
    """Can say what card is behind a token."""

    async def describe(self, token: ProcessorToken) -> CardFacts | None:
        """Ask for card facts; None where the processor does not tell."""


@runtime_checkable
class OpensTokenSessions(Protocol):
    """Can start the processor's client-side library."""

    async def open_token_session(self, request: OpenTokenSession) -> TokenSession | Decline:
        """Ask for what the library needs; a decline where the processor refuses the request.

        Asking again with the same `session_id` is safe, whatever was raised: no money moves here.

        Raises:
            ConfigurationError: also when the account's credentials lack the key that is for browsers; the message
                names the field.
        """


@runtime_checkable
class VerifiesTokens(Protocol):
    """Can verify a card, and store it, without charging it."""

    async def verify(self, request: Verify) -> Verification:
        """Ask the card's bank.

        The same request may be sent again, whatever became of it: it moves no money and has its own key.
        """

    async def complete_verification(self, request: CompleteVerification) -> Verification:
        """Go on after a challenge; with nothing returned, say how far it is."""


@runtime_checkable
class DetachesTokens(Protocol):
    """Can make a processor forget a stored card."""

    async def detach(self, token: ProcessorToken) -> Decline | None:
        """Have *token* forgotten; None: it is gone, also where it was gone before. A decline says why it stays.

        Asking again is safe, whatever was raised.
        """


@runtime_checkable
class DefendsDisputes(Protocol):
    """Can answer a dispute. What comes back is how the dispute stands now, or why the answer is not taken.

    The caller reads `AnswerRefused.message`: it says what to do, and nothing of it is a secret or from the evidence.
    """

    async def accept_dispute(self, request: AcceptDispute) -> DisputeReport | AnswerRefused:
        """Accept that the money is gone. Asking again is safe, whatever was raised."""

    async def submit_evidence(self, request: SubmitEvidence) -> DisputeReport | AnswerRefused:
        """Hand in text and files. Asking again with the same `operation_id` is safe, whatever was raised."""


@runtime_checkable
class Refetches(Protocol):
    """Can be asked for what a delivery speaks of: the delivery is the trigger then, and the answer the value."""

    def fetched_as(self, delivery: Delivery) -> str | None:
        """Name what one question would tell of, equal for deliveries that it answers together; pure.

        None: there is nothing to ask, the delivery speaks for itself.
        """

    async def fetch(self, name: str) -> Sequence[Told]:
        """Ask for what `fetched_as` named, and translate how it stands now.

        Raises:
            AdapterError: as for any request; nothing is known then but what the deliveries say.
        """


@runtime_checkable
class ListsEvents(Protocol):
    """Keeps a list of what it sent, by which a gap can be filled."""

    def undelivered(self, since: datetime, *, delivered_too: bool = False) -> AsyncIterator[list[Delivery]]:
        """List what it could not deliver since then, the newest first, a page at a time.

        With *delivered_too* all that happened since then: what a backup that was restored does not hold was delivered.

        The deliveries have the keys that they have by webhook.
        """


class SettlementReport(Protocol):
    """A settlement report whose columns were recognised; its rows are read one by one and none is remembered.

    `format` names the kind of report, as the page in docs/adapters does. Rows have to be handed over in their order:
    lines that a processor gives no name of their own are counted.
    """

    @property
    def format(self) -> str:
        """Name the kind of report."""

    def read(self, cells: Sequence[str]) -> SettlementLine | BrokenRow | None:
        """Translate one row; None: it tells of no money (a total, or a step before the money moved)."""


@runtime_checkable
class ReadsSettlements(Protocol):
    """Can read the processor's settlement reports."""

    def open_report(self, header: Sequence[str]) -> SettlementReport:
        """Recognise a report by its column names, in whatever order; pure.

        Raises:
            NotAReportError: when they are those of no report that this processor writes.
        """


@runtime_checkable
class BearsName(Protocol):
    """Knows what the processor calls the merchant account on the lines of its reports."""

    @property
    def account_name(self) -> str:
        """Say what `SettlementLine.account` is on lines of this account."""


@runtime_checkable
class DownloadsSettlements(Protocol):
    """Can fetch a report that the processor said is ready, or that is told by its API."""

    def download(self, notice: SettlementNotice) -> AsyncIterator[bytes]:
        """Fetch the report's bytes, piece by piece; only from the processor's own hosts.

        Raises:
            ConfigurationError: when the processor does not let us, or the notice points elsewhere.
            OutcomeUnknownError: when it did not come whole; asking again is safe.
        """
