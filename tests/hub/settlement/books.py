"""The expected side: payments, refunds and disputes written through the charge path's own store."""

from datetime import UTC, date, datetime
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace
from sqlalchemy import insert

from hub.database import Database
from hub.idempotency.store import Key
from hub.ids import new_id
from hub.ledger.chart import DISPUTES_RECEIVABLE, receivable
from hub.ledger.tables import transfers
from hub.payments import rules, store
from hub.payments.changes import Actor, Change, Evidence, Expected
from hub.payments.rows import booking_values
from hub.payments.states import Booking, OperationState, OperationStatus, Payment
from hub.settlement.tables import expected_settlements
from normalization.money import Currency, Money
from normalization.outcome import Approved, Operation, Outcome, Pending, Report
from tests.hub.payments.making import NO_FUNDS, operation, payment

NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)
DUE = date(2026, 3, 4)


class Held(Struct):
    """A payment in our books, and the operation that took its money."""

    payment: Payment
    operation: OperationState


class Books(Struct):
    """What one merchant account is expected to settle; `at` is the clock."""

    database: Database
    account: str
    processor: str = "stripe"
    at: datetime = NOW
    known: dict[str, Held] = field(default_factory=dict)

    async def sent(self, minor: int, currency: str = "USD", kind: Operation = Operation.PURCHASE) -> Held:
        """Commit a payment whose charge is on its way to the processor."""
        money = Money(minor, Currency(currency))
        ids: dict[str, Any] = {"payment_id": new_id("pay_"), "id": new_id("att_")}
        attempt = operation(kind, money=money, merchant_account=self.account, processor=self.processor, **ids)
        attempt = replace(attempt, attempt_id=attempt.id, started_at=self.at)
        made = payment(
            id=attempt.payment_id,
            amount_minor=minor,
            currency=money.currency,
            reference=new_id("invoice-"),
            merchant_account=self.account,
            processor=self.processor,
            attempt_id=attempt.id,
            created_at=self.at,
            updated_at=self.at,
        )
        key = Key(key=new_id("key_"), fingerprint=b"", location="")
        await store.open_payment(self.database, made, attempt, key, 60.0, method_version=None)
        return Held(made, attempt)

    async def tell(self, held: Held, outcome: Outcome, *expected: Expected, **said: Any) -> Held:
        """Record what the processor said, with *expected* as what must arrive for it."""
        own = held.operation
        report = Report(
            kind=own.kind,
            tag=own.id,
            processor_reference=said.get("reference"),
            money=said.get("money", own.money),
            livemode=False,
            outcome=outcome,
        )
        done = rules.apply(held.payment, own, report)
        done = replace(done, payment=replace(done.payment, version=held.payment.version + 1))
        evidence = Evidence(source="answer", report=b"{}", recorded_at=self.at)
        change = Change(transition=done, evidence=evidence, due_s=None, expected=expected)
        await store.save(self.database, held.payment, change)
        return Held(done.payment, done.operation)

    async def charged(self, minor: int, currency: str = "USD", fee: int | None = None, **expected: Any) -> Held:
        """Commit a captured payment of which *minor* must arrive."""
        reference = expected.pop("reference", None)
        held = await self.sent(minor, currency)
        return await self.tell(
            held, Approved(), wanted("charge", minor, currency, fee, **expected), reference=reference
        )

    async def declined(self, minor: int, currency: str = "USD") -> Held:
        """Commit a payment that failed."""
        return await self.tell(await self.sent(minor, currency), NO_FUNDS)

    async def captured(self, minor: int, of: int, currency: str = "USD", fee: int | None = None) -> Held:
        """Commit a payment that was authorized for *of* and of which *minor* was captured."""
        held = await self.tell(await self.sent(of, currency, Operation.AUTHORIZE), Approved())
        capture = await self.asked(held, Operation.CAPTURE, minor, capturing_minor=minor)
        return await self.tell(capture, Approved(), wanted("charge", minor, currency, fee))

    async def refunded(self, held: Held, minor: int, fee: int | None = None, outcome: Outcome | None = None) -> Held:
        """Commit a refund of *minor*, which must leave again unless it is still to be decided."""
        opened = await self.asked(held, Operation.REFUND, minor, refunding_minor=minor)
        told = outcome or Approved()
        lines = (wanted("refund", -minor, held.payment.currency, fee),) if isinstance(told, Approved) else ()
        done = await self.tell(opened, told, *lines)
        held.payment = done.payment
        return done

    async def unanswered(self, held: Held) -> Held:
        """Leave what was sent without an answer."""
        return await self.tell(held, Pending())

    async def canceled(self, minor: int, currency: str = "USD") -> Held:
        """Commit a payment that was authorized and voided."""
        held = await self.tell(await self.sent(minor, currency, Operation.AUTHORIZE), Approved())
        await self.tell(await self.asked(held, Operation.VOID, minor, canceling=True), Approved())
        return held

    async def passed_over(self, held: Held, other: "Books") -> Held:
        """Go on at another account after the attempt there came to nothing that is known."""
        lost = rules.unknown(held.payment, held.operation).operation
        following = replace(
            held.operation, id=new_id("att_"), merchant_account=other.account, processor=other.processor, fence=1
        )
        following = replace(following, attempt_id=following.id, status=OperationStatus.SENDING)
        closed = rules.pass_over(held.payment, held.operation, lost, following)
        assert closed is not None
        evidence = Evidence(source="hub", report=b"{}", recorded_at=self.at)
        closed = replace(closed, payment=replace(closed.payment, version=held.payment.version + 1))
        await store.open_next_attempt(self.database, held.payment, closed, following, evidence, 60.0)
        return Held(closed.payment, following)

    async def disputed(self, held: Held, minor: int, fee: int | None = None) -> str:
        """Expect that a chargeback takes *minor*, or with a negative amount that it is given back."""
        type_ = "chargeback" if minor > 0 else "chargeback_reversal"
        return await self.expect(held, wanted(type_, -minor, held.payment.currency, fee))

    async def expect(self, held: Held, line: Expected, *, posted: bool = True) -> str:
        """Expect one more line for an operation, where it is *posted* against what disputes have taken."""
        own, at = held.operation, self.at
        owner = {"livemode": False, "payment_id": own.payment_id, "operation_id": own.id}
        sides = [receivable(self.account), DISPUTES_RECEIVABLE]
        debit, credit = sides if line.gross_minor > 0 else sides[::-1]
        money = Money(abs(line.gross_minor), line.currency)
        row = {
            "id": new_id("exs_"),
            "merchant_account": self.account,
            "created_at": at,
            "type": line.type,
            "gross_minor": line.gross_minor,
            "fee_minor": line.fee_minor,
            "currency": line.currency,
            "due_on": line.due_on,
        }
        code = "dispute_taken" if debit == DISPUTES_RECEIVABLE else "dispute_reinstated"
        async with self.database.transaction() as connection:
            await connection.execute(insert(expected_settlements), [owner | row])
            booked = owner | booking_values(Booking(debit, credit, money, code), at)
            if posted:
                await connection.execute(insert(transfers), [booked])
        return str(row["id"])

    async def asked(self, held: Held, kind: Operation, minor: int, **reserved: Any) -> Held:
        """Commit a capture, refund or void that is on its way to the processor."""
        own = held.operation
        ids: dict[str, Any] = {
            "payment_id": own.payment_id,
            "attempt_id": own.attempt_id,
            "merchant_account": self.account,
        }
        prefix = {Operation.CAPTURE: "cap_", Operation.REFUND: "ref_", Operation.VOID: "can_"}[kind]
        money = Money(minor, own.money.currency)
        made = operation(kind, id=new_id(prefix), money=money, processor=self.processor, started_at=self.at, **ids)
        now = replace(held.payment, **reserved)
        await store.open_follow_up(self.database, held.payment, now, made, None, Actor("", "shop"), 60.0)
        return Held(replace(now, version=held.payment.version + 1), made)


def wanted(type_: str, minor: int, currency: str, fee: int | None = None, **more: Any) -> Expected:
    """Make what must arrive."""
    due = more.pop("due_on", DUE)
    return Expected(type=type_, gross_minor=minor, fee_minor=fee, currency=Currency(currency), due_on=due, **more)
