"""A live account whose processor says what a test wants, and what routing knows in live mode."""

from collections.abc import Awaitable, Callable
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from adapters.contract import Authorize, FollowUp
from normalization.money import Money
from normalization.outcome import Approved, Outcome, Report
from normalization.tokens import ProcessorToken
from routing.account_index import AccountIndex
from routing.choosing import Figures
from routing.plan import CompiledRuleSet, Snapshot
from tests.hub.payments.bare import Account
from tests.hub.payments.making import report
from tests.routing.samples import account, ruleset

LIVE_FIGURES = 7
NEVER: dict[str, Any] = {"when": {"fact": "amount", "gte": 1}, "refuse": "blocked_by_risk_rule"}


class Bank(Struct):
    """An adapter of a live account, that says what a test wants of everything that it is asked."""

    says: Outcome | Exception = Approved()
    asked: list[str] = field(default_factory=list)
    before: Callable[[Authorize], Awaitable[None]] | None = None
    stored: ProcessorToken | None = None
    network_transaction_id: str | None = None

    async def authorize(self, request: Authorize) -> Report:
        """Charge; what happens *before* it is answered is a test's matter."""
        if self.before is not None:
            await self.before(request)
        return self._say(request)

    async def follow_up(self, request: FollowUp) -> Report:
        """Capture, void or refund."""
        return self._say(request)

    async def inquire(self, request: Authorize | FollowUp) -> Report:
        """Say what became of it."""
        return self._say(request)

    async def cancel_by_reference(self, request: Authorize) -> None:
        """Cancel it."""
        self.asked.append(request.operation_id)

    def _say(self, request: Authorize | FollowUp) -> Report:
        self.asked.append(request.operation_id)
        if isinstance(self.says, Exception):
            raise self.says
        name = f"psp_{request.operation_id}"
        said = report(request.operation, self.says, request.money.minor, tag=request.operation_id, livemode=True)
        brought = {"stored": self.stored, "network_transaction_id": self.network_transaction_id}
        return replace(said, processor_reference=name, **brought)


class Live(Account, frozen=True):
    """A directory of one live account and no other; rules may refuse what comes."""

    refuses: bool = False

    def routing(self, *, livemode: bool) -> Snapshot:
        """Give the account to live payments alone."""
        rules = ruleset({"name": "never", **NEVER}) if self.refuses else None
        return Snapshot(accounts=AccountIndex([account(livemode=True)] if livemode else ()), ruleset=rules)

    def shares_tokens(self, _account_id: str) -> bool:
        """Keep to itself what it stores."""
        return False


class Rated(Live, frozen=True):
    """A directory that has rules for live payments alone."""

    rules: CompiledRuleSet | None = None

    def routing(self, *, livemode: bool) -> Snapshot:
        """Give the rules."""
        return Snapshot(ruleset=self.rules if livemode else None)


class Board(Struct, frozen=True):
    """Figures of both modes."""

    def figures(self, *, livemode: bool) -> Figures:
        """Give those of a mode."""
        return Figures(version=LIVE_FIGURES if livemode else 1)

    def limits_reached(self, _snapshot: Snapshot, _money: Money, *, livemode: bool) -> frozenset[str]:
        """Give what is used up, which is nothing."""
        assert livemode
        return frozenset()
