"""What Adyen's reports say of each movement, and that both say it alike."""

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from adapters.abilities import DownloadsSettlements, ReadsSettlements, SettlementReport
from adapters.adyen import settlement_fetching
from adapters.adyen.adapter import AdyenAdapter
from adapters.adyen.credentials import AdyenCredentials, check
from adapters.adyen.settlement import MOVING, STEPS, TYPES
from adapters.adyen.settlement_accounting import NEEDED as ACCOUNTING
from adapters.adyen.settlement_reports import open_report
from adapters.contract import NoticeKind, SettlementNotice
from adapters.errors import ConfigurationError, OutcomeUnknownError
from adapters.transport import Transport
from normalization.money import Currency, Money
from normalization.settlements import BrokenRow, FeeParts, LineType, NotAReportError, SettlementLine, digest, totals
from tests.adapters.adyen.scripted import Answer, ScriptedAdyen
from tests.adapters.settlement_page import shown

SETTLED = {
    "Merchant Account": "Shop",
    "Psp Reference": "PSP1",
    "Merchant Reference": "att_1",
    "Payment Method": "visa",
    "Payment Method Variant": "visastandarddebit",
    "Creation Date": "2026-07-01 12:00:00",
    "TimeZone": "CEST",
    "Type": "Settled",
    "Modification Reference": "MOD1",
    "Gross Currency": "EUR",
    "Gross Debit (GC)": "",
    "Gross Credit (GC)": "40.00",
    "Exchange Rate": "1",
    "Net Currency": "EUR",
    "Net Debit (NC)": "",
    "Net Credit (NC)": "39.30",
    "Commission (NC)": "",
    "Markup (NC)": "0.30",
    "Scheme Fees (NC)": "0.08",
    "Interchange (NC)": "0.32",
    "Modification Merchant Reference": "",
    "Batch Number": "7",
}
ACCOUNTED = {
    "Merchant Account": "Shop",
    "Psp Reference": "PSP1",
    "Merchant Reference": "att_1",
    "Booking Date": "2026-07-03 01:00:00",
    "TimeZone": "CEST",
    "Record Type": "Settled",
    "Modification Psp Reference": "MOD1",
    "Payment Currency": "EUR",
    "Captured (PC)": "-40.00",
    "Settlement Currency": "EUR",
    "Payable (SC)": "39.30",
    "Markup (SC)": "0.30",
    "Scheme Fees (SC)": "0.08",
    "Interchange (SC)": "0.32",
}
OF_THE_ACCOUNT = {
    name: ""
    for name in SETTLED
    if name.endswith(("(GC)", "(NC)", "Reference", "Currency", "Method", "Variant", "Rate"))
}


def read(**cells: str) -> SettlementLine | BrokenRow | None:
    row = SETTLED | cells
    return open_report(list(row)).read(list(row.values()))


def line(cells: dict[str, str]) -> SettlementLine:
    told = read(**cells)
    assert isinstance(told, SettlementLine)
    return told


def own(type: str, text: str, **cells: str) -> dict[str, str]:
    """A row of the account itself."""
    return OF_THE_ACCOUNT | {"Type": type, "Modification Reference": text, "Net Currency": "EUR"} | cells


def test_a_settled_payment_is_read_with_what_its_fee_is_made_of() -> None:
    assert line({}) == SettlementLine(
        key="Settled:MOD1",
        type=LineType.CHARGE,
        raw_type="Settled",
        gross_minor=4000,
        fee_minor=70,
        net_minor=3930,
        currency=Currency.EUR,
        booked_at=datetime(2026, 7, 1, 10, tzinfo=UTC),
        batch="7",
        tag="att_1",
        processor_reference="MOD1",
        parent_reference="PSP1",
        fee_parts=FeeParts(markup_minor=30, scheme_minor=8, interchange_minor=32),
        account="Shop",
        card_brand="visa",
        card_funding="debit",
    )


def test_blended_pricing_is_a_commission() -> None:
    blended = {"Commission (NC)": "0.70", "Markup (NC)": "", "Scheme Fees (NC)": "", "Interchange (NC)": ""}

    assert line(blended).fee_parts == FeeParts(commission_minor=70)


@pytest.mark.parametrize(
    ("modification", "tag"),
    [
        ("", "att_1"),
        ("cap_9", "cap_9"),
        ("att_1:capture", "att_1"),
        ("a word of the dashboard's", "att_1"),
        ("ref_3", "ref_3"),
    ],
)
def test_our_id_of_the_modification_is_the_tag_and_else_the_payments(modification: str, tag: str) -> None:
    assert line({"Modification Merchant Reference": modification}).tag == tag


def test_a_payment_in_another_currency_keeps_its_amount_and_the_rate_as_it_was_written() -> None:
    told = line({"Gross Currency": "USD", "Gross Credit (GC)": "43.48", "Exchange Rate": "0.9200"})

    assert (told.gross_minor, told.fee_minor, told.net_minor) == (4000, 70, 3930)
    assert (told.presented, told.exchange_rate) == (Money(4348, Currency.USD), "0.9200")


def test_the_column_says_which_way_the_money_went() -> None:
    parts = {"Markup (NC)": "7.50", "Scheme Fees (NC)": "", "Interchange (NC)": ""}
    debits = {"Gross Credit (GC)": "", "Gross Debit (GC)": "40.00", "Net Credit (NC)": "", "Net Debit (NC)": "47.50"}
    told = line({"Type": "Chargeback", **debits, **parts})

    assert (told.type, told.gross_minor, told.fee_minor, told.net_minor) == (LineType.CHARGEBACK, -4000, 750, -4750)


def test_what_was_settled_past_adyen_is_not_in_the_payout() -> None:
    nothing = {"Net Credit (NC)": "", "Markup (NC)": "", "Scheme Fees (NC)": "", "Interchange (NC)": ""}

    assert digest(line(nothing)) == "charge:0 0 0 EUR:"


def test_a_payment_that_its_fees_ate_up_is_settled_all_the_same() -> None:
    eaten = {"Gross Credit (GC)": "0.70", "Net Credit (NC)": ""}

    assert digest(line(eaten)) == "charge:70 70 0 EUR:"


def test_a_batch_with_its_payout_adds_up() -> None:
    report = open_report(list(SETTLED))
    payout = {"Net Debit (NC)": "28.86", "Modification Reference": "TX123XT batch 7, Shop"}
    rows = [
        SETTLED,
        SETTLED | own("Fee", "Transaction Fees July 2026", **{"Net Debit (NC)": "0.44"}),
        SETTLED | own("DepositCorrection", "DepositCorrection", **{"Net Debit (NC)": "10.00"}),
        SETTLED | own("MerchantPayout", "", **payout),
    ]
    lines = [told for row in rows if isinstance(told := report.read(list(row.values())), SettlementLine)]

    assert [one.type for one in lines] == [LineType.CHARGE, LineType.FEE, LineType.RESERVE, LineType.PAYOUT]
    assert totals(lines) == {("7", Currency.EUR): lines[3].net_minor}
    assert (lines[3].processor_reference, lines[3].tag) == ("TX123XT", None)


def test_a_payout_that_our_bank_sent_back_left_our_bank() -> None:
    text = {"Net Credit (NC)": "28.86", "Modification Reference": "TX123XT batch 7, Shop"}
    told = line(own("BankInstructionReturned", "", **text))

    assert (told.type, told.gross_minor, told.net_minor) == (LineType.PAYOUT_REVERSAL, -2886, -2886)
    assert told.processor_reference == "TX123XT"


def test_lines_without_a_reference_are_named_by_their_place_and_alike_the_next_time() -> None:
    row = SETTLED | own("Fee", "Transaction Fees July 2026", **{"Net Debit (NC)": "0.44"})

    def names(report: SettlementReport) -> list[str]:
        told = [report.read(list(row.values())) for _ in range(2)]
        return [one.key for one in told if isinstance(one, SettlementLine)]

    first = names(open_report(list(row)))

    assert len(set(first)) == 2
    assert names(open_report(list(row))) == first


@pytest.mark.parametrize(
    "change", [{"Batch Number": "8"}, {"Merchant Account": "Other"}, {"Type": "MiscCosts"}], ids=str
)
def test_lines_without_a_reference_are_others_in_another_batch_or_account(change: dict[str, str]) -> None:
    fee = own("Fee", "Transaction Fees July 2026", **{"Net Debit (NC)": "0.44"})

    assert line(fee | change).key != line(fee).key


@pytest.mark.parametrize(
    ("changes", "accounted"),
    [
        ({}, {}),
        (
            {"Type": "Refunded", "Gross Credit (GC)": "", "Gross Debit (GC)": "5.00", "Net Credit (NC)": ""}
            | {"Net Debit (NC)": "5.00", "Markup (NC)": "", "Scheme Fees (NC)": "", "Interchange (NC)": ""},
            {"Record Type": "Refunded", "Payable (SC)": "-5.00", "Captured (PC)": "5.00"}
            | {"Markup (SC)": "", "Scheme Fees (SC)": "", "Interchange (SC)": ""},
        ),
        (
            {"Gross Currency": "USD", "Gross Credit (GC)": "43.48", "Exchange Rate": "0.92"},
            {"Payment Currency": "USD", "Captured (PC)": "-43.48", "Exchange Rate": "0.92"},
        ),
    ],
)
def test_both_reports_name_a_movement_alike_and_say_the_same_of_its_money(
    changes: dict[str, str], accounted: dict[str, str]
) -> None:
    row = ACCOUNTED | accounted
    told = open_report(list(row)).read(list(row.values()))
    detail = line(changes)

    assert isinstance(told, SettlementLine)
    assert (told.key, digest(told)) == (detail.key, digest(detail))
    assert (told.tag, told.parent_reference, told.exchange_rate) == (detail.tag, "PSP1", detail.exchange_rate)


MOVES = """
Settled Refunded RefundedReversed Chargeback ChargebackReversed SecondChargeback PaidOut PaidOutReversed
"""
MOVES_NOTHING = """
Received Authorised Refused Error Cancelled Expired SentForSettle SettledExternally SentForRefund RefundedExternally
RefundFailed CaptureFailed ChargebackExternally Retried Reversed PayoutAuthorised PayoutError PayoutFailed
PaidOutExternally
"""


@pytest.mark.parametrize("record", MOVES.split())
def test_a_record_that_moves_money_says_how_much(record: str) -> None:
    report = open_report(list(ACCOUNTED))

    told = [
        report.read(list((ACCOUNTED | {"Record Type": record, "Payable (SC)": payable}).values()))
        for payable in ("1.00", "")
    ]

    assert isinstance(told[0], SettlementLine)
    assert isinstance(told[1], BrokenRow)
    assert told[1].column == "Payable (SC)"


@pytest.mark.parametrize("record", MOVES_NOTHING.split())
def test_a_step_of_a_payment_and_what_went_past_adyen_is_no_money_of_ours(record: str) -> None:
    assert open_report(list(ACCOUNTED)).read(list((ACCOUNTED | {"Record Type": record}).values())) is None


def test_of_the_accounting_report_only_what_moves_money_is_a_line() -> None:
    report = open_report(list(ACCOUNTED))

    def told(record: str) -> SettlementLine | BrokenRow | None:
        return report.read(list((ACCOUNTED | {"Record Type": record}).values()))

    assert {record for record in STEPS if told(record) is not None} == set()
    assert all(isinstance(told(record), SettlementLine) for record in MOVING)
    unknown = told("OfNextYear")
    assert isinstance(unknown, SettlementLine)
    assert unknown.type is LineType.UNMAPPED
    no_name = report.read(list((ACCOUNTED | {"Psp Reference": "", "Modification Psp Reference": ""}).values()))
    assert isinstance(no_name, BrokenRow)


@pytest.mark.parametrize(
    ("zone", "date", "hour"),
    [
        ("CET", "2026-01-15 12:00:00", 11),
        ("CEST", "2026-07-15 12:00:00", 10),
        ("BST", "2026-07-15 12:00:00", 11),
        ("PST", "2026-01-15 12:00:00", 20),
        ("PDT", "2026-07-15 12:00:00", 19),
        ("Europe/Amsterdam", "2026-07-15 12:00:00", 10),
        ("UTC", "2026-07-15 12:00:00", 12),
    ],
)
def test_a_date_is_read_in_the_zone_beside_it(zone: str, date: str, hour: int) -> None:
    assert line({"TimeZone": zone, "Creation Date": date}).booked_at.hour == hour


def test_the_extended_form_tells_when_a_line_was_booked() -> None:
    booked = {"Booking Date": "2026-07-03 02:00:00", "Booking Date TimeZone": "UTC"}

    assert line(booked).booked_at == datetime(2026, 7, 3, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("TimeZone", "XYZ"),
        ("TimeZone", "../../etc/passwd"),
        ("Creation Date", "now"),
        ("Net Credit (NC)", "39,30"),
        ("Gross Credit (GC)", "-40.00"),
        ("Markup (NC)", "0.305"),
        ("Net Currency", "EURO"),
    ],
)
def test_a_cell_that_cannot_be_read_breaks_its_row_by_the_columns_name(column: str, cell: str) -> None:
    told = read(**{column: cell})

    assert isinstance(told, BrokenRow)
    assert told.column == column


def test_an_unknown_type_is_kept_and_a_known_one_without_money_is_no_line() -> None:
    no_money = {"Gross Credit (GC)": "", "Net Credit (NC)": ""}

    assert line({"Type": "OfNextYear"}).type is LineType.UNMAPPED
    assert line({"Type": "OfNextYear", **no_money}).type is LineType.UNMAPPED
    assert read(Type="CaptureFailed", **no_money) is None


def test_the_columns_may_stand_in_any_order() -> None:
    backwards = dict(reversed(SETTLED.items()))

    assert open_report(list(backwards)).read(list(backwards.values())) == line({})


@pytest.mark.parametrize(
    ("header", "lacking"),
    [
        ([name for name in SETTLED if name != "Batch Number"], "Batch Number of the format settlement_details"),
        (ACCOUNTING[:-1], r"Payable \(SC\) of the format payment_accounting"),
    ],
)
def test_a_header_of_something_else_is_told_what_it_lacks(header: Sequence[str], lacking: str) -> None:
    with pytest.raises(NotAReportError, match=lacking):
        open_report(header)


def test_every_type_stands_on_the_page() -> None:
    assert {(name, str(kind)) for name, kind in TYPES.items()} - shown("adyen") == set()


NOTICE = SettlementNotice(kind=NoticeKind.REPORT_AVAILABLE, processor_reference="report.csv", livemode=False)
PLACE = "/reports/download/MerchantAccount/Shop/report.csv"
Connect = Callable[..., AdyenAdapter]


async def downloaded(pieces: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in pieces])


@pytest.mark.parametrize(
    ("credentials", "header", "value"),
    [
        ({"report_user": "report@Company.Shop", "report_password": "pw"}, "authorization", "Basic "),
        ({"report_api_key": "AQE"}, "x-api-key", "AQE"),
    ],
)
async def test_a_report_is_fetched_with_the_report_credentials(
    adyen: ScriptedAdyen, connect: Connect, credentials: dict[str, str], header: str, value: str
) -> None:
    adyen.will_answer(Answer(body=b"a,b\n"))
    adapter = connect(**credentials)

    assert await downloaded(adapter.download(replace(NOTICE, location=adyen.base_url + PLACE))) == b"a,b\n"
    assert adyen.sent[0].headers[header].startswith(value)
    assert isinstance(adapter, ReadsSettlements)
    assert isinstance(adapter, DownloadsSettlements)


@pytest.mark.parametrize(
    "location", [None, "http://127.0.0.1:1/x", "https://ca-test.adyen.com.example/x", "https://ca-live.adyen.com/x"]
)
async def test_the_report_password_goes_to_no_other_host(
    adyen: ScriptedAdyen, connect: Connect, location: str | None
) -> None:
    adapter = connect(report_api_key="AQE")

    with pytest.raises(ConfigurationError):
        await downloaded(adapter.download(replace(NOTICE, location=location)))

    assert adyen.sent == []


@pytest.mark.parametrize("like", ["https://{}", "http://report:pw@{}", "http://report@{}"])
async def test_the_report_password_goes_nowhere_by_another_door_of_the_host(
    adyen: ScriptedAdyen, connect: Connect, like: str
) -> None:
    place = like.format(adyen.base_url.removeprefix("http://")) + PLACE

    with pytest.raises(ConfigurationError, match="not Adyen's"):
        await downloaded(connect(report_api_key="AQE").download(replace(NOTICE, location=place)))

    assert adyen.sent == []


async def test_in_live_mode_reports_lie_at_adyen_whatever_stands_for_it_in_test_mode(transport: Transport) -> None:
    base_url = "http://127.0.0.1:1"
    credentials = AdyenCredentials(api_key="A", merchant_account="Shop", report_api_key="A", base_url=base_url)

    with pytest.raises(ConfigurationError, match="not Adyen's"):
        settlement_fetching.download(replace(NOTICE, location=base_url + PLACE), credentials, transport, livemode=True)


async def test_without_report_credentials_the_message_names_them(adyen: ScriptedAdyen, connect: Connect) -> None:
    with pytest.raises(ConfigurationError, match="report_api_key, or report_user and report_password"):
        await downloaded(connect().download(replace(NOTICE, location=adyen.base_url + PLACE)))


@pytest.mark.parametrize(("status", "error"), [(307, ConfigurationError), (503, OutcomeUnknownError)])
async def test_a_report_that_is_not_to_be_had_is_no_empty_one(
    adyen: ScriptedAdyen, connect: Connect, status: int, error: type[Exception]
) -> None:
    adyen.will_answer(Answer(status=status, headers={"Location": adyen.base_url + "/elsewhere"}))

    with pytest.raises(error):
        await downloaded(connect(report_api_key="A").download(replace(NOTICE, location=adyen.base_url + PLACE)))

    assert len(adyen.sent) == 1


def test_a_report_user_without_its_password_is_named() -> None:
    alone = AdyenCredentials(api_key="key", merchant_account="Shop", report_user="report@Company.Shop")

    assert [field for field, _ in check(alone, False)] == ["report_password"]  # noqa: FBT003 - the contract's
