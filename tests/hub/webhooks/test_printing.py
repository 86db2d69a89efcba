"""Deliveries as a person reads them: what is printed of an id can be pasted."""

from datetime import UTC, datetime
from io import StringIO

import pytest
from rich.console import Console

from hub.ids import new_id
from hub.webhooks.delivery_routes import WebhookDelivery, WebhookDeliveryStatus
from hub.webhooks.printing import COLUMNS, print_list

ERROR = "ValueError: pspReference is missing [in NotificationRequestItem], so nothing of it can be matched"


def delivery(error: str | None = ERROR) -> WebhookDelivery:
    return WebhookDelivery(
        id=new_id("wd_"),
        livemode=False,
        merchant_account=new_id("ma_"),
        key="evt_1PgafmB7WZ01zgkW6dKueIc5",
        subject="pi_1PgafmB7WZ01zgkW6dKueIc5",
        status=WebhookDeliveryStatus.PARKED,
        tries=10,
        error=error,
        due_at=None,
        payment=new_id("pay_"),
        api_version=None,
        received_at=datetime(2026, 11, 22, 9, tzinfo=UTC),
    )


def printed(*deliveries: WebhookDelivery, width: int, terminal: bool = True) -> str:
    file = StringIO()
    print_list(deliveries, Console(file=file, width=width, force_terminal=terminal, color_system=None))
    return file.getvalue()


@pytest.mark.parametrize("width", [40, 80, 100, 120, 160, 250])
def test_whatever_the_width_each_id_stands_whole_and_no_line_is_wider(width: int) -> None:
    one, other = delivery(), delivery()

    told = printed(one, other, width=width)

    assert (one.id in told, other.id in told, "…" in told) == (True, True, False)
    assert max(len(line) for line in told.splitlines()) <= width


def test_where_there_is_no_room_for_an_id_it_takes_two_lines() -> None:
    one = delivery()

    told = printed(one, width=24)

    assert "".join(line.strip("│ ") for line in told.splitlines() if line.startswith("│")) == one.id


def test_eighty_columns_hold_what_is_looked_at_first_and_say_what_has_no_room() -> None:
    told = printed(delivery(None), width=80)

    assert all(text in told for text in ("received", "parked", "tries"))
    assert "No room for: payment, account, subject, key." in " ".join(told.split())


def test_a_wide_terminal_holds_everything() -> None:
    one = delivery()

    told = printed(one, width=260)

    assert all(text in told for text in (one.key, one.subject, one.merchant_account, str(one.payment), *COLUMNS))
    assert "No room" not in told


def test_a_sentence_takes_several_lines_and_its_brackets_stay() -> None:
    told = printed(delivery(), width=110)

    folded = "".join(line.split("│")[5].strip() for line in told.splitlines() if line.startswith("│"))
    assert "[in" in folded


def test_into_a_pipe_goes_a_line_for_each_with_tabs_between() -> None:
    one, other = delivery(), delivery("two\nlines\tand a tab")

    lines = printed(one, other, width=40, terminal=False).splitlines()

    assert [line.split("\t")[0] for line in lines] == [one.id, other.id]
    assert lines[0].split("\t") == [
        one.id, "2026-11-22 09:00:00", "parked", "10", ERROR, one.payment, one.merchant_account, "test",
        one.subject, one.key,
    ]  # fmt: skip
    assert lines[1].split("\t")[4] == "two lines and a tab"
