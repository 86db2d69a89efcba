"""Payments, accounts and rulesets that the routing tests change one thing about."""

from typing import Any

import msgspec
from msgspec.structs import replace

from normalization.money import Currency, Money
from routing.account_index import AccountIndex
from routing.accounts import MerchantAccount
from routing.facts import Chargeable, Facts
from routing.plan import CompiledRuleSet, Snapshot, compile_ruleset
from routing.rules import RuleSet
from routing.validation import validate

EVERYWHERE = Chargeable(processors=("adyen", "stripe"))
ACCOUNTS = ("ma_1", "ma_2", "ma_3")


def facts(**changes: object) -> Facts:
    payment = Facts(
        livemode=False,
        money=Money(4999, Currency.EUR),
        reference="invoice-1042",
        chargeable=EVERYWHERE,
        hour_utc=9,
    )
    return replace(payment, **changes)


def account(id: str = "ma_1", processor: str = "stripe", **changes: object) -> MerchantAccount:
    return replace(MerchantAccount(id=id, name=id, processor=processor, livemode=False), **changes)


def use(*accounts: str, **more: object) -> dict[str, Any]:
    return {"strategy": "priority", "accounts": list(accounts), **more}


def decoded(*rules: dict[str, Any], otherwise: dict[str, Any] | None = None) -> RuleSet:
    """A ruleset as it comes in: through strict JSON."""
    document = {"name": "main", "rules": list(rules), "otherwise": otherwise}
    return msgspec.json.decode(msgspec.json.encode(document), type=RuleSet)


def ruleset(*rules: dict[str, Any], otherwise: dict[str, Any] | None = None) -> CompiledRuleSet:
    valid = decoded(*rules, otherwise=otherwise)
    assert validate(valid, ACCOUNTS) == []
    return compile_ruleset(valid, id="rs_1", version=3)


def snapshot(*accounts: MerchantAccount, **more: object) -> Snapshot:
    return replace(Snapshot(accounts=AccountIndex(accounts)), **more)
