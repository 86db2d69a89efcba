"""What a case brings: an account of its own, its report, and what the API then says of both sides."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct, field

from tests.hub.house import House, add_account
from tests.hub.money import rows
from tests.hub.settlement.books import Books
from tests.hub.settlement.reports import COLUMNS, charge, hand_in, import_all, written

COLUMNS_TOLD = (
    *COLUMNS,
    "refund_metadata[hub_operation]",
    "customer_facing_amount",
    "customer_facing_currency",
    "exchange_rate",
)
TOLERANCES = {"fee_minor": 1, "fx_bps": 50, "late_days": 2}


class Outcome(Struct):
    """What a report came to: matches by name, exceptions, what is worth telling, and the transfers' net by account."""

    matches: list[tuple[str, str]]
    exceptions: list[dict[str, Any]]
    info: list[dict[str, Any]]
    lines: dict[str, dict[str, Any]]
    batch: dict[str, Any]

    @property
    def types(self) -> list[str]:
        """Name the exceptions' types."""
        return sorted(one["type"] for one in self.exceptions)


class Case(Struct):
    """One merchant account with books and a processor of its own."""

    made: House
    books: Books
    names: dict[str, str] = field(default_factory=dict)  # Of what is expected, by operation id.

    @property
    def account(self) -> str:
        """Its merchant account."""
        return self.books.account

    async def charged(
        self, name: str, minor: int, currency: str = "USD", fee: int | None = None, **expected: Any
    ) -> str:
        """Expect a charge; gives its operation's id."""
        held = await self.books.charged(minor, currency, fee, **expected)
        self.books.known[name] = held
        self.names[held.operation.id] = name
        return held.operation.id

    async def settled_charge(self, name: str, minor: int) -> str:
        """Have a charge that is settled already."""
        id_ = await self.charged(name, minor)
        await self.settle(line(f"before_{name}", "charge", minor, **{"payment_metadata[hub_operation]": id_}))
        return id_

    async def refunded(self, name: str, of: str, minor: int, fee: int | None = None) -> str:
        """Expect a refund of a charge; gives its operation's id."""
        held = await self.books.refunded(self.books.known[of], minor, fee)
        self.names[held.operation.id] = name
        return held.operation.id

    async def disputed(self, of: str, minor: int, fee: int | None = None) -> str:
        """Expect what a dispute of a charge takes; gives the expected settlement's id."""
        return await self.books.disputed(self.books.known[of], minor, fee)

    async def expected_names(self, ids: Sequence[str]) -> list[str]:
        """Name expected settlements."""
        found = await rows(self.made, "SELECT id, operation_id FROM expected_settlements")
        return sorted(self.names[one["operation_id"]] for one in found if one["id"] in ids)

    async def revenue_at(self) -> str:
        """Say when the account's sale was booked."""
        sql = "SELECT created_at FROM transfers WHERE code = 'capture' AND debit = :owed"
        (row,) = await rows(self.made, sql, owed=f"settlement_receivable:{self.account}")
        at = row["created_at"]
        return (at if isinstance(at, datetime) else datetime.fromtimestamp(at / 1_000_000, UTC)).isoformat()

    async def settle(self, *lines: Mapping[str, str]) -> Outcome:
        """Import a report of *lines*, and read what came of it."""
        handed = await hand_in(self.made.hub, self.account, written(lines, COLUMNS_TOLD))
        assert handed.status_code == 202, handed.text
        await import_all(self.made.hub.parts.shell)
        batch = (await self.made.hub.get(f"/v1/settlements/{handed.json()['id']}")).json()
        assert batch["status"] == "done", batch
        listed = (await self.made.hub.get(f"/v1/settlements/{batch['id']}/lines", limit=100)).json()["data"]
        expected = await rows(self.made, "SELECT id, operation_id FROM expected_settlements")
        named = {one["id"]: self.names.get(one["operation_id"], one["operation_id"]) for one in expected}
        keys = {one["id"]: one["key"].removeprefix("txn_") for one in listed}
        together = {
            one["id"]: "+".join(sorted(keys.get(each, each) for each in (one["id"], *one["matched_lines"])))
            for one in listed
        }
        return Outcome(
            matches=sorted({(named[id_], together[one["id"]]) for one in listed for id_ in one["expected"]}),
            exceptions=await self.exceptions(),
            info=[told for one in listed for told in one["facts"].get("info", [])],
            lines={keys[one["id"]]: one for one in listed},
            batch=batch,
        )

    async def exceptions(self, status: str = "open") -> list[dict[str, Any]]:
        """Read the account's exceptions, oldest first."""
        query = {"merchant_account": self.account, "status": status, "limit": 100}
        answer = await self.made.hub.get("/v1/exceptions", **query)
        assert answer.status_code == 200, answer.text
        listed: list[dict[str, Any]] = answer.json()["data"]
        return listed[::-1]

    async def postings(self) -> dict[tuple[str, str], int]:
        """Net every ledger account's debits and credits; a name ends where the merchant account's id began."""
        found: dict[tuple[str, str], int] = {}
        sql = (
            "SELECT * FROM transfers"
            " WHERE line_id IN (SELECT id FROM settlement_lines WHERE merchant_account = :account)"
            " OR operation_id IN (SELECT id FROM operations WHERE merchant_account = :account)"
        )
        for row in await rows(self.made, sql, account=self.account):
            for side, sign in ((row["debit"], 1), (row["credit"], -1)):
                of = side.removesuffix(f":{self.account}"), row["currency"]
                found[of] = found.get(of, 0) + sign * row["amount_minor"]
        return {of: net for of, net in found.items() if net}


_count = iter(range(10_000))


async def open_case(made: House, processor: str = "stripe", **profile: Any) -> Case:
    """Open an account that nothing has happened at."""
    name = f"case{next(_count)}"
    how = {"currencies": [], "settlement_currency": "USD", "tolerances": TOLERANCES} | profile
    account = await add_account(made, name, processor, name, **how)
    return Case(made, Books(made.hub.parts.database, account, processor))


def line(name: str, category: str, gross: int, fee: int = 0, /, **columns: str) -> dict[str, str]:
    """Write a row of Stripe's report, of amounts in cents; nothing of it names an operation."""
    amounts = {"gross": _major(gross), "fee": _major(fee), "net": _major(gross - fee)}
    dated = {"created_utc": "2026-03-03 00:00:00", "available_on_utc": "2026-03-03 00:00:00"}
    told = {"currency": "usd", "reporting_category": category, "source_id": "", "automatic_payout_id": "B1"}
    return charge(name) | amounts | dated | told | columns


def moved(before: Mapping[tuple[str, str], int], after: Mapping[tuple[str, str], int]) -> dict[tuple[str, str], int]:
    """Say what each account was debited with meanwhile, less what it was credited with."""
    return {of: net for of in {*before, *after} if (net := after.get(of, 0) - before.get(of, 0))}


def payout(name: str, minor: int) -> dict[str, str]:
    """Write the row of a payout, as it leaves the balance."""
    return line(f"payout_{name}", "payout", -minor, source_id=name, automatic_payout_id=name)


def _major(minor: int) -> str:
    sign = "-" if minor < 0 else ""
    return f"{sign}{abs(minor) // 100}.{abs(minor) % 100:02}"
