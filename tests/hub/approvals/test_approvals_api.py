"""What passes a limit waits for a second person, and is then done once."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import literal_column, update

from hub.access.rules import Role
from hub.access.tables import api_keys
from hub.approvals.jobs import carry_out_due, expire_old
from hub.approvals.tables import approvals
from hub.database import in_seconds
from hub.ids import new_id
from tests.hub.approvals.desks import PATH, decide, paid, strict, waiting
from tests.hub.exceptions.cabinet import opened, refused, resolve, to_sales
from tests.hub.house import House, Hub
from tests.hub.money import rows

pytestmark = pytest.mark.asyncio(loop_scope="module")
BLOCK = {"name": "block", "when": {"fact": "risk_score", "gte": 95}, "refuse": "blocked_by_risk_rule"}
RULESET = {"name": "main", "rules": [BLOCK]}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(home: House) -> AsyncIterator[Hub]:
    """A hub that asks for a second person, beside the house's own."""
    async with strict(home) as hub:
        yield hub


async def refunded(hub: Hub, payment: dict[str, Any]) -> int:
    body = (await hub.get(f"/v1/payments/{payment['id']}")).json()
    return int(body["amount_refunded"])


async def refund(hub: Hub, payment: dict[str, Any], key: str | None = None, **body: Any) -> Any:
    return await hub.post(f"/v1/payments/{payment['id']}/refunds", body, key=key)


async def test_a_refund_within_the_limit_is_made_at_once(desk: Hub, home: House) -> None:
    payment = await paid(desk, home)

    assert (await refund(desk, payment, amount=1000)).json()["status"] == "succeeded"
    assert await refunded(desk, payment) == 1000


async def test_a_refund_beyond_it_is_made_when_another_person_agrees(desk: Hub, home: House) -> None:
    payment = await paid(desk, home)
    one = await waiting(await refund(desk, payment))
    assert await refunded(desk, payment) == 0

    agreed = (await decide(desk, home, one)).json()

    assert (agreed["status"], agreed["decided_by"], agreed["amount"]) == ("carried_out", "bea", 4999)
    asked_at, expires_at = (datetime.fromisoformat(agreed[name]) for name in ("created_at", "expires_at"))
    assert expires_at - asked_at == desk.parts.shell.settings.approval_expiry
    assert await refunded(desk, payment) == 4999
    made = (await desk.get(f"/v1/refunds/{agreed['result']}")).json()
    assert (made["payment"], made["amount"]) == (payment["id"], 4999)


async def test_small_refunds_that_add_up_to_more_need_a_second_person_too(desk: Hub, home: House) -> None:
    payment = await paid(desk, home)
    await refund(desk, payment, amount=600)

    await waiting(await refund(desk, payment, amount=600))

    assert await refunded(desk, payment) == 600


async def test_the_callers_key_says_the_same_before_and_after(desk: Hub, home: House) -> None:
    payment, key = await paid(desk, home), new_id("key_")
    first = await refund(desk, payment, key=key, amount=2000)
    await decide(desk, home, await waiting(first))

    second = await refund(desk, payment, key=key, amount=2000)

    assert (second.status_code, second.content) == (202, first.content)
    assert second.headers["location"] == f"{PATH}/{first.json()['id']}"
    assert await refunded(desk, payment) == 2000


@pytest.mark.fault_case(id="AZ-09")
async def test_nobody_approves_what_he_asked_for_with_another_key_of_his(desk: Hub, home: House) -> None:
    one = await waiting(await refund(desk, await paid(desk, home)))

    assert refused(await decide(desk, home, one, principal="ada")) == (403, "forbidden")
    assert (await decide(desk, home, one, "reject", principal="ada")).json()["status"] == "rejected"


async def test_an_approver_may_do_it_himself_and_others_may_not(desk: Hub, home: House) -> None:
    one = await waiting(await refund(desk, await paid(desk, home)))

    for role in (Role.FINANCE, Role.SUPPORT):
        assert refused(await decide(desk, home, one, role=role)) == (403, "forbidden")
    assert (await desk.get(f"{PATH}/{one}")).json()["status"] == "pending"


async def test_what_is_rejected_does_nothing_and_is_not_approved_any_more(desk: Hub, home: House) -> None:
    payment = await paid(desk, home)
    one = await waiting(await refund(desk, payment))

    assert (await decide(desk, home, one, "reject")).json()["status"] == "rejected"

    assert refused(await decide(desk, home, one)) == (409, "approval_decided")
    assert await refunded(desk, payment) == 0


async def test_two_who_approve_at_once_refund_once(desk: Hub, home: House) -> None:
    payment = await paid(desk, home)
    one = await waiting(await refund(desk, payment, amount=2000))

    answers = await asyncio.gather(*(decide(desk, home, one) for _ in range(3)))

    assert sorted(answer.status_code for answer in answers) == [200, 409, 409]
    assert await refunded(desk, payment) == 2000


async def test_what_was_approved_before_a_crash_is_carried_out_by_a_worker_once(desk: Hub, home: House) -> None:
    payment, shell = await paid(desk, home), desk.parts.shell
    one = await waiting(await refund(desk, payment, amount=2000))
    crashed = {"status": "approved", "decided_by": "bea", "due_at": in_seconds(literal_column("0"))}

    for _ in range(2):  # The second time as if the first had died before it could say what it did.
        async with shell.database.transaction() as connection:
            await connection.execute(update(approvals).where(approvals.c.id == one).values(**crashed))
        await carry_out_due(shell)
        assert await status(desk, one, "carried_out") == "carried_out"

    assert await refunded(desk, payment) == 2000


async def status(hub: Hub, one: str, wanted: str) -> str:
    """Read an approval until it stands as *wanted*: the house's own worker may have it in hand."""
    told = ""
    for _ in range(100):
        told = str((await hub.get(f"{PATH}/{one}")).json()["status"])
        if told == wanted:
            break
        await asyncio.sleep(0.05)
    return told


async def test_what_can_no_longer_be_done_fails_and_says_why(desk: Hub, home: House) -> None:
    payment = await paid(desk, home)
    one = await waiting(await refund(desk, payment))  # All of it: 49.99 is agreed to, and not what is left by then.
    await decide(desk, home, await waiting(await refund(desk, payment, amount=2000)))

    failed = (await decide(desk, home, one)).json()

    assert (failed["status"], failed["result"]) == ("failed", None)
    assert failed["error"].startswith("amount_exceeds_captured")
    assert await refunded(desk, payment) == 2000


async def asker(hub: Hub, **more: Any) -> tuple[str, dict[str, str]]:
    """The id of a new key of Carl's, and the headers of who asks with it."""
    made = await hub.post("/v1/api_keys", {"name": "asks", "principal": "carl", "role": "admin"} | more)
    assert made.status_code == 201, made.text
    return made.json()["id"], {"Authorization": f"Bearer {made.json()['key']}"}


async def test_what_a_key_asked_for_that_was_revoked_since_is_not_done(desk: Hub, home: House) -> None:
    payment = await paid(desk, home)
    key_id, carl = await asker(desk)
    one = await waiting(await desk.post(f"/v1/payments/{payment['id']}/refunds", {}, headers=carl))
    await desk.client.delete(f"/v1/api_keys/{key_id}")

    failed = (await decide(desk, home, one)).json()

    assert (failed["status"], failed["result"]) == ("failed", None)
    assert failed["error"].startswith(f"forbidden: the API key {key_id}, which asked for it, has been revoked")
    assert await refunded(desk, payment) == 0


async def test_what_a_key_asked_for_that_has_expired_since_is_not_done(desk: Hub, home: House) -> None:
    payment = await paid(desk, home)
    key_id, carl = await asker(desk, expires_at="2099-01-01T00:00:00Z")
    one = await waiting(await desk.post(f"/v1/payments/{payment['id']}/refunds", {}, headers=carl))
    async with desk.parts.database.transaction() as connection:
        past = update(api_keys).where(api_keys.c.id == key_id).values(expires_at=api_keys.c.created_at)
        await connection.execute(past)

    failed = (await decide(desk, home, one)).json()

    assert (failed["status"], "has expired" in failed["error"]) == ("failed", True)
    assert await refunded(desk, payment) == 0


async def test_a_refund_that_was_begun_is_told_although_its_askers_key_was_revoked_since(
    desk: Hub, home: House
) -> None:
    payment, shell = await paid(desk, home), desk.parts.shell
    key_id, carl = await asker(desk)
    one = await waiting(await desk.post(f"/v1/payments/{payment['id']}/refunds", {"amount": 2000}, headers=carl))
    await decide(desk, home, one)
    await desk.client.delete(f"/v1/api_keys/{key_id}")
    crashed = {"status": "approved", "due_at": in_seconds(literal_column("0"))}
    async with shell.database.transaction() as connection:
        await connection.execute(update(approvals).where(approvals.c.id == one).values(**crashed))

    await carry_out_due(shell)

    assert await status(desk, one, "carried_out") == "carried_out"
    assert await refunded(desk, payment) == 2000


async def test_what_nobody_decides_on_expires(desk: Hub, home: House) -> None:
    one = await waiting(await refund(desk, await paid(desk, home)))
    shell = desk.parts.shell
    async with shell.database.transaction() as connection:
        await connection.execute(update(approvals).where(approvals.c.id == one).values(expires_at=shell.clock()))

    await expire_old(shell)

    assert await status(desk, one, "expired") == "expired"
    assert refused(await decide(desk, home, one)) == (409, "approval_decided")


async def test_a_transfer_that_settles_an_exception_waits_too_and_is_tied_to_its_approval(
    desk: Hub, home: House
) -> None:
    one = await opened(home)
    approval = await waiting(await resolve(desk, one, **to_sales(home)))
    assert (await desk.get(f"/v1/exceptions/{one}")).json()["status"] == "open"

    agreed = (await decide(desk, home, approval, role=Role.FINANCE)).json()

    (booked,) = await rows(home, "SELECT id, approval_id FROM transfers WHERE exception_id = :id", id=one)
    assert (booked["approval_id"], booked["id"]) == (approval, agreed["result"])
    settled = (await desk.get(f"/v1/exceptions/{one}")).json()
    assert (settled["status"], settled["resolved_by"]) == ("resolved", "ada")


async def test_an_exception_that_was_settled_meanwhile_is_not_settled_again(desk: Hub, home: House) -> None:
    one = await opened(home)
    approval = await waiting(await resolve(desk, one, **to_sales(home)))
    await resolve(desk, one)

    failed = (await decide(desk, home, approval)).json()

    assert (failed["status"], failed["error"].partition(":")[0]) == ("failed", "exception_not_open")
    assert await rows(home, "SELECT id FROM transfers WHERE exception_id = :id", id=one) == []


async def test_new_credentials_wait_sealed(desk: Hub, home: House) -> None:
    account = home.accounts["adyen-eu"]
    named = await desk.client.patch(f"/v1/merchant_accounts/{account}", json={"name": new_id("adyen-")})
    assert named.status_code == 200
    before = (await rows(home, "SELECT credentials_version FROM merchant_accounts WHERE id = :id", id=account))[0]
    bad = await desk.client.patch(f"/v1/merchant_accounts/{account}", json={"credentials": {}})
    assert refused(bad) == (422, "validation_failed")

    credentials = {
        "api_key": "key-of-bea",
        "merchant_account": "HubEU",
        "webhook_secret": "ab" * 32,
        "base_url": home.sandboxes["adyen"],
    }
    sent = await desk.client.patch(f"/v1/merchant_accounts/{account}", json={"credentials": credentials})
    one = await waiting(sent)

    assert "key-of-bea" not in sent.text
    (kept,) = await rows(home, "SELECT request, summary FROM approvals WHERE id = :id", id=one)
    assert b"key-of-bea" not in bytes(kept["request"])
    agreed = (await decide(desk, home, one)).json()
    assert agreed["status"] == "carried_out", agreed
    after = (await rows(home, "SELECT credentials_version FROM merchant_accounts WHERE id = :id", id=account))[0]
    assert after["credentials_version"] == before["credentials_version"] + 1


async def test_a_ruleset_of_live_mode_decides_when_another_person_agrees(desk: Hub, home: House) -> None:
    live = await home.caller(Role.ADMIN, livemode=True, principal="ada")
    ruleset = (await desk.post("/v1/routing/rulesets", RULESET, headers=live)).json()
    path = f"/v1/routing/rulesets/{ruleset['id']}"
    assert refused(await desk.post(f"{path}/activate", {}, headers=live)) == (422, "validation_failed")

    wanted = {"reason": "first rules", "rollout_percent": 25}
    one = await waiting(await desk.post(f"{path}/activate", wanted, headers=live))

    assert not (await desk.client.get(path, headers=live)).json()["active"]
    agreed = (await decide(desk, home, one, livemode=True)).json()
    assert (agreed["status"], agreed["result"]) == ("carried_out", ruleset["id"])
    assert (await desk.client.get(path, headers=live)).json()["rollout_percent"] == 25


async def test_approvals_are_listed_by_status_kind_and_object_in_pages(desk: Hub, home: House) -> None:
    payment = await paid(desk, home)
    ids = [await waiting(await refund(desk, payment, amount=1100)) for _ in range(3)]
    of_it = {"object_id": payment["id"], "status": "pending", "kind": "refund"}

    first = (await desk.get(PATH, limit=2, **of_it)).json()
    second = (await desk.get(PATH, limit=2, cursor=first["next_cursor"], **of_it)).json()

    assert [one["id"] for one in (*first["data"], *second["data"])] == ids[::-1]
    assert (await desk.get(PATH, **of_it | {"status": "expired"})).json()["data"] == []
    assert refused(await desk.get(PATH, status="perhaps")) == (422, "validation_failed")


async def test_the_other_modes_key_and_another_accounts_see_no_approval(desk: Hub, home: House) -> None:
    one = await waiting(await refund(desk, await paid(desk, home)))
    live = await home.caller(Role.ADMIN, livemode=True, principal="bea")
    elsewhere = await home.caller(Role.ADMIN, principal="bea", merchant_accounts=frozenset({home.accounts["adyen-eu"]}))

    for headers in (live, elsewhere):
        got = await desk.client.get(f"{PATH}/{one}", headers=headers)
        approve = await desk.post(f"{PATH}/{one}/approve", {}, headers=headers)
        assert refused(got) == refused(approve) == (404, "not_found")
        assert one not in {row["id"] for row in (await desk.client.get(PATH, headers=headers)).json()["data"]}
