"""What Stripe's reports say of each balance transaction and payout."""

import csv
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.abilities import DownloadsSettlements, ReadsSettlements
from adapters.contract import NoticeKind, SettlementNotice
from adapters.errors import ConfigurationError, OutcomeUnknownError
from adapters.stripe.adapter import StripeAdapter
from adapters.stripe.settlement import CATEGORIES, open_report
from adapters.stripe.settlement_fetching import COLUMNS
from normalization.money import Currency, Money
from normalization.settlements import BrokenRow, LineType, NotAReportError, SettlementLine, digest, totals
from tests.adapters.settlement_page import shown
from tests.adapters.stripe.conftest import Connect
from tests.adapters.stripe.pretend import Pretend, says

TAG = "att_0001"
CHARGE = {
    "automatic_payout_id": "po_7",
    "balance_transaction_id": "txn_7",
    "created_utc": "2026-03-31 23:10:00",
    "available_on_utc": "2026-04-02 00:00:00",
    "currency": "eur",
    "gross": "49.99",
    "fee": "1.05",
    "net": "48.94",
    "reporting_category": "charge",
    "source_id": "ch_7",
    "charge_id": "ch_7",
    "payment_intent_id": "pi_7",
    "payment_metadata[hub_operation]": TAG,
    "card_brand": "Visa",
    "card_country": "DE",
}


def read(**cells: str) -> SettlementLine | BrokenRow | None:
    row = CHARGE | cells
    return open_report(list(row)).read(list(row.values()))


def line(**cells: str) -> SettlementLine:
    told = read(**cells)
    assert isinstance(told, SettlementLine)
    return told


def test_a_charge_is_read_with_its_tag_fee_and_the_day_its_money_was_there() -> None:
    assert line() == SettlementLine(
        key="txn_7",
        type=LineType.CHARGE,
        raw_type="charge",
        gross_minor=4999,
        fee_minor=105,
        net_minor=4894,
        currency=Currency.EUR,
        booked_at=datetime(2026, 4, 2, tzinfo=UTC),
        batch="po_7",
        tag=TAG,
        processor_reference="pi_7",
        parent_reference="pi_7",
        card_brand="visa",
        card_country="DE",
    )


def test_a_refund_is_known_by_its_own_name_and_its_own_id_where_that_came_back() -> None:
    amounts = {"gross": "-5.00", "fee": "0.00", "net": "-5.00", "reporting_category": "refund", "source_id": "re_1"}

    assert line(**amounts).tag == TAG
    named = line(**amounts, **{"refund_metadata[hub_operation]": "ref_0001"})
    assert (named.tag, named.processor_reference, named.parent_reference) == ("ref_0001", "re_1", "pi_7")


def test_a_dispute_and_its_reversal_carry_their_fees() -> None:
    taken = line(reporting_category="dispute", gross="-49.99", fee="15.00", net="-64.99", source_id="du_1")
    given = line(reporting_category="dispute_reversal", gross="49.99", fee="-15.00", net="64.99", source_id="du_1")

    assert (taken.type, taken.fee_minor, taken.net_minor) == (LineType.CHARGEBACK, 1500, -6499)
    assert (given.type, given.fee_minor, given.processor_reference) == (LineType.CHARGEBACK_REVERSAL, -1500, "du_1")


def test_what_the_payer_saw_stands_beside_what_was_settled_in_another_currency() -> None:
    told = line(customer_facing_amount="54.10", customer_facing_currency="usd", exchange_rate="0.924")

    assert (told.presented, told.exchange_rate) == (Money(5410, Currency.USD), "0.924")
    assert line(customer_facing_amount="49.99", customer_facing_currency="eur", exchange_rate="1").exchange_rate is None


def test_a_payout_is_money_to_our_bank_in_either_report() -> None:
    effective = "2026-04-03 00:00:00"
    among_lines = line(
        reporting_category="payout",
        gross="-48.94",
        fee="0.00",
        net="-48.94",
        source_id="po_7",
        automatic_payout_effective_at_utc=effective,
        charge_id="",
        payment_intent_id="",
        **{"payment_metadata[hub_operation]": ""},
        card_brand="",
        card_country="",
    )
    row = {
        "payout_id": "po_7",
        "effective_at_utc": effective,
        "balance_transaction_id": "txn_7",
        "currency": "eur",
        "gross": "48.94",
        "fee": "0.00",
        "net": "48.94",
        "reporting_category": "payout",
    }
    alone = open_report(list(row)).read(list(row.values()))

    assert among_lines == alone
    assert among_lines.net_minor == totals([line()])["po_7", Currency.EUR]


def test_a_payout_that_our_bank_sent_back_left_our_bank() -> None:
    amounts = {"gross": "48.94", "fee": "0.00", "net": "48.94"}
    told = line(reporting_category="payout_reversal", source_id="po_7", automatic_payout_id="po_8", **amounts)

    assert (told.type, told.gross_minor, told.net_minor) == (LineType.PAYOUT_REVERSAL, -4894, -4894)
    assert (told.batch, told.processor_reference) == ("po_7", "po_7")


@pytest.mark.parametrize("category", ["charge_failure", "partial_capture_reversal"])
def test_a_charge_that_came_to_nothing_is_known_by_its_payment(category: str) -> None:
    told = line(reporting_category=category, gross="-49.99", fee="0.00", net="-49.99", source_id="ch_7")

    assert (told.type, told.net_minor, told.processor_reference) == (LineType.CHARGE_REVERSAL, -4999, "pi_7")


def test_a_fee_for_an_instant_payout_is_not_what_came_to_our_bank() -> None:
    told = line(reporting_category="payout", gross="-100.00", fee="1.00", net="-101.00")

    assert (told.gross_minor, told.fee_minor, told.net_minor) == (10100, 100, 10000)


@pytest.mark.parametrize("category", ["contribution", "other_adjustment", "of_next_year", ""])
def test_what_nobody_can_place_is_kept_unmapped(category: str) -> None:
    told = line(reporting_category=category)

    assert (told.type, told.raw_type, told.gross_minor) == (LineType.UNMAPPED, category, 4999)


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("gross", "49,99"),
        ("fee", "1.055"),
        ("net", "48.93"),
        ("currency", "zzz"),
        ("available_on_utc", "soon"),
        ("balance_transaction_id", ""),
        ("customer_facing_currency", "q"),
    ],
)
def test_a_cell_that_cannot_be_read_breaks_its_row_by_the_columns_name(column: str, cell: str) -> None:
    told = read(**{"customer_facing_amount": "1.00", column: cell})

    assert isinstance(told, BrokenRow)
    assert told.column == column


def test_a_header_of_something_else_is_told_what_it_lacks() -> None:
    with pytest.raises(NotAReportError, match=r"lacks net of the format payout_reconciliation\.itemized"):
        open_report([name for name in CHARGE if name != "net"])


def test_every_category_stands_on_the_page() -> None:
    assert {(name, str(kind)) for name, kind in CATEGORIES.items()} - shown("stripe") == set()


def transaction(number: int, category: str = "charge", **more: Any) -> dict[str, Any]:
    charge = {
        "id": f"ch_{number}",
        "object": "charge",
        "amount": 550,
        "currency": "isk",
        "payment_intent": f"pi_{number}",
        "metadata": {"hub_operation": f"att_{number}"},
        "payment_method_details": {"card": {"brand": "visa", "funding": "credit", "country": "IS"}},
    }
    told = {"id": f"txn_{number}", "amount": 500, "fee": 100, "net": 400, "currency": "isk", "created": 1_790_000_000}
    more = {"available_on": 1_790_086_400, "source": charge, **more}
    return {**told, "reporting_category": category, "object": "balance_transaction", **more}


def page(*data: dict[str, Any], has_more: bool = False) -> dict[str, Any]:
    return {"object": "list", "data": data, "has_more": has_more}


def notice(**changes: Any) -> SettlementNotice:
    wanted = {"kind": NoticeKind.REPORT_AVAILABLE, "processor_reference": "po_9", "livemode": False}
    return SettlementNotice(**{**wanted, **changes})


async def downloaded(pieces: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in pieces])


async def test_a_payout_is_listed_by_the_api_page_by_page_and_read_like_a_report(
    stripe: Pretend, adapter: StripeAdapter
) -> None:
    refund = {"id": "re_2", "object": "refund", "amount": 200, "currency": "isk", "charge": "ch_1"}
    refund |= {"payment_intent": "pi_1", "metadata": {"hub_operation": "ref_2"}}
    second = transaction(2, "refund", amount=-200, fee=0, net=-200, source=refund)
    third = transaction(3, "fee", amount=-100, fee=0, net=-100, source=None, description="Radar, by the month")
    stripe.will(says(200, page(transaction(1), has_more=True)), says(200, page(second, third)))

    rows = list(csv.reader((await downloaded(adapter.download(notice()))).decode().splitlines()))
    report = adapter.open_report(rows[0])
    charge, back, fee = (told for row in rows[1:] if isinstance(told := report.read(row), SettlementLine))

    assert [digest(one) for one in (charge, back, fee)] == [
        "charge:5 1 4 ISK:", "refund:-2 0 -2 ISK:", "fee:-1 0 -1 ISK:",
    ]  # fmt: skip
    assert (charge.tag, charge.processor_reference, charge.card_funding) == ("att_1", "pi_1", "credit")
    assert (back.tag, back.processor_reference, back.parent_reference) == ("ref_2", "re_2", "pi_1")
    assert (fee.batch, fee.description) == ("po_9", "Radar, by the month")
    assert [asked.query.get("starting_after") for asked in stripe.asked] == [None, "txn_1"]
    assert {asked.query["payout"] for asked in stripe.asked} == {"po_9"}


async def test_an_amount_that_is_no_whole_krona_is_a_broken_row_and_no_guess(
    stripe: Pretend, adapter: StripeAdapter
) -> None:
    stripe.will(says(200, page(transaction(1, amount=550, net=450))))

    header, row = csv.reader((await downloaded(adapter.download(notice()))).decode().splitlines())

    told = adapter.open_report(header).read(row)
    assert isinstance(told, BrokenRow)
    assert told.column == "gross"


async def test_a_payout_that_is_not_reconciled_yet_can_be_asked_for_again(
    stripe: Pretend, adapter: StripeAdapter
) -> None:
    error = {"type": "invalid_request_error", "code": "payout_reconciliation_not_ready"}
    stripe.will(says(400, {"error": error}))

    with pytest.raises(OutcomeUnknownError, match="payout_reconciliation_not_ready"):
        await downloaded(adapter.download(notice()))


async def test_a_finished_report_is_fetched_from_where_it_lies(stripe: Pretend, adapter: StripeAdapter) -> None:
    content = b"a,b\n" * 100_000
    stripe.will(says(200, content))

    found = await downloaded(adapter.download(notice(location=f"{stripe.url}/v1/files/file_1/contents")))

    assert found == content
    assert stripe.asked[0].headers["Authorization"] == "Bearer sk_test_abc"


@pytest.mark.parametrize(
    "location", ["http://127.0.0.1:1/x", "https://files.stripe.com.example/x", "ftp://x", "http://[", ""]
)
async def test_our_key_goes_to_no_other_host(stripe: Pretend, adapter: StripeAdapter, location: str) -> None:
    with pytest.raises(ConfigurationError, match="not Stripe's"):
        await downloaded(adapter.download(notice(location=location)))

    assert stripe.asked == []


@pytest.mark.parametrize("like", ["https://{}", "http://key:pw@{}", "http://key@{}"])
async def test_our_key_goes_nowhere_by_another_door_of_the_host(
    stripe: Pretend, adapter: StripeAdapter, like: str
) -> None:
    place = like.format(stripe.url.removeprefix("http://"))

    with pytest.raises(ConfigurationError, match="not Stripe's"):
        await downloaded(adapter.download(notice(location=f"{place}/v1/files/file_1/contents")))

    assert stripe.asked == []


@pytest.mark.parametrize(
    ("status", "error"), [(302, ConfigurationError), (401, ConfigurationError), (404, OutcomeUnknownError)]
)
async def test_a_file_that_is_not_to_be_had_is_no_empty_report(
    stripe: Pretend, adapter: StripeAdapter, status: int, error: type[Exception]
) -> None:
    stripe.will(says(status, b"not this", {"Location": "http://elsewhere.example/"}))

    with pytest.raises(error):
        await downloaded(adapter.download(notice(location=f"{stripe.url}/v1/files/file_1/contents")))

    assert len(stripe.asked) == 1


async def test_of_a_payout_that_failed_there_is_nothing_to_fetch(connect: Connect) -> None:
    with pytest.raises(ConfigurationError, match="no report"):
        await downloaded(connect().download(notice(kind=NoticeKind.PAYOUT_FAILED)))


def test_the_adapter_is_known_to_be_able_to(adapter: StripeAdapter) -> None:
    assert isinstance(adapter, ReadsSettlements)
    assert isinstance(adapter, DownloadsSettlements)
    assert set(CHARGE) <= set(COLUMNS)
