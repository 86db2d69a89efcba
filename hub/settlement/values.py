"""The values of an import: a line that is new to us, what may belong to it, and what was decided about it."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from msgspec import Struct

from hub.exceptions.types import ExceptionType
from hub.merchants.profile import Terms as AccountTerms
from hub.payments.states import Booking, OperationStatus, Status
from normalization.outcome import Operation
from normalization.settlements import SettlementLine


class NewLine(Struct, frozen=True, kw_only=True, gc=False):
    """A line that no report told before.

    `number` is its line in the file, `raw` its cells as JSON with card numbers masked, `digest` of all that it says.
    """

    id: str
    number: int
    line: SettlementLine
    raw: str
    digest: str


class Terms(Struct, frozen=True, kw_only=True):
    """What the lines of one report are settled by; `account` is what the account agreed with its processor.

    `account_name` is the processor's own name of the account, None where nobody said it.
    """

    batch_id: str
    livemode: bool
    merchant_account: str
    account: AccountTerms
    now: datetime
    account_name: str | None = None


class Settled(Struct, frozen=True, kw_only=True):
    """How many lines became what; `open` ones are decided after the last line of their report."""

    matched: int = 0
    posted: int = 0
    excepted: int = 0
    open: int = 0

    def __add__(self, other: "Settled") -> "Settled":
        """Add up what came of two lots of lines."""
        return Settled(
            matched=self.matched + other.matched,
            posted=self.posted + other.posted,
            excepted=self.excepted + other.excepted,
            open=self.open + other.open,
        )


class Wanted(Struct, frozen=True, gc=False):
    """What must arrive for an operation; `fee_minor` None: no schedule says. `line_id`: the match that it is in."""

    id: str
    payment_id: str
    operation_id: str
    type: str
    gross_minor: int
    fee_minor: int | None
    currency: str
    settle_minor: int | None
    settle_currency: str | None
    due_on: date
    line_id: str | None = None


class Known(Struct, frozen=True, kw_only=True, gc=False):
    """An operation of ours and, of its payment, what tells why money came that was not expected.

    `standing` is the payment's attempt that stands; amounts are in minor units of the payment's `currency`.
    """

    id: str
    payment_id: str
    attempt_id: str
    kind: Operation
    status: OperationStatus
    merchant_account: str
    processor_reference: str | None
    standing: str | None
    payment_status: Status
    captured_minor: int
    refunded_minor: int
    currency: str


class Pending(Struct, frozen=True, gc=False):
    """A line that is not decided yet."""

    id: str
    line: SettlementLine


class Concern(Struct, frozen=True, kw_only=True, gc=False):
    """What a human must look at; `variance_minor` is what was settled less what was expected."""

    type: ExceptionType
    variance_minor: int
    currency: str
    detail: str
    expected_id: str | None = None
    payment_id: str | None = None
    operation_id: str | None = None
    context: Mapping[str, Any] | None = None


class Decided(Struct, frozen=True, kw_only=True, gc=False):
    """What becomes of a line, or of several of one match: `wanted` stand with the first of them, `match_id`.

    `status` is one of settlement_lines. `concerns` become exceptions, `info` stands in the line's answer.
    """

    line: Pending
    status: str
    bookings: tuple[Booking, ...] = ()
    match_id: str | None = None
    wanted: tuple[Wanted, ...] = ()
    payment_id: str | None = None
    operation_id: str | None = None
    concerns: tuple[Concern, ...] = ()
    info: tuple[Mapping[str, Any], ...] = ()
