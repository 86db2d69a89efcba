"""What the hub makes of every event that Adyen can send, and that the page says so."""

import re
from pathlib import Path

import pytest

from adapters.adyen.adapter import AdyenAdapter
from adapters.contract import NoticeKind, SettlementNotice, TokenUpdate
from normalization.outcome import Report
from tests.adapters.adyen.events import EVENTS
from tests.adapters.adyen.notified import item, opened, signed, told_by

PAGE = Path(__file__).resolve().parents[3] / "docs" / "adapters" / "adyen.md"
TOKEN_EVENTS = {f"recurring.token.{what}" for what in ("created", "alreadyExisting", "updated", "disabled")}


@pytest.mark.parametrize(("code", "expected"), EVENTS.items())
def test_every_event_is_taken_and_tells_one_thing_or_nothing(
    adapter: AdyenAdapter, code: str, expected: tuple[dict[str, object], type | None]
) -> None:
    facts, kind = expected
    told = told_by(adapter, signed(item(code, **facts)))
    assert [type(one) for one in told] == ([] if kind is None else [kind])
    assert not any(one.livemode for one in told)


@pytest.mark.parametrize(("code", "expected"), EVENTS.items())
def test_what_did_not_happen_tells_of_no_money(
    adapter: AdyenAdapter, code: str, expected: tuple[dict[str, object], type | None]
) -> None:
    told = told_by(adapter, signed(item(code, **{**expected[0], "success": "false"})))
    assert all(isinstance(one, Report) for one in told), "only an operation can be refused"


@pytest.mark.fault_case(id="WHI-11")
def test_an_event_that_nobody_has_heard_of_tells_nothing(adapter: AdyenAdapter) -> None:
    assert told_by(adapter, signed(item("NEW_ONE"))) == []


def test_the_page_says_of_every_event_what_the_hub_makes_of_it() -> None:
    rows = {
        code
        for line in PAGE.read_text().splitlines()
        if line.startswith("|")
        for code in re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b|\b[A-Z]{6,}\b|recurring\.token\.\w+", line.split("|")[1])
    }
    assert set(EVENTS) | TOKEN_EVENTS <= rows


def test_a_report_is_known_by_its_signed_name_and_lies_where_nobody_signed(adapter: AdyenAdapter) -> None:
    told = signed(item("REPORT_AVAILABLE", **EVENTS["REPORT_AVAILABLE"][0]))
    moved = {**told, "reason": "https://elsewhere.example/report.csv"}
    for sent, host in ((told, "reports.example"), (moved, "elsewhere.example")):
        (notice,) = told_by(adapter, sent)
        assert isinstance(notice, SettlementNotice)
        assert (notice.kind, notice.money) == (NoticeKind.REPORT_AVAILABLE, None)
        assert notice.processor_reference == "settlement_detail_report_batch_12.csv"
        assert notice.location is not None
        assert host in notice.location
    assert opened(adapter, told)[0].key == opened(adapter, moved)[0].key


def test_a_notification_is_not_taken_for_a_token_message(adapter: AdyenAdapter) -> None:
    told = signed(item(type="recurring.token.disabled", data={"storedPaymentMethodId": "8415"}))
    assert not any(isinstance(one, TokenUpdate) for one in told_by(adapter, told))
