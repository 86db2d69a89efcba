"""What is unknown is asked about as soon as an answer can be had, however long the pauses have grown."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from msgspec.structs import replace
from sqlalchemy import text

from hub.merchants.health import HealthBoard
from hub.payments.jobs import ask_silent, inquire_due
from hub.redis import SharedMemory
from tests.hub.house import QUICK, House, house
from tests.hub.money import rows

SEVENTH: Final = "UPDATE operations SET inquiries = 6, due_at = started_at, lease_until = started_at WHERE id = :id"


async def lost_charge(made: House) -> str:
    """Charge at Stripe, where nothing arrives and nothing answers; give the attempt."""
    await made.control("stripe", "POST", "webhooks", {"mode": "drop"})
    await made.fault("stripe", "silent_before", "purchase")
    wish = {"payment_method": made.payment_method, "merchant_account": made.accounts["stripe-eu"]}
    answer = await made.hub.charge(**wish)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["tag"])


async def asked_for_the_seventh_time(made: House, attempt: str) -> None:
    await rows_changed(made, SEVENTH, id=attempt)
    await inquire_due(made.hub.parts.shell)


async def rows_changed(made: House, sql: str, **values: str) -> None:
    async with made.hub.parts.database.transaction() as connection:
        await connection.execute(text(sql), values)


async def test_not_found_is_asked_about_again_when_it_becomes_definite_not_hours_later(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with house(sqlite_url, tmp_path, settings=QUICK, with_worker=False) as made:
        attempt = await lost_charge(made)

        await asked_for_the_seventh_time(made, attempt)

        (operation,) = await rows(made, "SELECT * FROM operations WHERE id = :id", id=attempt)
        grace = made.hub.parts.directory.accounts()[made.accounts["stripe-eu"]].capabilities.lookup_grace
        waits = timedelta(microseconds=operation["due_at"] - operation["started_at"])
        assert operation["status"] == "unknown"
        assert waits < grace + timedelta(seconds=5)


async def test_the_first_answer_after_a_silence_has_everything_unknown_asked_about(
    sqlite_url: str, tmp_path: Path
) -> None:
    settings = replace(QUICK, answer_ms=300, request_ms=600)
    async with house(sqlite_url, tmp_path, settings=settings, with_worker=False) as made:
        waiting, asked = await lost_charge(made), await lost_charge(made)
        await rows_changed(made, "UPDATE operations SET due_at = started_at + 3600000000 WHERE id = :id", id=waiting)
        await made.fault("stripe", "silent_before", "inquire", count=None)
        await asked_for_the_seventh_time(made, asked)
        await made.control("stripe", "DELETE", "faults")

        await asked_for_the_seventh_time(made, asked)

        (left,) = await rows(made, "SELECT * FROM operations WHERE id = :id", id=waiting)
        assert timedelta(microseconds=left["due_at"] - left["started_at"]) < timedelta(minutes=2)


async def test_a_silent_account_is_tried_again_though_nobody_charges_there_and_no_question_is_due(
    sqlite_url: str, tmp_path: Path
) -> None:
    settings = replace(QUICK, answer_ms=300, request_ms=600)
    async with house(sqlite_url, tmp_path, settings=settings, with_worker=False) as made:
        shell, attempt = made.hub.parts.shell, await lost_charge(made)
        await made.fault("stripe", "silent_before", "inquire", count=None)
        await asked_for_the_seventh_time(made, attempt)
        far = "UPDATE operations SET due_at = started_at + 36000000000, lease_until = started_at WHERE id = :id"
        await rows_changed(made, far, id=attempt)
        await ask_silent(shell)
        (still,) = await rows(made, "SELECT * FROM operations WHERE id = :id", id=attempt)
        await rows_changed(made, far, id=attempt)
        await made.control("stripe", "DELETE", "faults")

        await ask_silent(shell)

        (soon,) = await rows(made, "SELECT * FROM operations WHERE id = :id", id=attempt)
        assert timedelta(microseconds=still["due_at"] - still["started_at"]) == timedelta(hours=10)
        assert timedelta(microseconds=soon["due_at"] - soon["started_at"]) < timedelta(minutes=2)
        assert (still["inquiries"], soon["inquiries"]) == (7, 7)  # No question of the schedule's is used up.
        assert shell.health.silent([made.accounts["stripe-eu"]]) == []


async def test_of_an_account_that_a_process_has_not_heard_yet_it_knows_no_answer() -> None:
    board = HealthBoard(SharedMemory(None), lambda: datetime.now(UTC))
    await board.ended("ma_1", failed=False)
    await board.ended("ma_2", failed=True)

    assert board.silent(["ma_1", "ma_2", "ma_3"]) == ["ma_2", "ma_3"]

    assert await board.ended("ma_3", failed=False, inquiry=True)
    assert board.silent(["ma_1", "ma_2", "ma_3"]) == ["ma_2"]


async def test_an_account_is_back_once_with_the_first_success_after_any_failure() -> None:
    board = HealthBoard(SharedMemory(None), lambda: datetime.now(UTC))
    assert not await board.ended("ma_1", failed=False)

    board.unanswered("ma_1")

    assert await board.ended("ma_1", failed=False, inquiry=True)
    assert not await board.ended("ma_1", failed=False)
    assert not await board.ended("ma_1", failed=True)
    assert await board.ended("ma_1", failed=False)
