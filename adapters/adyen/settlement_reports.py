"""Which of Adyen's reports a header is of; pure."""

from collections.abc import Sequence

from adapters.abilities import SettlementReport
from adapters.adyen import settlement_accounting as accounting
from adapters.adyen import settlement_details as details
from normalization.cells import recognised


def open_report(header: Sequence[str]) -> SettlementReport:
    """Recognise a report by its column names.

    Raises:
        NotAReportError: when they are those of neither kind.
    """
    found = recognised(header, {details.FORMAT: details.NEEDED, accounting.FORMAT: accounting.NEEDED})
    return details.SettlementDetails(header) if found == details.FORMAT else accounting.PaymentAccounting(header)
