"""From an account's row to an account that can be used; one that cannot be is left out alone, with a reason."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
import structlog
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import RowMapping

from adapters.contract import Adapter, Capabilities, Registration
from adapters.transport import Transport
from hub.merchants.credentials import open_credentials
from hub.merchants.profile import Profile, Terms, account_of, terms_of
from hub.sealing import Sealer
from normalization.money import Currency
from routing.accounts import AccountStatus, MerchantAccount

_log: Final = structlog.get_logger(__name__)


class Connected(Struct, frozen=True, kw_only=True):
    """One merchant account, ready to be used; also those that take nothing new, for what they hold."""

    account: MerchantAccount
    adapter: Adapter
    capabilities: Capabilities
    registration: Registration[Any]
    terms: Terms
    credentials_version: int


class Connector(Struct, frozen=True, kw_only=True):
    """What accounts are connected with."""

    sealer: Sealer
    registrations: Mapping[str, Registration[Any]]
    transport: Transport

    def connect(self, row: RowMapping, known: Connected | None) -> Connected | MerchantAccount | None:
        """Make an account's adapter, or keep the one that is *known*.

        What cannot be connected is logged, and only shown as the account that it is; None where not even that is read.
        """
        try:
            account = account_from(row)
        except Exception as failure:  # noqa: BLE001 - whatever is wrong with one must not keep the others away
            _log.error("merchant_account_unreadable", merchant_account=row["id"], failure=type(failure).__name__)
            return None
        registration = self.registrations.get(row["processor"])
        if registration is None:
            _log.error("merchant_account_without_adapter", merchant_account=row["id"], processor=row["processor"])
            return account
        try:
            adapter, capabilities = self._adapter(row, registration, known)
        except Exception as failure:  # noqa: BLE001 - as above: an adapter may raise anything
            _log.error("merchant_account_not_connected", merchant_account=row["id"], failure=type(failure).__name__)
            return account
        profile = msgspec.json.decode(row["profile"], type=Profile)
        return Connected(
            account=replace(account, connected=True, amount_ranges=_amount_ranges(capabilities)),
            adapter=adapter,
            capabilities=capabilities,
            registration=registration,
            terms=terms_of(profile),
            credentials_version=row["credentials_version"],
        )

    def _adapter(
        self, row: RowMapping, registration: Registration[Any], known: Connected | None
    ) -> tuple[Adapter, Capabilities]:
        if known is not None and known.credentials_version == row["credentials_version"]:
            return known.adapter, known.capabilities
        credentials = open_credentials(self.sealer, registration, row["id"], row["credentials"])
        adapter = registration.connect(credentials, self.transport, bool(row["livemode"]))
        return adapter, registration.capabilities(credentials)


def account_from(row: RowMapping) -> MerchantAccount:
    """Read an account as routing sees it before it is connected: without what its processor takes.

    Raises:
        msgspec.DecodeError, ValueError: for a row that this version cannot read.
    """
    return account_of(
        msgspec.json.decode(row["profile"], type=Profile),
        id=row["id"],
        name=row["name"],
        processor=row["processor"],
        livemode=bool(row["livemode"]),
        status=AccountStatus(row["status"]),
        amount_ranges=None,
        connected=False,
    )


def _amount_ranges(capabilities: Capabilities) -> dict[Currency, tuple[int, int]] | None:
    """List what a processor takes, per currency; None where one range fits all of them."""
    if capabilities.currencies is None:
        least, most = capabilities.amounts.minimum_minor, capabilities.amounts.maximum_minor
        return dict.fromkeys(Currency, (least, most))
    return {currency: (r.minimum_minor, r.maximum_minor) for currency, r in capabilities.currencies.items()}
