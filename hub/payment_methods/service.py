"""Keeping and forgetting customers and payment methods, each change with its audit row."""

from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec
from msgspec import Struct
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.access.rules import Caller
from hub.access.store import audit
from hub.database import ConflictError, Database
from hub.errors import FieldError, ProblemError
from hub.ids import new_id
from hub.payment_methods import store
from hub.payment_methods.describing import TokenDesk
from hub.payment_methods.remembered import Remembered
from hub.payment_methods.rules import all_facts
from hub.retries.store import has_history
from normalization.tokens import CardFacts, ProcessorToken


class Stored(Struct, frozen=True, kw_only=True):
    """A payment method with the tokens behind it."""

    row: RowMapping
    tokens: Sequence[ProcessorToken]

    def reached_by(self, caller: Caller) -> bool:
        """Whether *caller*'s key is for an account that any of the tokens is for."""
        bound = [token.merchant_account for token in self.tokens]
        return not bound or any(account is None or caller.may_use(account) for account in bound)


class Kept(Struct, frozen=True, kw_only=True):
    """What a caller wants kept as a payment method."""

    tokens: Sequence[ProcessorToken]
    told: CardFacts = CardFacts()
    customer: str | None = None
    network_transaction_id: str | None = None


class Wallet(Struct, frozen=True, kw_only=True):
    """What keeping payment methods needs."""

    database: Database
    desk: TokenDesk
    remembered: Remembered
    clock: Callable[[], datetime]

    async def add(self, caller: Caller, request_id: str, kept: Kept) -> Stored:
        """Keep a payment method.

        Raises:
            ProblemError: validation_failed for a token or for a customer that is not there.
        """
        tokens, customer = kept.tokens, kept.customer
        self.desk.check(caller, tokens, path="processor_tokens[{}].")
        known = await self.desk.described(caller, tokens)
        card = all_facts(kept.told, known)
        method_id, at = new_id("pm_"), self.clock()
        row = store.method_row(
            caller.livemode, method_id, customer, card, at, network_transaction_id=kept.network_transaction_id
        )
        async with self.database.transaction() as connection:
            if customer is not None:
                # Locked, so that a person who is being erased gains no card meanwhile.
                await self._customer(connection, caller, customer)
            await store.add_payment_method(connection, row)
            for token, facts in zip(tokens, known, strict=True):
                await store.add_token(connection, store.token_row(caller.livemode, method_id, token, facts, at))
            details = {"customer": customer, "processors": sorted({token.processor for token in tokens})}
            await audit(connection, caller, "payment_method.created", method_id, details, request_id=request_id)
        made = await self.find(caller, method_id)
        # Most are charged as soon as they are made; only a good card may be charged by what is remembered.
        if not await has_history(self.database, method_id, livemode=caller.livemode):
            self.remembered.keep((caller.livemode, method_id), store.means_of(made.row, made.tokens))
        return made

    async def add_token(self, caller: Caller, request_id: str, method_id: str, token: ProcessorToken) -> Stored:
        """Put one more processor behind a payment method.

        Raises:
            ProblemError: not_found, validation_failed, token_exists.
        """
        standing = await self.find(caller, method_id)
        self.desk.check(caller, [token], path="")
        told = msgspec.json.decode(standing.row["card"], type=CardFacts)
        known = await self.desk.described(caller, [token])
        card = all_facts(told, known)
        try:
            async with self.database.transaction() as connection:
                await self._found(connection, caller, method_id, to_change=True)
                await store.add_token(
                    connection, store.token_row(caller.livemode, method_id, token, known[0], self.clock())
                )
                text = msgspec.json.encode(card).decode()
                await store.describe_card(connection, livemode=caller.livemode, method_id=method_id, card=text)
                details = {"processor": token.processor, "merchant_account": token.merchant_account}
                await audit(connection, caller, "payment_method.token_added", method_id, details, request_id=request_id)
        except ConflictError as taken:
            detail = "there is a token for this processor and account already"
            raise ProblemError("token_exists", detail, errors=[FieldError("processor", detail)]) from taken
        return await self.find(caller, method_id)

    async def find(self, caller: Caller, method_id: str) -> Stored:
        """Read a payment method.

        Raises:
            ProblemError: not_found.
        """
        async with self.database.reading() as connection:
            return await self._found(connection, caller, method_id)

    async def of_customer(self, caller: Caller, customer_id: str, before: str | None, limit: int) -> list[Stored]:
        """Read a customer's payment methods, newest first.

        Raises:
            ProblemError: not_found.
        """
        async with self.database.reading() as connection:
            if await store.customer(connection, livemode=caller.livemode, customer_id=customer_id) is None:
                raise no_customer()
            rows = await store.payment_methods_before(
                connection, livemode=caller.livemode, customer_id=customer_id, before=before, limit=limit
            )
            ids = [row["id"] for row in rows]
            tokens = await store.tokens_of(connection, livemode=caller.livemode, method_ids=ids)
        return [Stored(row=row, tokens=tokens[row["id"]]) for row in rows]

    async def forget(self, caller: Caller, request_id: str, method_id: str) -> None:
        """Delete a payment method and every token behind it.

        Raises:
            ProblemError: not_found.
        """
        async with self.database.transaction() as connection:
            await self._found(connection, caller, method_id, to_change=True)
            await store.delete_payment_method(
                connection, livemode=caller.livemode, method_id=method_id, at=self.clock()
            )
            await audit(connection, caller, "payment_method.deleted", method_id, {}, request_id=request_id)

    async def _found(
        self, connection: AsyncConnection, caller: Caller, method_id: str, *, to_change: bool = False
    ) -> Stored:
        row = await store.payment_method(connection, livemode=caller.livemode, method_id=method_id, to_change=to_change)
        if row is None:
            raise _no_method()
        tokens = await store.tokens_of(connection, livemode=caller.livemode, method_ids=[method_id])
        stored = Stored(row=row, tokens=tokens[method_id])
        if not stored.reached_by(caller):
            raise _no_method()
        return stored

    async def _customer(self, connection: AsyncConnection, caller: Caller, customer_id: str) -> None:
        found = await store.customer(connection, livemode=caller.livemode, customer_id=customer_id, to_change=True)
        if found is None:
            raise unknown_customer()


def no_customer() -> ProblemError:
    """Say that a customer is not there, or erased."""
    return ProblemError("not_found", "there is no such customer in this mode")


def unknown_customer() -> ProblemError:
    """Refuse a request whose `customer` is not there, or erased."""
    errors = [FieldError("customer", "is no customer of this mode; make one with POST /v1/customers")]
    return ProblemError("validation_failed", "there is no such customer", errors=errors)


def _no_method() -> ProblemError:
    return ProblemError("not_found", "there is no such payment method in this mode")
