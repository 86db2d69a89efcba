"""Processor tokens as callers give them: held against the accounts, and described by the processor where it can."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

import structlog
from msgspec import Struct

from adapters.abilities import DescribesTokens
from adapters.contract import Registration
from adapters.errors import AdapterError
from hub.access.rules import Caller
from hub.errors import FieldError, ProblemError
from hub.merchants.service import Connected, Directory
from normalization.tokens import CardFacts, ProcessorToken

DESCRIBE_SECONDS: Final = 5.0
_log = structlog.get_logger(__name__)


class TokenDesk(Struct, frozen=True, kw_only=True):
    """Checks and describes tokens, outside any transaction."""

    registrations: Mapping[str, Registration[Any]]
    directory: Directory

    def check(self, caller: Caller, tokens: Sequence[ProcessorToken], *, path: str) -> None:
        """Refuse a token of an unknown processor or account.

        Raises:
            ProblemError: validation_failed, naming the field below *path*, which has `{}` for the token's position.
        """
        errors = []
        for position, token in enumerate(tokens):
            place = path.format(position)
            if token.processor not in self.registrations:
                known = ", ".join(sorted(self.registrations))
                errors.append(FieldError(f"{place}processor", f"must be one of {known}"))
            elif token.merchant_account and not self._serves(caller, token, token.merchant_account):
                told = "is no merchant account of this processor and mode"
                errors.append(FieldError(f"{place}merchant_account", told))
        pairs = [(token.processor, token.merchant_account) for token in tokens]
        if len(set(pairs)) < len(pairs):
            errors.append(
                FieldError(path.split("[", maxsplit=1)[0], "holds two tokens for the same processor and account")
            )
        if errors:
            raise ProblemError("validation_failed", "a processor token cannot be kept", errors=errors)

    def reusable(self, tokens: Sequence[ProcessorToken]) -> bool:
        """Whether any of *tokens* can be charged more than once; of a processor that is gone, none can."""
        known = self.registrations
        return any(token.processor in known and known[token.processor].reusable(token) for token in tokens)

    async def described(self, caller: Caller, tokens: Sequence[ProcessorToken]) -> list[CardFacts | None]:
        """Ask each token's processor what card it is, all at once; None where it cannot be told."""
        return await asyncio.gather(*(self._ask(caller, token) for token in tokens))

    async def _ask(self, caller: Caller, token: ProcessorToken) -> CardFacts | None:
        connected = self._account_for(caller, token)
        if connected is None or not isinstance(connected.adapter, DescribesTokens):
            return None
        try:
            async with asyncio.timeout(DESCRIBE_SECONDS):
                return await connected.adapter.describe(token)
        except (AdapterError, TimeoutError) as failure:
            _log.info("token_not_described", processor=token.processor, failure=type(failure).__name__)
            return None

    def _account_for(self, caller: Caller, token: ProcessorToken) -> Connected | None:
        """Choose an account to ask: the token's own, else any of its processor."""
        if token.merchant_account is not None:
            return self.directory.connected(token.merchant_account)
        fitting = (c for c in self.directory.accounts().values() if self._serves(caller, token, c.account.id))
        return min(fitting, key=lambda connected: connected.account.id, default=None)

    def _serves(self, caller: Caller, token: ProcessorToken, account_id: str) -> bool:
        connected = self.directory.connected(account_id)
        return (
            connected is not None
            and connected.account.livemode == caller.livemode
            and connected.account.processor == token.processor
            and caller.may_use(account_id)
        )
