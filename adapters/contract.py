"""What the hub asks of a processor, and what an adapter must answer with.

Six methods; everything a processor says comes back as a `Report`. A decline is returned, never raised; what is raised
(`adapters.errors`) answers whether money may have moved.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final, Generic, Protocol, TypeVar

from msgspec import Struct

from adapters.transport import Transport
from normalization.declines import DeclineCode
from normalization.disputes import DisputeReport
from normalization.money import Currency, Money
from normalization.outcome import Operation, Report
from normalization.tokens import CardFacts, ProcessorToken

ATTEMPT_PREFIX: Final = "att_"
VERIFICATION_PREFIX: Final = "ver_"
SESSION_PREFIX: Final = "ps_"
OPERATION_PREFIX: Final[Mapping[Operation, str]] = MappingProxyType(
    {
        Operation.AUTHORIZE: ATTEMPT_PREFIX,
        Operation.PURCHASE: ATTEMPT_PREFIX,
        Operation.CAPTURE: "cap_",
        Operation.VOID: "can_",
        Operation.REFUND: "ref_",
    }
)
"""How our ids begin, which processors give back as tags; a purchase and an authorization are attempts alike."""


def tag_of(reference: str | None, kind: Operation) -> str | None:
    """Give *reference* where it can be our id of such an operation.

    What is made in a processor's dashboard may carry the payment's reference, or words of its own.
    """
    return reference if reference is not None and reference.startswith(OPERATION_PREFIX[kind]) else None


class Authentication(StrEnum):
    """Whether the payer is to be challenged."""

    AUTOMATIC = "automatic"  # The processor decides.
    REQUIRED = "required"
    AVOID = "avoid"


class Recurring(StrEnum):
    """Where a payment stands in a series that the payer agreed to."""

    INITIAL = "initial"
    SUBSEQUENT = "subsequent"


class Routed(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where an operation belongs, for whoever reads it at the processor: it comes back in webhooks and reports.

    `attempt` is our id of the attempt that a follow-up belongs to; an attempt's own is its `operation_id`. `ruleset` is
    None where no rules decided, `rule` where none matched. Adapters send it as metadata (`adapters.tagging`).
    """

    merchant_account: str
    attempt: str | None = None
    ruleset: str | None = None
    version: int | None = None
    rule: str | None = None


class Authorize(Struct, frozen=True, kw_only=True):
    """Begin an attempt: reserve money (AUTHORIZE) or take it at once (PURCHASE).

    `operation_id` is ours: the processor's idempotency key and the tag on everything it tells us later. Either `token`
    or `data` (one-time data of the processor's own client-side library, never stored) is set. Without `return_url`, or
    with the payer absent, no challenge may be asked: what would need one is a decline `authentication_required`.
    For an inquiry, `processor_reference` is set where the processor's own id is already known.

    `save` asks the processor to keep the card for later charges, also with the payer absent: what it kept comes back
    as `Report.stored`. It is kept under `customer_reference`, the processor's own customer, where the hub knows one
    from an earlier token at this account; else the adapter takes or makes one for `customer_id`, the hub's own id of
    the payer (nothing personal), or for this payment alone. `network_transaction_id` is the card network's id of the
    payer's first charge, for charges with the payer absent; an adapter sends it where its account is allowed to.
    """

    operation: Operation
    operation_id: str
    payment_id: str
    reference: str
    money: Money
    requested_at: datetime
    token: ProcessorToken | None = None
    data: Mapping[str, object] | None = None
    payer_present: bool = True
    authentication: Authentication = Authentication.AUTOMATIC
    recurring: Recurring | None = None
    return_url: str | None = None
    statement_descriptor: str | None = None
    processor_reference: str | None = None
    save: bool = False
    customer_id: str | None = None
    customer_reference: str | None = None
    network_transaction_id: str | None = None
    routed: Routed | None = None


class Complete(Struct, frozen=True, kw_only=True):
    """Go on after a redirect or challenge.

    `continuation` is what the adapter gave with `ActionRequired`; `returned` is what the payer's browser brought back
    (query and form fields), empty where only the processor is to be asked.
    """

    request: Authorize
    continuation: str
    returned: Mapping[str, str]


class FollowUp(Struct, frozen=True, kw_only=True):
    """Capture, void or refund what an attempt holds.

    `parent_reference` is the processor's id of the payment. `money` of a VOID is what was authorized. `final` (captures
    only) gives the rest of the authorization back. For an inquiry, `processor_reference` is set where it is known.
    """

    operation: Operation
    operation_id: str
    payment_id: str
    reference: str
    money: Money
    parent_reference: str
    requested_at: datetime
    final: bool = True
    reason: str | None = None
    processor_reference: str | None = None
    routed: Routed | None = None


class TokenNews(Struct, frozen=True, kw_only=True):
    """A processor's word by webhook that it stored a card.

    `tag` is our id of what made it store the card: an attempt, a verification or a session. `parent_reference` is the
    processor's id of that. What is not signed, as `token.customer_reference` may be, is only a help: where the hub
    asked for a customer itself, that one counts.
    """

    tag: str | None
    parent_reference: str | None
    token: ProcessorToken
    livemode: bool


class TokenUpdate(Struct, frozen=True, kw_only=True):
    """A processor's word by webhook that a stored card changed, as banks tell it when they send a new one.

    `card` has what is known now; what is None there stays as it was. `retired`: the token can be charged no more.
    """

    token: ProcessorToken
    livemode: bool
    card: CardFacts | None = None
    retired: bool = False


class NoticeKind(StrEnum):
    """What a processor tells of its settlements."""

    REPORT_AVAILABLE = "report_available"
    PAYOUT_PAID = "payout_paid"
    PAYOUT_FAILED = "payout_failed"


class SettlementNotice(Struct, frozen=True, kw_only=True):
    """A processor's word that a settlement report can be fetched, or of a payout.

    `processor_reference` names the report or payout. `location` is where the processor says that it lies: where that
    is not signed, an address to check and not to trust.
    """

    kind: NoticeKind
    processor_reference: str
    livemode: bool
    location: str | None = None
    money: Money | None = None


Told = Report | DisputeReport | TokenNews | TokenUpdate | SettlementNotice
"""Everything that a delivery can tell, in the hub's words."""


class Webhook(Struct, frozen=True, kw_only=True):
    """One HTTP request at an account's webhook address: raw bytes, header names in lower case."""

    headers: Mapping[str, str]
    body: bytes
    received_at: datetime


class Delivery(Struct, frozen=True, kw_only=True):
    """One verified message out of a webhook; a batch is split into several.

    `key` is equal for redeliveries of one message and different for different ones. `subject` is the processor's
    object that it speaks of: deliveries of one subject are read in order of arrival. `api_version` is set where it is
    not the version that the adapter was written for: such a message is read as far as it can be.
    """

    key: str
    subject: str
    account: str | None
    livemode: bool
    body: bytes
    api_version: str | None = None


class Inquiry(StrEnum):
    """How an adapter finds out what became of a request."""

    LOOKUP = "lookup"
    REPLAY = "replay"  # A second sending with the same key: charges if the first never arrived.


class AmountRange(Struct, frozen=True):
    """The smallest and the largest amount, in ISO minor units, that a processor takes in one currency."""

    minimum_minor: int = 1
    maximum_minor: int = 99_999_999_999


class Capabilities(Struct, frozen=True, kw_only=True):
    """What one account at a processor can do; data, each fact with its source in the adapter.

    `currencies` None means every ISO currency, with `amounts` as the range where a currency has no own one.
    `replay_for` is how long the processor remembers an idempotency key. `lookup_grace` is how long a request may be
    missing from look-ups although it arrived. `pending_max` is the longest an accepted operation takes.
    `shares_tokens`: the processor's other accounts can charge what is stored at this one.
    """

    currencies: Mapping[Currency, AmountRange] | None
    amounts: AmountRange
    partial_capture: bool
    multiple_captures: bool
    inquiry: Inquiry
    replay_for: timedelta
    lookup_grace: timedelta
    pending_max: timedelta
    replay_re_answers: bool
    too_many_requests_not_executed: bool
    shares_tokens: bool = False
    documentation: str  # URL of the page that says so.


class Credentials(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every account's credentials hold; adapters add their own fields.

    `base_url` puts any server that speaks the processor's format behind the account, in test mode only.
    """

    webhook_secret: str | None = None
    webhook_secret_previous: str | None = None
    base_url: str | None = None

    def __repr__(self) -> str:
        """Name the type only: whatever prints a value would print the secrets."""
        return f"{type(self).__name__}(…)"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """Show rich's tracebacks no more than `repr`."""
        return []


class Adapter(Protocol):
    """One merchant account at one processor. A decline is returned, never raised."""

    async def authorize(self, request: Authorize) -> Report:
        """Send the request that begins an attempt."""

    async def complete(self, request: Complete) -> Report:
        """Go on after a redirect or challenge."""

    async def follow_up(self, request: FollowUp) -> Report:
        """Capture, void or refund."""

    async def inquire(self, request: Authorize | FollowUp) -> Report | None:
        """Ask what became of *request*; None: the processor does not know it.

        Where `Capabilities.inquiry` is REPLAY and no processor reference helps, this sends the same bytes again: the
        caller decides whether that is still allowed.

        Raises:
            OutcomeUnknownError: whenever it cannot be told, also when the question itself was not sent or the account
                is refused: an inquiry that failed says nothing of what it was to ask about. The same goes for
                `complete` where it only asks.
        """

    def open_webhook(self, webhook: Webhook) -> list[Delivery]:
        """Verify raw bytes and split them; pure.

        Raises:
            WebhookRejectedError: when anything of it does not verify.
        """

    def read_delivery(self, delivery: Delivery) -> Sequence[Told]:
        """Translate; pure. Empty for a message that says nothing the hub has a word for."""


C = TypeVar("C", bound=Credentials)


def every_time(_token: ProcessorToken) -> bool:
    """Say that a token can be charged more than once: what most processors' tokens are for."""
    return True


class Registration(Struct, Generic[C], frozen=True, kw_only=True):
    """How the hub gets an adapter: one value a processor.

    `connect` makes the adapter of one account from its credentials, the shared transport and its mode. `check` names
    what is wrong with credentials for a mode (a live key in test mode), as (field, message); empty: nothing is.
    `decline_codes` has a row for every code of theirs that the processor documents; `meaning` reads a
    `Decline.processor_code` where that is more than such a code alone. `reusable` tells by a token's looks whether it
    can be charged more than once.
    """

    processor: str
    credentials: type[C]
    connect: Callable[[C, Transport, bool], Adapter]
    capabilities: Callable[[C], Capabilities]
    check: Callable[[C, bool], list[tuple[str, str]]]
    decline_codes: Mapping[str, DeclineCode] = MappingProxyType({})
    meaning: Callable[[str], DeclineCode | None] | None = None
    reusable: Callable[[ProcessorToken], bool] = every_time

    def meaning_of(self, processor_code: str) -> DeclineCode | None:
        """Say what a `Decline.processor_code` means by itself; None: it is in no table."""
        return self.meaning(processor_code) if self.meaning else self.decline_codes.get(processor_code)
