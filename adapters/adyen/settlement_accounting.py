"""Adyen's payment accounting report to lines: only the records that move money; pure."""

from collections.abc import Sequence
from typing import Final

from adapters.adyen.settlement import MOVING, STEPS, TYPES, brand, funding, name_of, parts_of, tag_of_line
from adapters.adyen.settlement_zones import zone_of
from normalization.cells import CellError, Picker, currency_of, instant, minor_units, presented
from normalization.settlements import BrokenRow, LineType, SettlementLine

FORMAT: Final = "payment_accounting"

NEEDED: Final = (
    "Merchant Account", "Psp Reference", "Merchant Reference", "Booking Date", "TimeZone", "Record Type",
    "Modification Psp Reference", "Payment Currency", "Captured (PC)", "Settlement Currency", "Payable (SC)",
)  # fmt: skip
FEES: Final = ("Commission (SC)", "Markup (SC)", "Scheme Fees (SC)", "Interchange (SC)")
WANTED: Final = (
    *FEES, "Exchange Rate", "Modification Merchant Reference", "Payment Method", "Payment Method Variant",
    "Issuer Country",
)  # fmt: skip


class PaymentAccounting:
    """Every step of every payment; what is no step of one, as payouts, stands in the settlement details only."""

    format = FORMAT

    def __init__(self, header: Sequence[str]) -> None:
        """Find the columns."""
        self._pick = Picker(header, NEEDED, WANTED)

    def read(self, cells: Sequence[str]) -> SettlementLine | BrokenRow | None:
        """Translate one row; None: it tells of no money of ours."""
        try:
            return self._line(self._pick(cells))
        except CellError as unreadable:
            return unreadable.broken()

    def _line(self, cells: tuple[str, ...]) -> SettlementLine | None:
        (
            account, psp, reference, booked, zone, record, modification, charged_code, captured, settled_code, payable,
            commission, markup, scheme, interchange, rate, modification_reference, method, variant, country,
        ) = cells  # fmt: skip
        if record in STEPS:
            return None
        currency = currency_of(settled_code or charged_code, "Settlement Currency")
        if not payable and record in MOVING:
            raise CellError("Payable (SC)", "is empty, where this record type moves money")
        if not psp:
            raise CellError("Psp Reference", "is empty; it is part of the line's name")
        net = minor_units(payable, currency, "Payable (SC)") if payable else 0
        parts = parts_of((commission, markup, scheme, interchange), FEES, currency)
        fee = parts.total() if parts else 0
        told = None
        if captured and charged_code and charged_code != settled_code:
            charged_in = currency_of(charged_code, "Payment Currency")
            told = presented(minor_units(captured, charged_in, "Captured (PC)"), charged_in, currency, net + fee)
        return SettlementLine(
            key=name_of(record, modification, psp),
            type=TYPES.get(record, LineType.UNMAPPED),
            raw_type=record,
            gross_minor=net + fee,
            fee_minor=fee,
            net_minor=net,
            currency=currency,
            booked_at=instant(booked, "Booking Date", zone_of(zone, "TimeZone")),
            tag=tag_of_line(modification_reference, reference),
            processor_reference=modification or psp,
            parent_reference=psp,
            presented=told,
            exchange_rate=(rate or None) if told else None,
            fee_parts=parts,
            account=account or None,
            card_brand=brand(method),
            card_funding=funding(variant),
            card_country=country or None,
        )
