"""The chart of accounts: the ledger's accounts, and what a balance on each of them means; pure.

A debit raises what we have, what others owe us and what we spent; a credit raises what we owe and what we earned.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final, Literal

from msgspec import Struct

from normalization.money import Currency

Side = Literal["debit", "credit"]
Owner = Literal["merchant_account", "currency"]


class Kind(Struct, frozen=True, kw_only=True):
    """What all accounts of one name are for.

    `one_per` says of what there is one account each, its name standing behind a colon; None: there is one for all.
    `grows_by` is the side whose surplus is the balance, so that a balance is positive where nothing is unusual.
    """

    name: str
    one_per: Owner | None = None
    grows_by: Side
    meaning: str


SALES: Final = "sales"
DISPUTES_RECEIVABLE: Final = "disputes_receivable"
DISPUTE_LOSSES: Final = "dispute_losses"
DISPUTE_FEES: Final = "dispute_fees"
REFUNDS_PAYABLE: Final = "customer_refunds_payable"
FX_GAIN_LOSS: Final = "fx_gain_loss"
WRITE_OFFS: Final = "write_offs"
_RECEIVABLE: Final = "settlement_receivable"
_BANK_CLEARING: Final = "bank_clearing"
_BANK: Final = "bank"
_PROCESSOR_FEES: Final = "processor_fees"
_RESERVE: Final = "reserve_receivable"
_OWN_FUNDS: Final = "own_funds"
_SUSPENSE: Final = "suspense"
_FX_POSITION: Final = "fx_position"


def _of_account(name: str, grows_by: Side, meaning: str) -> Kind:
    return Kind(name=name, one_per="merchant_account", grows_by=grows_by, meaning=meaning)


CHART: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        kind.name: kind
        for kind in (
            _of_account(_RECEIVABLE, "debit", "What the processor owes us and has not settled yet."),
            _of_account(_BANK_CLEARING, "debit", "What the processor has settled and our bank has not received yet."),
            _of_account(_BANK, "debit", "What our bank received from the merchant account's payouts."),
            _of_account(_PROCESSOR_FEES, "debit", "What the processor charged."),
            _of_account(_RESERVE, "debit", "What the processor keeps back as a security."),
            _of_account(_OWN_FUNDS, "credit", "Our own money that was moved into the processor's hands."),
            _of_account(_SUSPENSE, "credit", "Money that came and that nobody can explain yet; negative: that went."),
            Kind(name=SALES, grows_by="credit", meaning="What payers were charged, less what they were refunded."),
            Kind(
                name=DISPUTES_RECEIVABLE,
                grows_by="debit",
                meaning="What payers' banks have taken back and not given back, of disputes that are not decided.",
            ),
            Kind(
                name=DISPUTE_LOSSES,
                grows_by="debit",
                meaning="What of it is lost for good: a cost of its own, the sale stays a sale.",
            ),
            Kind(name=DISPUTE_FEES, grows_by="debit", meaning="What processors charged for disputes."),
            Kind(
                name=REFUNDS_PAYABLE,
                grows_by="credit",
                meaning="Refunds that came back to us and are still owed to the payer.",
            ),
            Kind(
                name=FX_GAIN_LOSS,
                grows_by="debit",
                meaning="What conversions brought less than expected; negative: more.",
            ),
            Kind(
                name=_FX_POSITION,
                one_per="currency",
                grows_by="debit",
                meaning="What was given away of the currency for others; negative: what was received for others.",
            ),
            Kind(
                name=WRITE_OFFS,
                grows_by="debit",
                meaning="What a human decided to carry as a loss; negative: to keep.",
            ),
        )
    }
)
"""Every kind of account, by its name: what is booked elsewhere is a mistake, which `hub ledger verify` tells."""


class Account(Struct, frozen=True):
    """An account of the ledger, as its name says: its kind, and the merchant account or currency that it is of."""

    kind: Kind
    of: str | None = None

    @property
    def merchant_account(self) -> str | None:
        """The merchant account that it belongs to; None where it belongs to all."""
        return self.of if self.kind.one_per == "merchant_account" else None

    def holds(self, currency: str) -> bool:
        """Whether *currency* may be booked on it."""
        return self.kind.one_per != "currency" or self.of == currency


def read(name: str) -> Account | None:
    """Read an account's name; None where the chart has no such account."""
    kind_name, colon, of = name.partition(":")
    kind = CHART.get(kind_name)
    if kind is None or bool(colon) != (kind.one_per is not None) or (colon and not of):
        return None
    if kind.one_per == "currency" and of not in Currency.__members__:
        return None
    return Account(kind, of or None)


def of_merchant_accounts(ids: Iterable[str]) -> list[str]:
    """Name every account that belongs to one of the merchant accounts *ids*."""
    own = [kind.name for kind in CHART.values() if kind.one_per == "merchant_account"]
    return [f"{name}:{id_}" for id_ in sorted(ids) for name in own]


def receivable(merchant_account: str) -> str:
    """Name the account of what a processor owes us."""
    return f"{_RECEIVABLE}:{merchant_account}"


def bank_clearing(merchant_account: str) -> str:
    """Name the account of what a processor has settled and our bank has not received yet."""
    return f"{_BANK_CLEARING}:{merchant_account}"


def bank(merchant_account: str) -> str:
    """Name the account of what our bank received from a merchant account's payouts."""
    return f"{_BANK}:{merchant_account}"


def processor_fees(merchant_account: str) -> str:
    """Name the account of what a processor charges."""
    return f"{_PROCESSOR_FEES}:{merchant_account}"


def reserve(merchant_account: str) -> str:
    """Name the account of what a processor keeps back as a security."""
    return f"{_RESERVE}:{merchant_account}"


def own_funds(merchant_account: str) -> str:
    """Name the account of our own money that was moved into a processor's hands."""
    return f"{_OWN_FUNDS}:{merchant_account}"


def suspense(merchant_account: str) -> str:
    """Name the account of money that nobody can explain yet."""
    return f"{_SUSPENSE}:{merchant_account}"


def fx_position(currency: str) -> str:
    """Name the account through which one currency is exchanged for others."""
    return f"{_FX_POSITION}:{currency}"
