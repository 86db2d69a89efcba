"""An answer to the payer's bank is sent once, is never lost, and is asked for until it is known."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import text

from hub.disputes.jobs import answer_due, remind_due
from hub.ids import new_id
from tests.hub.disputes.courts import about, paid, tell
from tests.hub.disputes.telling import INQUIRY, LOST, REVIEW
from tests.hub.disputes.test_api_disputes import disputed, refused
from tests.hub.disputes.test_both_processors import PDF, captured, dispute_of, order, standing
from tests.hub.house import House
from tests.hub.money import agrees, rows

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def at_stripe(home: House) -> dict[str, Any]:
    """A dispute that waits for an answer, at the pretend Stripe too."""
    payment = await captured(home, "stripe")
    await order(home, "stripe", "dispute", payment)
    return await dispute_of(home, payment, standing("chargeback", "needs_response"))


async def evidence(home: House, dispute: dict[str, Any], key: str | None = None, **form: Any) -> httpx.Response:
    sent: dict[str, Any] = {"data": {"text": "the payer had it"}, "files": {"file": PDF}} | form
    headers = {"Idempotency-Key": key or new_id("key_")}
    request = home.hub.client.build_request("POST", f"/v1/disputes/{dispute['id']}/evidence", headers=headers, **sent)
    request.read()  # So that a test can look at what was sent.
    return await home.hub.client.send(request)


async def accept(home: House, dispute: dict[str, Any], key: str | None = None) -> httpx.Response:
    return await home.hub.post(f"/v1/disputes/{dispute['id']}/accept", {}, key=key)


async def shown(home: House, dispute: dict[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = (await home.hub.get(f"/v1/disputes/{dispute['id']}")).json()
    return body


async def finished(home: House, dispute: dict[str, Any]) -> dict[str, Any]:
    """Read the dispute until its only answer is not pending, for ten seconds at most."""
    body: dict[str, Any] = {}
    for _ in range(100):
        body = await shown(home, dispute)
        if body["submissions"][0]["status"] != "pending":
            return body
        await change(home, "UPDATE dispute_submissions SET due_at = :past WHERE due_at IS NOT NULL")
        await answer_due(home.hub.parts.shell)
        await asyncio.sleep(0.1)
    raise AssertionError(body["submissions"])


async def change(home: House, sql: str, **values: Any) -> None:
    """Change the database behind the hub's back; `:past` is an instant long ago."""
    if ":past" in sql:
        postgresql = home.hub.parts.database.is_postgresql
        values["past"] = datetime(2026, 1, 1, tzinfo=UTC) if postgresql else 0
    async with home.hub.parts.database.transaction() as connection:
        await connection.execute(text(sql), values)


async def handed_in(home: House, dispute: dict[str, Any]) -> int:
    """Count the answers that the pretend Stripe has."""
    account = {"Authorization": "Bearer sk_test_eu"}
    url = f"{home.sandboxes['stripe']}/v1/disputes/{dispute['processor_reference']}"
    return int((await home.controls.get(url, headers=account)).json()["evidence_details"]["submission_count"])


async def test_an_answer_that_a_webhook_shows_to_have_arrived_is_done_whatever_the_processor_says(home: House) -> None:
    dispute = await at_stripe(home)
    await home.fault("stripe", "error_500_after", "other")  # Stripe answers the same for ever after.

    await accept(home, dispute)
    done = await finished(home, dispute)

    assert (done["status"], done["submissions"][0]["status"]) == ("lost", "done")


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def nothing_wrong(home: House) -> None:
    """Leave no fault of one test to the next."""
    for processor in home.sandboxes:
        await home.control(processor, "DELETE", "faults")


@pytest.mark.parametrize("fault", ["silent_before", "silent_after"])
async def test_an_answer_that_may_have_arrived_is_sent_again_until_it_is_known(home: House, fault: str) -> None:
    dispute, key = await at_stripe(home), new_id("key_")
    await home.fault("stripe", fault, "other")

    first = await accept(home, dispute, key)
    done = await finished(home, dispute)
    again = await accept(home, dispute, key)

    assert (first.status_code, first.json()["submissions"][0]["status"]) == (202, "pending")
    assert (done["status"], done["accepted"], done["submissions"][0]["status"]) == ("lost", True, "done")
    assert (again.status_code, again.content) == (202, first.content)
    assert again.headers["Idempotent-Replayed"] == "true"
    await agrees(home)


@pytest.mark.parametrize("answered", [accept, evidence])
async def test_an_answer_to_an_inquiry_is_not_sent_for_the_chargeback_that_it_became(
    home: House, answered: Callable[[House, dict[str, Any]], Awaitable[httpx.Response]]
) -> None:
    payment = await captured(home, "stripe")
    await order(home, "stripe", "dispute", payment, inquiry=True)
    dispute = await dispute_of(home, payment, lambda d: bool(d["stage"] == "inquiry"))
    await home.fault("stripe", "silent_before", "other", count=3)

    asked = await answered(home, dispute)
    await home.control("stripe", "DELETE", "faults")
    await order(home, "stripe", "dispute_escalate", payment)
    await dispute_of(home, payment, standing("chargeback", "needs_response"))
    done = await finished(home, dispute)

    assert asked.status_code == 202
    assert (done["stage"], done["status"], done["accepted"]) == ("chargeback", "needs_response", False)
    assert [one["status"] for one in done["submissions"]] == ["exception"]
    found = await rows(home, "SELECT type, detail FROM exceptions WHERE payment_id = :id", id=payment["id"])
    assert [(one["type"], "the chargeback instead" in one["detail"]) for one in found] == [("outcome_unknown", True)]
    assert (await accept(home, dispute)).status_code == 200


async def test_evidence_that_may_have_arrived_is_handed_in_once(home: House) -> None:
    dispute = await at_stripe(home)
    await home.fault("stripe", "silent_after", "other", count=2)

    assert (await evidence(home, dispute)).status_code == 202
    done = await finished(home, dispute)

    assert (done["status"], await handed_in(home, dispute)) == ("under_review", 1)


async def test_what_was_handed_in_is_forgotten_when_the_processor_has_it(home: House) -> None:
    dispute = await at_stripe(home)

    sent = (await evidence(home, dispute)).json()["submissions"][0]

    kept = await rows(home, "SELECT request FROM dispute_submissions WHERE id = :id", id=sent["id"])
    files = await rows(home, "SELECT content, size_bytes FROM dispute_files WHERE submission_id = :id", id=sent["id"])
    assert (kept, files) == ([{"request": None}], [{"content": None, "size_bytes": len(PDF[1])}])


async def test_of_one_wish_sent_twenty_times_at_once_one_is_carried_out(home: House) -> None:
    dispute, key = await at_stripe(home), new_id("key_")

    answers = await asyncio.gather(*(evidence(home, dispute, key) for _ in range(20)))

    first = next(one for one in answers if one.status_code == 200)
    others = {refused(one) for one in answers if one.status_code != 200}
    assert others <= {(409, "idempotency_in_progress")}
    assert {one.content for one in answers if one.status_code == 200} == {first.content}
    assert await handed_in(home, dispute) == 1


async def test_of_many_wishes_at_once_one_is_carried_out(home: House) -> None:
    dispute = await at_stripe(home)

    answers = await asyncio.gather(*(evidence(home, dispute) for _ in range(10)), accept(home, dispute))

    codes = sorted(one.status_code for one in answers)
    assert codes == [200, *[409] * 10]
    refusals = {refused(one)[1] for one in answers if one.status_code == 409}
    assert refusals <= {"dispute_answer_under_way", "dispute_answered", "dispute_decided"}
    assert len((await shown(home, dispute))["submissions"]) == 1


async def test_a_process_that_died_while_sending_leaves_the_answer_to_the_worker(home: House) -> None:
    dispute, key = await at_stripe(home), new_id("key_")
    await home.fault("stripe", "delay", "other", delay_ms=800)
    asked = asyncio.create_task(accept(home, dispute, key))
    for _ in range(200):
        if (await shown(home, dispute))["submissions"]:
            break
        await asyncio.sleep(0.02)

    for task in list(home.hub.parts.shell.running):
        task.cancel()
    meanwhile = await accept(home, dispute, key)
    done = await finished(home, dispute)
    after = await accept(home, dispute, key)

    asked.cancel()
    assert refused(meanwhile) == (409, "idempotency_in_progress")
    assert (done["status"], done["submissions"][0]["status"]) == ("lost", "done")
    assert (after.status_code in {200, 202}, after.json()["id"]) == (True, dispute["id"])


async def test_another_request_under_the_same_key_is_refused(home: House) -> None:
    dispute, key = await at_stripe(home), new_id("key_")
    await evidence(home, dispute, key)

    assert refused(await evidence(home, dispute, key, data={"text": "other words"})) == (422, "idempotency_key_reused")


async def test_what_the_processor_refuses_is_told_with_its_reason_and_may_be_sent_anew(home: House) -> None:
    dispute = await at_stripe(home)

    twice = [("file[receipt]", PDF), ("file[receipt]", PDF)]
    first = await evidence(home, dispute, files=twice)
    second = await evidence(home, dispute)

    told = first.json()["submissions"][0]
    assert (first.status_code, told["status"]) == (200, "refused")
    assert (told["refusal"]["code"], told["refusal"]["processor_code"]) == ("evidence_unfit", None)
    assert "two are for receipt" in told["refusal"]["message"]
    assert [one["status"] for one in second.json()["submissions"]] == ["refused", "done"]


async def test_an_answer_that_stays_unknown_is_for_a_human_and_another_may_be_sent(home: House) -> None:
    dispute = await at_stripe(home)
    await home.fault("stripe", "silent_before", "other", count=2)
    await accept(home, dispute)
    await change(home, "UPDATE dispute_submissions SET tries = 8 WHERE dispute_id = :id", id=dispute["id"])

    parked = await finished(home, dispute)

    found = await rows(home, "SELECT type FROM exceptions WHERE payment_id = :id", id=dispute["payment"])
    assert (parked["submissions"][0]["status"], [row["type"] for row in found]) == ("exception", ["outcome_unknown"])
    assert (await accept(home, dispute)).status_code == 200


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"status": LOST}, "dispute_decided"),
        ({"status": REVIEW}, "dispute_answered"),
        ({"evidence_due_at": datetime(2026, 1, 1, tzinfo=UTC)}, "dispute_past_due"),
        ({"defendable": False}, "dispute_not_defendable"),
    ],
)
async def test_what_cannot_be_answered_is_refused_and_nothing_is_sent(
    home: House, changes: dict[str, Any], code: str
) -> None:
    dispute = await disputed(home, **changes)

    assert refused(await evidence(home, dispute)) == (409, code)
    assert (await shown(home, dispute))["submissions"] == []


async def test_evidence_that_is_due_soon_is_told_once_for_each_stage(home: House) -> None:
    soon = datetime.now(UTC) + timedelta(days=2)
    payment = await paid(home)
    await tell(home, payment, about(payment, INQUIRY, evidence_due_at=soon))
    await remind(home)
    await remind(home)
    assert await reminders(home, payment) == 1

    await tell(home, payment, about(payment, evidence_due_at=soon + timedelta(hours=1)))
    await remind(home)
    assert await reminders(home, payment) == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"evidence_due_at": datetime.now(UTC) + timedelta(days=4)},
        {"evidence_due_at": datetime.now(UTC) - timedelta(hours=1)},
        {"evidence_due_at": datetime.now(UTC) + timedelta(days=2), "status": REVIEW},
    ],
)
async def test_nobody_is_reminded_early_late_or_of_what_was_answered(home: House, changes: dict[str, Any]) -> None:
    payment = await paid(home)
    await tell(home, payment, about(payment, **changes))

    await remind(home)

    assert await reminders(home, payment) == 0


async def remind(home: House) -> None:
    while await remind_due(home.hub.parts.shell):
        pass


async def reminders(home: House, payment: dict[str, Any]) -> int:
    sql = "SELECT id FROM events WHERE type = 'dispute.evidence_due' AND object_id IN (SELECT id FROM disputes"
    return len(await rows(home, f"{sql} WHERE payment_id = :id)", id=payment["id"]))
