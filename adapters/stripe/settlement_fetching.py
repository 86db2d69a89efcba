"""What a payout was made of, asked of Stripe's API, and finished reports by their address.

The API's answer is written in the columns of the payout reconciliation report, so that one reader reads both, and a
line has the same name whichever way it came.
Source: https://docs.stripe.com/payouts/reconciliation, https://docs.stripe.com/api/balance_transactions/list
"""

import csv
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO
from typing import Final
from urllib.parse import urlsplit

from msgspec import Struct

from adapters.contract import NoticeKind, SettlementNotice
from adapters.errors import ConfigurationError, NotSentError, OutcomeUnknownError
from adapters.stripe.client import PROCESSOR, Client, decode
from adapters.stripe.currencies import STRIPE_EXPONENT
from adapters.stripe.parameters import OPERATION
from adapters.stripe.wire import Reference, id_of
from adapters.transport import Transport
from normalization.money import EXPONENT, Currency

FILES_HOST: Final = "files.stripe.com"
PAYOUT: Final = "po_"
PATH: Final = "/v1/balance_transactions"
PAGE: Final = 100
PAGES_MAX: Final = 100_000
"""Ten million lines in one payout."""

COLUMNS: Final = (
    "automatic_payout_id", "automatic_payout_effective_at_utc", "balance_transaction_id", "created_utc",
    "available_on_utc", "currency", "gross", "fee", "net", "reporting_category", "source_id", "description",
    "customer_facing_amount", "customer_facing_currency", "charge_id", "payment_intent_id", "card_brand",
    "card_funding", "card_country", f"payment_metadata[{OPERATION}]", f"refund_metadata[{OPERATION}]",
    "exchange_rate",
)  # fmt: skip
"""The columns that the API's answer is written in."""


class Card(Struct, frozen=True):
    """The card of a charge."""

    brand: str | None = None
    funding: str | None = None
    country: str | None = None


class MethodDetails(Struct, frozen=True):
    """What a charge was paid with."""

    card: Card | None = None


class Source(Struct, frozen=True, kw_only=True):
    """What moved the money: a charge, a refund, a dispute, a payout …, by the fields that settling asks for."""

    id: str
    object: str = ""
    amount: int | None = None
    currency: str | None = None
    charge: Reference | str | None = None
    payment_intent: Reference | str | None = None
    metadata: dict[str, str] | None = None
    payment_method_details: MethodDetails | None = None
    arrival_date: int | None = None


class BalanceTransaction(Struct, frozen=True, kw_only=True):
    """One movement of the balance with Stripe; amounts in Stripe's smallest units."""

    id: str
    amount: int
    fee: int
    net: int
    currency: str
    created: int
    available_on: int
    reporting_category: str
    description: str | None = None
    exchange_rate: Decimal | None = None
    source: Source | str | None = None


class Page(Struct, frozen=True):
    """One page of them."""

    data: list[BalanceTransaction]
    has_more: bool = False


class Settlements:
    """One account's way to its settlement reports."""

    def __init__(self, client: Client, transport: Transport, api_key: str, base_url: str | None) -> None:
        """Keep what every call needs; *base_url* replaces Stripe's own address."""
        self._client = client
        self._transport = transport
        self._api_key = api_key
        self._base_url = base_url

    def download(self, notice: SettlementNotice) -> AsyncIterator[bytes]:
        """Fetch the file that a notice points to, else list what the payout that it names was made of.

        Raises:
            ConfigurationError: when it points to a host that is not Stripe's, or there is nothing to fetch.
            OutcomeUnknownError: when it did not come whole.
        """
        if notice.location is not None:
            _own_host(notice.location, self._base_url)
            headers = {"Authorization": f"Bearer {self._api_key}"}
            return self._transport.fetch_file(PROCESSOR, notice.location, headers)
        if notice.kind is NoticeKind.PAYOUT_FAILED or not notice.processor_reference.startswith(PAYOUT):
            raise ConfigurationError(PROCESSOR, "this notice tells of no report that could be fetched")
        return self._listed(notice.processor_reference)

    async def _listed(self, payout: str) -> AsyncIterator[bytes]:
        """List the balance transactions of *payout*, a page at a time, as CSV."""
        yield written([COLUMNS])
        parameters: dict[str, object] = {"payout": payout, "limit": PAGE, "expand": ["data.source"]}
        for _ in range(PAGES_MAX):
            page = await self._page(parameters)
            if page.data:
                yield written([row(one, payout) for one in page.data])
            if not page.has_more or not page.data:
                return
            parameters = {**parameters, "starting_after": page.data[-1].id}
        raise OutcomeUnknownError(PROCESSOR, f"more than {PAGE * PAGES_MAX} lines in one payout")

    async def _page(self, parameters: dict[str, object]) -> Page:
        try:
            return decode(await self._client.read(PATH, parameters), Page)
        except NotSentError as failure:
            raise OutcomeUnknownError(PROCESSOR, f"could not ask: {failure}") from failure


def row(told: BalanceTransaction, payout: str) -> Sequence[str]:
    """Write one balance transaction of *payout* in the report's columns; pure."""
    source = told.source if isinstance(told.source, Source) else None
    name = source.id if source else told.source or ""
    charge = source if source and source.object == "charge" else None
    card = (charge.payment_method_details.card if charge and charge.payment_method_details else None) or Card()
    tag = (source.metadata or {}).get(OPERATION, "") if source else ""
    facing = source if source and source.object in {"charge", "refund"} and source.currency else None
    arrives = source.arrival_date if source else None
    return (
        payout,
        _at(arrives) if arrives is not None else "",
        told.id,
        _at(told.created),
        _at(told.available_on),
        told.currency,
        *(_major(amount, told.currency) for amount in (told.amount, told.fee, told.net)),
        told.reporting_category,
        str(name),
        told.description or "",
        _major(facing.amount or 0, facing.currency or "") if facing else "",
        facing.currency or "" if facing else "",
        (charge.id if charge else id_of(source.charge) or "") if source else "",
        id_of(source.payment_intent) or "" if source else "",
        card.brand or "",
        card.funding or "",
        card.country or "",
        tag if charge else "",
        tag if source and source.object == "refund" else "",
        "" if told.exchange_rate is None else str(told.exchange_rate),
    )


def written(rows: Sequence[Sequence[str]]) -> bytes:
    """Write rows as CSV."""
    text = StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def _at(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}"


def _major(amount: int, code: str) -> str:
    """Write an amount of Stripe's in major units; a currency that nobody knows is for the reader to refuse."""
    currency = Currency(code.upper()) if code.upper() in set(Currency) else None
    digits = 2 if currency is None else STRIPE_EXPONENT.get(currency, EXPONENT[currency])
    return format(Decimal(amount).scaleb(-digits), f".{digits}f")


def _own_host(location: str, base_url: str | None) -> None:
    """Insist that a report lies at Stripe, or at the server that stands for it.

    Raises:
        ConfigurationError: when it does not: our key would go there.
    """
    try:
        told = urlsplit(location)
        own = urlsplit(base_url or f"https://{FILES_HOST}")
        same = (told.scheme, told.hostname, told.port) == (own.scheme, own.hostname, own.port)
        plain = told.username is None and told.password is None
    except ValueError:
        same = plain = False
    if not same or not plain:
        raise ConfigurationError(PROCESSOR, "the report is said to lie at a host that is not Stripe's; not fetched")
