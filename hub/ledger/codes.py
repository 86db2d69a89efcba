"""Why transfers are made: every code, the accounts that it moves, and when; pure."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from msgspec import Struct


class Code(Struct, frozen=True, kw_only=True):
    """What a transfer's code says: `debit` and `credit` are kinds of accounts, of which it moves one each.

    `either_way`: an amount below zero, as settlement lines have them, swaps the two sides.
    """

    name: str
    debit: tuple[str, ...]
    credit: tuple[str, ...]
    when: str
    either_way: bool = False

    def fits(self, debit: str, credit: str) -> bool:
        """Whether a transfer of this code may move these kinds of accounts."""
        straight = debit in self.debit and credit in self.credit
        return straight or (self.either_way and credit in self.debit and debit in self.credit)


_OWED: Final = ("settlement_receivable",)
_SALES: Final = ("sales",)
_HELD: Final = ("suspense",)
_CONTESTED: Final = ("disputes_receivable",)
_LOST: Final = ("dispute_losses",)
_CLEARING: Final = ("bank_clearing",)
_FEES: Final = ("processor_fees", "dispute_fees")
_POSITION: Final = ("fx_position",)
_HOMES: Final = (*_HELD, *_OWED, *_CLEARING)
_COUNTERS: Final = (
    *_SALES, "write_offs", "customer_refunds_payable", "fx_gain_loss", *_CONTESTED, *_LOST, *_FEES, "own_funds",
    "reserve_receivable",
)  # fmt: skip
_ANY: Final = (*_HOMES, *_COUNTERS, *_POSITION)

CODES: Final[Mapping[str, Code]] = MappingProxyType(
    {
        code.name: code
        for code in (
            Code(name="capture", debit=_OWED, credit=_SALES, when="A purchase or a capture succeeded."),
            Code(
                name="capture_reversal",
                debit=(*_SALES, *_HELD),
                credit=_OWED,
                when="A capture that had succeeded failed later; from suspense what was refunded of it already.",
            ),
            Code(name="refund", debit=_SALES, credit=_OWED, when="A refund succeeded."),
            Code(
                name="refund_reversal",
                debit=_OWED,
                credit=(*_SALES, *_HELD),
                when="A refund that had succeeded failed later; what suspense had paid of it goes back there.",
            ),
            Code(
                name="refund_covered",
                debit=_SALES,
                credit=_HELD,
                when="A capture was told after a refund of it, which suspense had paid.",
            ),
            Code(
                name="surplus",
                debit=_OWED,
                credit=_HELD,
                either_way=True,
                when="More was taken or given back than the payment has room for, or for an attempt passed over.",
            ),
            Code(
                name="surplus_reversal",
                debit=_OWED,
                credit=_HELD,
                either_way=True,
                when="What stood in suspense for an attempt that was passed over was undone.",
            ),
            Code(
                name="surplus_counted",
                debit=_HELD,
                credit=_SALES,
                when="What a capture took beyond what was left counts after all, since another capture failed.",
            ),
            Code(
                name="dispute_taken",
                debit=_CONTESTED,
                credit=_OWED,
                when="The payer's bank took the disputed amount.",
            ),
            Code(
                name="dispute_reinstated",
                debit=_OWED,
                credit=_CONTESTED,
                when="The disputed amount was given back.",
            ),
            Code(
                name="dispute_written_off",
                debit=_LOST,
                credit=_CONTESTED,
                either_way=True,
                when="A dispute was lost; the other way for what had been given back of it.",
            ),
            Code(
                name="dispute_write_off_undone",
                debit=_CONTESTED,
                credit=_LOST,
                either_way=True,
                when="A lost dispute went on to a further stage, so that it was not the end.",
            ),
            Code(
                name="settled",
                debit=(*_CLEARING, *_POSITION),
                credit=(*_OWED, "processor_fees", "reserve_receivable", "own_funds"),
                either_way=True,
                when="A settlement line brought what was expected, or a fee, a reserve or our own funds.",
            ),
            Code(
                name="settled_fee",
                debit=(*_FEES, *_HELD),
                credit=_CLEARING,
                either_way=True,
                when="A settlement line's fee; from suspense what is off where gross less fee is not net.",
            ),
            Code(
                name="settled_variance",
                debit=(*_CLEARING, *_POSITION),
                credit=_HELD,
                either_way=True,
                when="A settlement line brought more than was expected; the other way where it brought less.",
            ),
            Code(
                name="settled_exchange",
                debit=_CLEARING,
                credit=_POSITION,
                either_way=True,
                when="A line was settled in another currency than expected: the leg of the settled one.",
            ),
            Code(
                name="settled_exchange_difference",
                debit=_POSITION,
                credit=("fx_gain_loss",),
                either_way=True,
                when="A conversion brought more than the expected rate says; the other way where it brought less.",
            ),
            Code(
                name="settled_unmatched",
                debit=_CLEARING,
                credit=(*_HELD, "customer_refunds_payable"),
                either_way=True,
                when="A line came that nothing was expected for; a refund that came back is owed to the payer.",
            ),
            Code(
                name="settled_tied",
                debit=(*_HELD, *_POSITION, "customer_refunds_payable"),
                credit=(*_OWED, *_HELD, *_POSITION, "fx_gain_loss"),
                either_way=True,
                when="A line that had waited was tied to what was expected: it goes from where it waited to there.",
            ),
            Code(
                name="payout_arrived",
                debit=("bank",),
                credit=_CLEARING,
                either_way=True,
                when="A bank statement has a payout; the other way where the processor took what we owed it.",
            ),
            Code(
                name="payout_returned",
                debit=_CLEARING,
                credit=("bank",),
                when="A bank statement has a payout that went back.",
            ),
            Code(
                name="exception_settled",
                debit=(*_HOMES, *_COUNTERS),
                credit=(*_HOMES, *_COUNTERS),
                when="A human settled an exception by a transfer.",
            ),
            Code(
                name="exception_reopened",
                debit=(*_HOMES, *_COUNTERS),
                credit=(*_HOMES, *_COUNTERS),
                when="An exception was opened again: what had settled it is booked back.",
            ),
            Code(
                name="line_superseded",
                debit=_ANY,
                credit=_ANY,
                when="A corrected report says a line otherwise: what the old one had posted is taken back.",
            ),
        )
    }
)
"""Every code, by its name."""
