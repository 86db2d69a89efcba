"""What a commit of the charge path carries besides the payment and its operation."""

from datetime import date, datetime

from msgspec import Struct

from hub.idempotency.store import Answer
from hub.payments.states import Transition
from hub.retries.rules import GOOD, Counted, Permit
from normalization.money import Currency


class Expected(Struct, frozen=True, kw_only=True):
    """One line that the processor's settlement must bring; `gross_minor` is positive where it credits us.

    `fee_minor` None: no schedule says. `settle_minor` of `settle_currency` is what arrives where another currency than
    the payment's is paid out and a rate is known.
    """

    type: str
    gross_minor: int
    fee_minor: int | None
    currency: Currency
    due_on: date
    settle_minor: int | None = None
    settle_currency: Currency | None = None


class Evidence(Struct, frozen=True, kw_only=True):
    """Who said what made a change: `source` is answer, webhook, inquiry, return or hub; `report` is JSON."""

    source: str
    report: bytes
    recorded_at: datetime


class Actor(Struct, frozen=True):
    """Who asked for a change: an API key's id, its principal, and the request that brought it; for the audit log."""

    key_id: str
    principal: str
    request_id: str | None = None


class Change(Struct, frozen=True, kw_only=True):
    """One second commit: a transition with everything that is told and kept because of it.

    `due_s` is when the inquiry job looks at the operation next, in seconds from now by the database's clock; None:
    never. `events` are (type, object id, JSON). `fenced`: only who holds the operation's fence may say this, because
    the hub says it and not the processor. `opens`: the operation is new, made outside the hub.
    `counted`: the decline counts against the card.
    """

    transition: Transition
    evidence: Evidence
    due_s: float | None
    expected: tuple[Expected, ...] = ()
    events: tuple[tuple[str, str, bytes], ...] = ()
    answer: Answer | None = None
    fenced: bool = False
    opens: bool = False
    counted: Counted | None = None


class PassingOn(Struct, frozen=True, kw_only=True):
    """What a commit that closes one attempt and opens the next keeps besides them.

    `counted` is the decline that closed it, where it counts against the card; `permit` that of the next attempt;
    `billed` what the processor will charge for having declined it.
    """

    counted: Counted | None = None
    permit: Permit = GOOD
    billed: Expected | None = None


NOTHING_BESIDES = PassingOn()
