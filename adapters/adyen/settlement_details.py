"""Adyen's settlement details report, in its classic and its extended form, to lines; pure."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

from adapters.adyen.settlement import (
    TO_OUR_BANK,
    TYPES,
    brand,
    funding,
    name_of,
    parts_of,
    tag_of_line,
    unsigned,
)
from adapters.adyen.settlement_zones import zone_of
from normalization.cells import CellError, Picker, currency_of, instant, presented
from normalization.money import Currency
from normalization.settlements import BrokenRow, FeeParts, LineType, SettlementLine

FORMAT: Final = "settlement_details"

NEEDED: Final = (
    "Merchant Account", "Psp Reference", "Merchant Reference", "Creation Date", "TimeZone", "Type",
    "Modification Reference", "Gross Currency", "Gross Debit (GC)", "Gross Credit (GC)", "Net Currency",
    "Net Debit (NC)", "Net Credit (NC)", "Batch Number",
)  # fmt: skip
FEES: Final = ("Commission (NC)", "Markup (NC)", "Scheme Fees (NC)", "Interchange (NC)")
WANTED: Final = (
    *FEES, "Exchange Rate", "Modification Merchant Reference", "Booking Date", "Booking Date TimeZone",
    "Payment Method", "Payment Method Variant", "Issuer Country",
)  # fmt: skip

_PAYOUT_NAME: Final = re.compile(r"TX[0-9A-Z]+XT")
"""The payout's own reference in its text, which stands on the bank statement too."""


class SettlementDetails:
    """What payouts were made of, one movement a row; lines that Adyen gives no reference are counted."""

    format = FORMAT

    def __init__(self, header: Sequence[str]) -> None:
        """Find the columns."""
        self._pick = Picker(header, NEEDED, WANTED)
        self._seen: Counter[str] = Counter()

    def read(self, cells: Sequence[str]) -> SettlementLine | BrokenRow | None:
        """Translate one row; None: it tells of no money."""
        try:
            return self._line(self._pick(cells))
        except CellError as unreadable:
            return unreadable.broken()

    def _line(self, cells: tuple[str, ...]) -> SettlementLine | None:
        (
            account, psp, reference, created, zone, raw_type, modification, gross_code, gross_debit, gross_credit,
            net_code, net_debit, net_credit, batch, commission, markup, scheme, interchange, rate,
            modification_reference, booked, booked_zone, method, variant, country,
        ) = cells  # fmt: skip
        type_ = TYPES.get(raw_type, LineType.UNMAPPED)
        if not (net_debit or net_credit or gross_debit or gross_credit) and raw_type in TYPES:
            return None
        currency = currency_of(net_code or gross_code, "Net Currency")
        net = _signed(net_debit, net_credit, currency, ("Net Debit (NC)", "Net Credit (NC)"))
        parts = parts_of((commission, markup, scheme, interchange), FEES, currency)
        fee = parts.total() if parts else 0
        gross = net + fee
        told = None
        if gross_debit or gross_credit:
            charged_in = currency_of(gross_code, "Gross Currency")
            charged = _signed(gross_debit, gross_credit, charged_in, ("Gross Debit (GC)", "Gross Credit (GC)"))
            told = presented(charged, charged_in, currency, charged)
            if told is None and _was_settled(net_debit, net_credit, charged, parts):
                gross, fee = charged, charged - net
        if type_ in TO_OUR_BANK:  # What leaves the balance with Adyen is what comes to our bank.
            gross, net = -net, -gross
        at, at_zone, column = (booked, booked_zone or zone, "Booking Date") if booked else (created, zone, NEEDED[3])
        return SettlementLine(
            key=name_of(raw_type, modification, psp) if psp else self._counted(account, batch, raw_type, modification),
            type=type_,
            raw_type=raw_type,
            gross_minor=gross,
            fee_minor=fee,
            net_minor=net,
            currency=currency,
            booked_at=instant(at, column, zone_of(at_zone, "TimeZone")),
            batch=batch or None,
            tag=tag_of_line(modification_reference, reference) if psp else None,
            processor_reference=(modification or psp) if psp else _account_reference(type_, modification),
            parent_reference=psp or None,
            presented=told,
            exchange_rate=(rate or None) if told else None,
            fee_parts=parts,
            account=account or None,
            card_brand=brand(method),
            card_funding=funding(variant),
            card_country=country or None,
            description=None if psp else modification or None,
        )

    def _counted(self, account: str, batch: str, raw_type: str, text: str) -> str:
        """Name a line of the account by its batch and its text, and by its place where they come twice."""
        name = f"{account}:{batch}:{raw_type}:{text}"
        self._seen[name] += 1
        return name if self._seen[name] == 1 else f"{name}:{self._seen[name]}"


def _signed(debit: str, credit: str, currency: Currency, columns: tuple[str, str]) -> int:
    return unsigned(credit, currency, columns[1]) - unsigned(debit, currency, columns[0])


def _was_settled(net_debit: str, net_credit: str, gross_minor: int, parts: FeeParts | None) -> bool:
    """Tell whether the gross is part of this payout.

    With neither a debit nor a credit it was settled past Adyen, unless fees ate it up: then the gross stands in the row
    and no money of it moved.
    """
    return bool(net_debit or net_credit) or (parts.total() if parts else 0) == gross_minor


def _account_reference(type_: LineType, text: str) -> str | None:
    if type_ not in TO_OUR_BANK:
        return None
    found = _PAYOUT_NAME.search(text)
    return found[0] if found else text or None
