"""What a batch of lines makes: which payment methods are new, which tokens join one, and which lines are refused. Pure.

Nothing is made twice: a token that is kept already, for the same processor and account, is known and changes nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from msgspec import Struct, field
from msgspec.structs import replace

from hub.payment_methods.rules import merge_facts
from hub.token_imports.columns import Line, Read, Wrong
from normalization.tokens import CardFacts

Slot = tuple[str, str]
"""A processor and an account of it, or "" for all of them: a payment method has one token for each."""
Outcome = Literal["new", "joined", "known"]


class Method(Struct, frozen=True, kw_only=True):
    """A payment method as far as an import needs to know it."""

    id: str
    customer: str | None
    card: CardFacts
    network_transaction_id: str | None
    key: str | None
    slots: frozenset[Slot] = frozenset()


class Standing(Struct, kw_only=True):
    """What stands before a line, and after those before it in its batch.

    `accounts` are the mode's merchant accounts with their processor; `tokens` are by slot and token.
    """

    processors: frozenset[str]
    accounts: Mapping[str, str]
    tokens: dict[tuple[Slot, str], str]
    methods: dict[str, Method]
    by_key: dict[str, str]
    customers: set[str]
    by_customer_key: dict[str, str]


class Placed(Struct, frozen=True):
    """Where a line's token is now."""

    number: int
    key: str | None
    payment_method: str
    customer: str | None
    outcome: Outcome


class Rejected(Struct, frozen=True):
    """A line that made nothing, and why."""

    number: int
    wrong: Wrong


class Batch(Struct, kw_only=True):
    """What is to be written: customers with their keys, payment methods, and lines whose tokens go behind them."""

    customers: dict[str, str] = field(default_factory=dict)
    methods: dict[str, Method] = field(default_factory=dict)
    changed: dict[str, Method] = field(default_factory=dict)
    tokens: list[tuple[str, Line]] = field(default_factory=list)
    placed: list[Placed] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)


def sort_out(reads: Sequence[Read], standing: Standing, new_id: Callable[[str], str]) -> Batch:
    """Decide what each line makes; *standing* is changed on the way, *new_id* makes an id from its prefix."""
    batch = Batch()
    for read in reads:
        said = read.said
        decided = said if isinstance(said, Wrong) else _place(said, standing, batch, new_id)
        if isinstance(decided, Wrong):
            batch.rejected.append(Rejected(read.number, decided))
        else:
            method, outcome = decided
            key = said.key if isinstance(said, Line) else None
            batch.placed.append(Placed(read.number, key, method.id, method.customer, outcome))
    return batch


def _place(
    line: Line, standing: Standing, batch: Batch, new_id: Callable[[str], str]
) -> tuple[Method, Outcome] | Wrong:
    slot = (line.processor, line.merchant_account or "")
    known = standing.methods.get(standing.tokens.get((slot, line.token), ""))
    keyed = standing.methods.get(standing.by_key.get(line.key or "", ""))
    wrong = _wrong_place(line, standing) or _wrong_method(line, known, keyed, standing)
    if wrong is not None:
        return wrong
    if known is not None:
        return known, "known"
    method = _new_method(line, standing, batch, new_id) if keyed is None else _joined(line, keyed)
    method = replace(method, slots=method.slots | {slot})
    standing.methods[method.id] = method
    standing.tokens[slot, line.token] = method.id
    batch.tokens.append((method.id, line))
    (batch.methods if keyed is None or keyed.id in batch.methods else batch.changed)[method.id] = method
    return method, "new" if keyed is None else "joined"


def _wrong_place(line: Line, standing: Standing) -> Wrong | None:
    if line.processor not in standing.processors:
        return Wrong("processor", f"must be one of {', '.join(sorted(standing.processors))}")
    if line.merchant_account is not None and standing.accounts.get(line.merchant_account) != line.processor:
        return Wrong("merchant_account", "is no merchant account of this processor and mode")
    if line.customer is not None and line.customer not in standing.customers:
        return Wrong("customer", "is no customer of this mode")
    return None


def _wrong_method(line: Line, known: Method | None, keyed: Method | None, standing: Standing) -> Wrong | None:
    if known is not None and line.key is not None and (keyed or known).id != known.id:
        return Wrong("key", "names one payment method, and the token is kept with another")
    if known is None and keyed is not None and (line.processor, line.merchant_account or "") in keyed.slots:
        return Wrong("token", "the payment method of this key has another token for this processor and account")
    method = known or keyed
    named = line.customer or line.customer_key
    if method is not None and named is not None:
        customer = line.customer or standing.by_customer_key.get(line.customer_key or "")
        if customer is None or customer != method.customer:
            return Wrong("customer", "is not the customer that the payment method belongs to")
    return None


def _new_method(line: Line, standing: Standing, batch: Batch, new_id: Callable[[str], str]) -> Method:
    customer = line.customer
    if line.customer_key is not None:
        customer = standing.by_customer_key.get(line.customer_key)
        if customer is None:
            customer = batch.customers[line.customer_key] = new_id("cus_")
            standing.by_customer_key[line.customer_key] = customer
    method = Method(
        id=new_id("pm_"),
        customer=customer,
        card=line.card,
        network_transaction_id=line.network_transaction_id,
        key=line.key,
    )
    if line.key is not None:
        standing.by_key[line.key] = method.id
    return method


def _joined(line: Line, method: Method) -> Method:
    """Add what the line knows and the payment method does not."""
    network_transaction_id = method.network_transaction_id or line.network_transaction_id
    return replace(method, card=merge_facts(line.card, method.card), network_transaction_id=network_transaction_id)
