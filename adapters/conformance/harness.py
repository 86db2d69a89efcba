"""What the kit has to be told of an adapter, and of a server that speaks its processor's wire format.

Two protocols, one for each half of the kit: the first half knows nothing of the processor and plays a server itself;
the second runs against a server that keeps a book of its own, so that what an adapter says is held against the money.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import aiohttp
from msgspec import Struct

from adapters.abilities import SubmitEvidence
from adapters.contract import Credentials, Registration, Webhook
from normalization.declines import DeclineCode
from normalization.disputes import DisputeReport
from normalization.money import Currency
from normalization.outcome import ActionRequired
from normalization.settlements import LineType
from normalization.tokens import ProcessorToken


class Server(Struct, frozen=True, kw_only=True):
    """One processor to be tried against, made for one check and empty at its start.

    `control_url` is where its control API begins (docs/adapters/conformance.md), without a slash at the end. `account`
    is what that API calls the account of `SandboxHarness.credentials`.
    """

    base_url: str
    control_url: str
    account: str


class Harness(Protocol):
    """All that the first half asks for."""

    @property
    def registration(self) -> Registration[Any]:
        """The adapter under test."""

    @property
    def token(self) -> ProcessorToken:
        """A saved card that is always approved."""

    def credentials(self, base_url: str, *, multiple_captures: bool = False) -> Credentials:
        """Make up the credentials of an account in test mode behind *base_url*, `webhook_secret` set.

        They are the same each time, pass the adapter's `check`, and hold at least one key in a field named so
        (`api_key`). *multiple_captures*: of an account that may capture one payment several times, where the adapter
        knows such; else it changes nothing.
        """


@runtime_checkable
class SandboxHarness(Harness, Protocol):
    """All that the second half asks for besides."""

    def serving(self, folder: Path) -> AbstractAsyncContextManager[Server]:
        """Run a new server, in this event loop or a process of its own, that may keep files in *folder*."""

    def refused_credentials(self, base_url: str) -> Credentials:
        """Make credentials whose key the server refuses (401 or 403)."""

    @property
    def exponents(self) -> Mapping[Currency, int]:
        """Digits after the decimal point at the processor, for every currency that it takes.

        From the processor's own page or the server's table, never from the adapter's: it is what amounts are checked
        with.
        """

    @property
    def declines(self) -> Mapping[DeclineCode, ProcessorToken]:
        """Saved cards that the server refuses, by what the refusal means; one of each category that it knows."""

    @property
    def one_time(self) -> Mapping[str, object]:
        """One-time data as the processor's client-side library gives it, of a card that is always approved."""

    @property
    def challenged(self) -> ProcessorToken | None:
        """A saved card that is charged after a challenge; None where the processor has no challenges."""

    @property
    def refunded_later(self) -> ProcessorToken | None:
        """A saved card whose refunds are accepted first and done later; None where there is no such."""

    @property
    def yes_words(self) -> Sequence[str]:
        """The JSON strings by which an answer says that a payment is authorized or captured: "succeeded"."""

    async def browse(self, http: aiohttp.ClientSession, action: ActionRequired, *, passes: bool) -> Mapping[str, str]:
        """Play the payer's browser: go where *action* says, pass the challenge or fail it.

        Returns the query or form fields with which the browser came back to the return address.
        """

    @property
    def signs_the_time(self) -> bool:
        """Whether webhook signatures hold the time at which they were made."""

    def unsigned(self, webhook: Webhook) -> Webhook:
        """Take the signature off."""

    def elsewhere(self, webhook: Webhook) -> Webhook | None:
        """Make the same message about another account, signed properly; None where messages name no account."""

    def joined(self, webhooks: Sequence[Webhook]) -> Webhook | None:
        """Put the messages, signed as they are, into one request; None where the processor sends no batches."""


@runtime_checkable
class DefendingHarness(Protocol):
    """What a harness says besides, whose adapter defends disputes."""

    def evidence(self, told: DisputeReport, operation_id: str) -> SubmitEvidence:
        """Make a defense that the server takes of a dispute about a payment with `SandboxHarness.token`."""


class SampleReport(Struct, frozen=True, kw_only=True):
    """A settlement report as the processor writes it, with made-up rows, each beside what it is.

    Every row is read with nonsense in its cell of `amount_column` too, and with an unknown word in that of
    `type_column`.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[LineType, tuple[str, ...]], ...]
    type_column: str
    amount_column: str


@runtime_checkable
class SettlingHarness(Protocol):
    """What a harness says besides, whose adapter reads settlement reports."""

    @property
    def sample_report(self) -> SampleReport:
        """A report with a charge, a refund and a fee of the account at the least."""
