"""The page docs/ledger.md: the chart of accounts and the codes of transfers, as the code has them."""

from collections.abc import Iterable
from typing import Final

from hub.ledger.chart import CHART, Kind
from hub.ledger.codes import CODES, Code

INTRODUCTION: Final = """\
# The books

Every movement of money is a transfer: one debit, one credit, one amount in one currency, with a code for why and the
payment, operation, settlement line or exception that caused it. It is written in the same commit as the fact, and
never changed: the database refuses that. A mistake is mended by another transfer. So debits equal credits in every
currency at every instant, and no sum ever holds two currencies.

## Reading them

- `GET /v1/ledger/accounts` lists the accounts that anything was ever booked on, with what stands there now and
  means.
- `GET /v1/ledger/balances?at=2026-04-01T00:00:00Z` gives every balance as it stood at an instant: what was booked
  before it counts, so that the balances of two month ends differ by what was booked in the month. `account`,
  `merchant_account` and `currency` narrow it.
- `GET /v1/ledger/transfers` lists transfers, newest first, by `payment`, `operation`, `line`, `exception`,
  `account`, `code`, `merchant_account`, `currency` and time.

They take the scope `ledger:read`. A key of some merchant accounts sees their accounts alone, and of transfers those
that touch them. `balance` is the surplus of the side that `grows_by` names, so that it is positive where nothing is
unusual.

## The chart of accounts

A debit raises what we have, what others owe us and what we spent; a credit raises what we owe and what we earned.

"""
_LISTED_MAX: Final = 6
EXAMPLES: Final = """\

## Examples

A charge of 100.00 at the merchant account `ma_1`, captured, settled with a fee of 3.20, and paid out:

| when | debit | credit | amount |
|---|---|---|---|
| authorized | nothing moves | | |
| captured | `settlement_receivable:ma_1` | `sales` | 100.00 |
| settled: gross | `bank_clearing:ma_1` | `settlement_receivable:ma_1` | 100.00 |
| settled: fee | `processor_fees:ma_1` | `bank_clearing:ma_1` | 3.20 |
| paid out | nothing moves: the 96.80 in `bank_clearing:ma_1` are what the bank must show | | |

Of that 25.00 are refunded, settled later, the fee kept:

| when | debit | credit | amount |
|---|---|---|---|
| refunded | `sales` | `settlement_receivable:ma_1` | 25.00 |
| settled | `settlement_receivable:ma_1` | `bank_clearing:ma_1` | 25.00 |

The payer's bank takes 100.00 back, for a fee of 15.00:

| when | debit | credit | amount |
|---|---|---|---|
| taken | `disputes_receivable` | `settlement_receivable:ma_1` | 100.00 |
| settled | `settlement_receivable:ma_1` | `bank_clearing:ma_1` | 100.00 |
| settled: fee | `dispute_fees` | `bank_clearing:ma_1` | 15.00 |
| won | `settlement_receivable:ma_1` | `disputes_receivable` | 100.00 |
| won, settled | `bank_clearing:ma_1` | `settlement_receivable:ma_1` | 100.00 |
| or lost | `dispute_losses` | `disputes_receivable` | 100.00 |

A charge of 100.00 EUR is settled as 108.20 USD, where its rate says 108.50. Each leg is of one currency, through
that currency's position:

| when | debit | credit | amount |
|---|---|---|---|
| captured | `settlement_receivable:ma_1` | `sales` | 100.00 EUR |
| settled: the euros leave | `fx_position:EUR` | `settlement_receivable:ma_1` | 100.00 EUR |
| settled: the dollars come | `bank_clearing:ma_1` | `fx_position:USD` | 108.20 USD |
| settled: what is missing | `fx_gain_loss` | `fx_position:USD` | 0.30 USD |

The processor keeps 10.00 back as a reserve, and gives them back half a year later:

| when | debit | credit | amount |
|---|---|---|---|
| kept back | `reserve_receivable:ma_1` | `bank_clearing:ma_1` | 10.00 |
| given back | `bank_clearing:ma_1` | `reserve_receivable:ma_1` | 10.00 |

A line for 49.00 comes that nobody can explain. A human finds the payment it belongs to, or decides:

| when | debit | credit | amount |
|---|---|---|---|
| settled | `bank_clearing:ma_1` | `suspense:ma_1` | 49.00 |
| tied to a payment | `suspense:ma_1` | `settlement_receivable:ma_1` | 49.00 |
| or kept | `suspense:ma_1` | `write_offs` | 49.00 |

## Are they right?

```sh
hub ledger verify
```

reads the books as they stood at one instant, prints what is wrong a sentence each, and stops with 1 where anything
is. The worker does the same once a day; `hub_ledger_findings` is how much it found, and anything above 0 is an
alarm. It checks that

- what a transfer names as its cause is there, and of the same mode; and that it names any;
- every account is in the chart, every code on this page, and moves only the accounts that it may;
- what was added up once is still what the transfers add up to, so that none was changed, lost or slipped in;
- `settlement_receivable` of each merchant account and currency is what is expected and not settled, and what humans
  booked there to settle exceptions. Where it is not, the operations and lines at which it goes wrong are named.

## How balances stay quick

No charge waits for a balance: nothing but transfers is written with it. A balance is what was added up before and
the transfers that were written since. The worker adds up once a day, or when 100,000 transfers are open, into rows
by day, account, currency and code that never change either.

What is added up is a stretch of positions, which the database counts as transfers are written, and no stretch of
time. So no clock can be wrong: a transfer that was stamped before midnight and committed after the day was added up
goes into the next stretch, under its own day, and counts for every instant from its stamp on. What makes a stretch
final is that every transaction that took a position in it has ended. On PostgreSQL those are known by their locks on
the table: the worker looks who holds one, waits until they have gone, a second at most, else tries again a minute
later. Nobody waits for the worker.

Over a year of 3,000,000 transfers at ten merchant accounts in three currencies, on PostgreSQL and two cores,
balances took 53 ms for now and 23 ms for any instant, 148 ms at most, while the machine was busy with other work;
adding up a day took 167 ms, checking everything 25 s. `make bench PART=ledger` measures it.
"""


def ledger_page() -> str:
    """Write docs/ledger.md."""
    accounts = ["| account | grows by | its balance |", "|---|---|---|", *map(_account, CHART.values())]
    codes = ["| code | debit | credit | when |", "|---|---|---|---|", *map(_code, CODES.values())]
    middle = ("", "## The codes of transfers", "", "Where both are marked with ⇄ the two may change places.", "")
    return INTRODUCTION + "\n".join([*accounts, *middle, *codes]) + "\n" + EXAMPLES


def _account(kind: Kind) -> str:
    of = {"merchant_account": ":<merchant account>", "currency": ":<currency>", None: ""}[kind.one_per]
    return f"| `{kind.name}{of}` | {kind.grows_by} | {kind.meaning} |"


def _code(code: Code) -> str:
    if len(code.debit) > _LISTED_MAX:
        return f"| `{code.name}` | any | any | {code.when} |"
    way = " ⇄" if code.either_way else ""
    return f"| `{code.name}` | {_names(code.debit)}{way} | {_names(code.credit)}{way} | {code.when} |"


def _names(kinds: Iterable[str]) -> str:
    return ", ".join(f"`{kind}`" for kind in kinds)
