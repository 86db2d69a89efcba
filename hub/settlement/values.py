"""The values of an import: a line that is new to us, what its account goes by, and what came of the lines."""

from datetime import datetime

from msgspec import Struct

from hub.merchants.profile import Terms as AccountTerms
from normalization.settlements import SettlementLine


class NewLine(Struct, frozen=True, kw_only=True):
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
