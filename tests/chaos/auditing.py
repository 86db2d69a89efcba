"""What must hold in the end: all that was acknowledged is there and right, and nobody was charged twice."""

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from functools import partial
from typing import Any, Final

import msgspec
from msgspec import Struct, field

from hub.seed import SAMPLES
from tests.chaos.back_office import BackOffice
from tests.chaos.shop import Acknowledged, Shop
from tests.chaos.stage import Ground, Stage
from tests.chaos.stories import stories
from tests.hub.commands import hub
from tests.hub.money import Truth

RECEIVABLE: Final = "settlement_receivable:"
_UNTRUE: Final = frozenset({"approved_after_failure", "double_charge_after_failover"})
KEYED: Final = {"charge", "capture", "cancel", "refund"}
_UNTOUCHED: Final = frozenset({
    "capture", "capture_reversal", "refund", "refund_reversal", "surplus", "surplus_reversal",
    "dispute_taken", "dispute_reinstated",
})  # fmt: skip
"""Codes of transfers that payments and disputes make, and settlements do not."""
Rows = Mapping[str, Mapping[str, Any]]
Owed = dict[tuple[str, str], int]


class Findings(Struct, kw_only=True):
    """What was found: figures to print, and by each bar what fails it."""

    figures: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    unbalanced: list[str] = field(default_factory=list)
    untrue: list[str] = field(default_factory=list)
    deliveries: list[str] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    known: list[str] = field(default_factory=list)
    """All that stands about the payments that are complained of."""

    async def explain(self, at: Ground, more: Iterable[str] = ()) -> None:
        """Look up what is known of the payments that the complaints, and *more*, name."""
        self.known += await stories(at, [*more, *(complaint for bar in self.bars().values() for complaint in bar)])

    def add(self, other: "Findings") -> None:
        """Take in what was found elsewhere."""
        for name in self.__struct_fields__:
            getattr(self, name).extend(getattr(other, name))

    def bars(self) -> Mapping[str, list[str]]:
        """Give what fails each bar, by its name."""
        return {
            "acknowledged writes lost or wrong": self.lost,
            "double charges": self.doubled,
            "told to have failed and charged all the same": self.untrue,
            "ledger out of balance": self.unbalanced,
            "deliveries lost": self.deliveries,
            "events skipped or lost": self.events,
            "answers that may not be": self.wrong,
        }


async def audit(at: Stage, shop: Shop, office: BackOffice) -> Findings:
    """Hold the hub against what it acknowledged, and against the processors' own books."""
    found = Findings()
    payments = by_id(await at.rows("SELECT * FROM payments"))
    operations = by_id(await at.rows("SELECT * FROM operations"))
    charges(found, at, payments, operations)
    for made in shop.acknowledged:
        if complaint := held(made, payments, operations):
            found.lost.append(complaint)
    keyed = [made for made in shop.acknowledged if made.what in KEYED]
    found.lost += await shop.answers_again(keyed)
    counted = Counter(made.what for made in shop.acknowledged)
    found.figures.append(f"acknowledged: {_told(counted)}, settlement {len(office.handed_in)}")
    found.figures.append(f"payments: {_told(Counter(str(one['status']) for one in payments.values()))}")
    await _settlements(found, at, office)
    await _ledger(found, at)
    await _deliveries(found, at)
    await _events(found, at, office)
    exceptions = await at.rows("SELECT type, operation_id, detail FROM exceptions WHERE status = 'open'")
    found.figures.append(f"open exceptions: {_told(Counter(row['type'] for row in exceptions))}")
    found.untrue += [f"{row['operation_id']}: {row['detail']}" for row in exceptions if row["type"] in _UNTRUE]
    found.figures.append(f"refusals and silences on the way: {_told(shop.statuses)}")
    found.wrong += [*shop.faults, *shop.given_up]
    return found


def charges(found: Findings, at: Ground, payments: Rows, operations: Rows) -> None:
    """Hold every payment against what was charged for it."""
    truths: dict[str, Truth] = defaultdict(Truth)
    for processor in at.sandboxes:
        charged = set()
        for tag, reference, kind, minor in book(at, processor, "SELECT tag, payment, kind, amount_minor FROM money"):
            truth = truths[str(operations[tag]["payment_id"]) if tag in operations else tag]
            if kind in {"authorized", "captured"} and reference not in charged:
                charged.add(reference)
                truth.charges += 1
            if kind != "disputed":
                setattr(truth, kind, getattr(truth, kind) + minor)
    found.doubled += [f"{id_}: {truth}" for id_, truth in truths.items() if truth.charges > 1]
    found.doubled += [f"charged for nobody: {id_}" for id_ in truths if id_ not in payments]
    for id_, payment in payments.items():
        truth = truths.get(id_, Truth())
        told = payment["captured_minor"], payment["refunded_minor"] + payment["refunded_externally_minor"]
        if told != (truth.captured, truth.refunded):
            found.lost.append(f"{id_} {payment['status']}: captured and refunded {told}, at the processor {truth}")
    found.figures.append(f"charges at the processors: {sum(truth.charges for truth in truths.values())}")


def held(made: Acknowledged, payments: Rows, operations: Rows) -> str | None:
    """Say what is wrong with what was acknowledged; None: nothing."""
    told = made.told
    if made.what == "charge":
        payment = payments.get(told["id"])
        wanted = made.body["amount"], made.body["currency"], made.body["reference"]
        if payment is None or (payment["amount_minor"], payment["currency"], payment["reference"]) != wanted:
            return f"{made.what} {told['id']}: {wanted} is {payment}"
        if told["status"] == "captured" and payment["captured_minor"] != made.body["amount"]:
            return f"{made.what} {told['id']}: told captured, stands {payment['status']}"
    if made.what == "refund":
        refund = operations.get(told["id"])
        if refund is None or refund["amount_minor"] != made.body["amount"]:
            return f"{made.what} {told['id']}: {made.body['amount']} is {refund}"
        if told["status"] == "succeeded" and refund["status"] != "approved":
            return f"{made.what} {told['id']}: told succeeded, stands {refund['status']}"
    return None


async def _settlements(found: Findings, at: Stage, office: BackOffice) -> None:
    batches = by_id(await at.rows("SELECT * FROM settlement_batches"))
    for handed in office.handed_in:
        batch = batches.get(handed.id)
        rows = handed.report.count(b"\n") - 1
        if batch is None or batch["status"] != "done" or batch["bytes_total"] != len(handed.report):
            found.lost.append(f"settlement {handed.id}: {batch and batch['status']} of {len(handed.report)} bytes")
        elif batch["rows_read"] != rows or batch["rows_broken"]:
            found.lost.append(f"settlement {handed.id}: {batch['rows_read']} rows read of {rows}")
    lines = await at.rows(
        "SELECT l.id, l.status, count(DISTINCT m.*) AS matches, count(DISTINCT e.id) AS opened FROM settlement_lines l"
        " LEFT JOIN settlement_matches m ON m.line_id = l.id"
        " LEFT JOIN exceptions e ON e.line_id = l.id AND e.status = 'open' GROUP BY l.id"
    )
    for line in lines:
        placed = {"matched": line["matches"] == 1, "exception": line["opened"] == 1, "posted": True}
        if not placed.get(line["status"], False):
            found.lost.append(f"settlement line {dict(line)}")
    found.figures.append(f"settlement lines: {_told(Counter(str(line['status']) for line in lines))}")


async def _ledger(found: Findings, at: Stage) -> None:
    keys = at.victims[0].settings
    verified = await at.by_hand(
        partial(hub, "ledger", "verify", HUB_DATABASE_URL=at.database_url, HUB_KEYS=keys["HUB_KEYS"])
    )
    if verified.returncode:
        found.unbalanced.append(f"hub ledger verify: {verified.stdout}{verified.stderr}")
    transfers = await at.rows("SELECT debit, credit, amount_minor, currency, code FROM transfers")
    ours = _receivable(row for row in transfers if row["code"] in _UNTOUCHED)
    found.unbalanced += _differing("receivable of payments", ours, _moved(at, settled_too=True))
    unsettled = _moved(at, settled_too=False)
    left = {place: minor for place, minor in _receivable(transfers).items() if place[0] in _batched(at)}
    found.unbalanced += _differing("receivable that is not settled", left, unsettled)
    found.figures.append(f"transfers: {len(transfers)}")


def _batched(at: Stage) -> set[str]:
    """List the accounts whose processor's book says of every movement whether it is settled: Stripe's has balances."""
    return {at.accounts[sample.name] for sample in SAMPLES if sample.processor == "adyen"}


def _receivable(transfers: Iterable[Mapping[str, Any]]) -> Owed:
    owed: Owed = defaultdict(int)
    for row in transfers:
        for side, sign in ((row["debit"], 1), (row["credit"], -1)):
            if side.startswith(RECEIVABLE):
                owed[side.removeprefix(RECEIVABLE), row["currency"]] += sign * row["amount_minor"]
    return owed


def _moved(at: Stage, *, settled_too: bool) -> Owed:
    """Sum the processors' money by our account and currency."""
    ids = {(sample.processor, sample.at_processor): at.accounts[sample.name] for sample in SAMPLES}
    owed: Owed = defaultdict(int)
    for processor in at.sandboxes:
        rows = book(at, processor, "SELECT account, currency, kind, amount_minor, batch FROM money")
        for account, currency, kind, minor, batch in rows:
            sign = {"captured": 1, "refunded": -1, "disputed": -1}.get(kind, 0)
            place = ids[processor, account]
            if settled_too or (batch is None and place in _batched(at)):
                owed[place, currency] += sign * minor
    return owed


def _differing(what: str, ours: Owed, theirs: Owed) -> list[str]:
    keys = {*ours, *theirs}
    return [
        f"{what} {account} {currency}: {ours.get((account, currency), 0)} in the books, "
        f"{theirs.get((account, currency), 0)} at the processor"
        for account, currency in sorted(keys)
        if ours.get((account, currency), 0) != theirs.get((account, currency), 0)
    ]


async def _deliveries(found: Findings, at: Stage) -> None:
    rows = await at.rows("SELECT delivery_key, status, due_at FROM webhook_deliveries")
    kept = {row["delivery_key"]: "waiting" if row["due_at"] is not None else row["status"] for row in rows}
    taken = {key for processor in at.sandboxes for key in _delivered(at, processor)}
    found.deliveries += sorted(taken - set(kept))
    found.deliveries += [f"{key} is {kept[key]}" for key in taken & set(kept) if kept[key] not in _ENDS]
    found.figures.append(f"deliveries acknowledged: {len(taken)}; kept: {_told(Counter(kept.values()))}")


_ENDS: Final = frozenset({"done", "ignored", "parked", "waiting"})


def _delivered(at: Stage, processor: str) -> Iterator[str]:
    """Give the keys of what the hub has acknowledged, as the processor remembers it."""
    for event, body in book(at, processor, "SELECT event, body FROM deliveries WHERE state = 'delivered'"):
        if event:
            yield event
            continue
        for wrapped in msgspec.json.decode(body).get("notificationItems", ()):
            item = wrapped["NotificationRequestItem"]
            original = item.get("originalReference", "")
            yield f"{item['pspReference']}:{item['eventCode']}:{item['success']}:{original}"


async def _events(found: Findings, at: Stage, office: BackOffice) -> None:
    await office.read_to_the_end()
    rows = await at.rows("SELECT id, position FROM events ORDER BY position")
    if office.read != [row["id"] for row in rows if row["position"] is not None]:
        listed, there = Counter(office.read), {row["id"] for row in rows}
        twice = [id_ for id_, count in listed.items() if count > 1]
        found.events.append(f"read twice {twice[:5]}, never {sorted(there - set(listed))[:5]}, or in another order")
    found.events += [f"{row['id']} has no position" for row in rows if row["position"] is None]
    sent = await at.rows("SELECT event_id, status FROM event_deliveries")
    statuses = {row["event_id"]: row["status"] for row in sent}
    found.events += [f"{row['id']} goes to no endpoint" for row in rows if row["id"] not in statuses][:20]
    found.events += [
        f"{id_} is {status}, received {office.received[id_]} times"
        for id_, status in statuses.items()
        if (status == "delivered" and not office.received[id_]) or status not in {"delivered", "pending", "dead"}
    ]
    again = sum(office.received.values()) - len(office.received)
    found.figures.append(
        f"events: {len(rows)}, read {len(office.read)}, received {len(office.received)} ({again} more than once)"
    )


def book(at: Ground, processor: str, sql: str) -> list[tuple[Any, ...]]:
    """Read from a processor's book, which lies outside of all that is killed."""
    with closing(sqlite3.connect(at.folder / f"{processor}.book", timeout=10)) as opened:
        return opened.execute(sql).fetchall()


def by_id(rows: Iterable[Mapping[str, Any]]) -> Rows:
    """Find rows by their ids."""
    return {row["id"]: row for row in rows}


def _told(counted: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counted.most_common()) or "none"
