"""What needs a second person, and who may be that."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from hub.access.rules import ROLES, Caller, Role
from hub.approvals.changes import change_waits
from hub.approvals.rules import ApprovalLimits, ApprovalStatus, Judged, Kind, passes, refusal
from hub.payments.shell import Shell
from normalization.money import Currency

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def caller(principal: str = "bea", role: Role = Role.ADMIN, **limits: Any) -> Caller:
    return Caller(key_id="key_1", principal=principal, role=role, scopes=ROLES[role], livemode=False, **limits)


def asked(**changes: Any) -> Judged:
    facts: dict[str, Any] = {
        "kind": Kind.REFUND,
        "status": ApprovalStatus.PENDING,
        "requested_by": "ada",
        "expires_at": NOON + timedelta(hours=1),
        "amount_minor": 900,
        "currency": "EUR",
    }
    return Judged(**facts | changes)


def refused(approval: Judged, who: Caller, *, approving: bool = True) -> str | None:
    found = refusal(approval, who, NOON, approving=approving)
    return found[0] if found else None


@pytest.mark.parametrize(("minor", "needed"), [(500, False), (501, True)])
def test_what_is_more_than_the_limit_needs_a_second_person(minor: int, *, needed: bool) -> None:
    assert passes({Currency.EUR: 500}, minor, "EUR") is needed


def test_without_a_limit_nothing_does_and_beside_others_a_missing_currency_always_does() -> None:
    assert not passes(None, 10**9, "EUR")
    assert passes({Currency.EUR: 500}, 1, "USD")


def test_another_person_approves_and_whoever_asked_may_only_withdraw() -> None:
    assert refused(asked(), caller("bea")) is None
    assert refused(asked(), caller("ada")) == "forbidden"
    assert refused(asked(), caller("ada"), approving=False) is None


def test_who_may_not_do_it_alone_may_not_approve_it() -> None:
    assert refused(asked(), caller(role=Role.FINANCE)) == "forbidden"
    assert refused(asked(kind=Kind.EXCEPTION), caller(role=Role.FINANCE)) is None
    assert refused(asked(), caller(refund_max={"EUR": 899})) == "forbidden"


@pytest.mark.parametrize(
    ("kind", "who"),
    [
        (Kind.REFUND, {Role.ADMIN}),
        (Kind.EXCEPTION, {Role.ADMIN, Role.FINANCE}),
        (Kind.RULESET, {Role.ADMIN, Role.OPERATOR}),
        (Kind.CREDENTIALS, {Role.ADMIN, Role.OPERATOR}),
    ],
)
@pytest.mark.parametrize("approving", [True, False])
def test_who_may_decide_on_approvals_decides_on_those_of_his_own_job(
    kind: Kind,
    who: set[Role],
    approving: bool,  # noqa: FBT001 - the case
) -> None:
    deciding = [role for role in Role if "approvals:write" in ROLES[role]]

    assert {role for role in deciding if refused(asked(kind=kind), caller(role=role), approving=approving) is None} == (
        who
    )


@pytest.mark.parametrize(
    ("changes", "waits"),
    [
        ({"credentials": {}}, True),
        ({"credentials": {}, "name": "new"}, True),
        ({"name": "new"}, False),
    ],
)
def test_new_credentials_wait_whatever_is_changed_with_them(changes: dict[str, Any], *, waits: bool) -> None:
    def shell(limits: ApprovalLimits) -> Shell:
        return cast("Shell", SimpleNamespace(settings=SimpleNamespace(approvals=limits)))

    assert change_waits(shell(ApprovalLimits(credentials=True)), changes) is waits
    assert not change_waits(shell(ApprovalLimits()), changes)


@pytest.mark.parametrize(
    "changes",
    [{"expires_at": NOON}, *({"status": one} for one in ApprovalStatus if one is not ApprovalStatus.PENDING)],
)
def test_what_is_decided_or_expired_is_not_decided_again(changes: dict[str, Any]) -> None:
    assert refused(asked(**changes), caller()) == "approval_decided"
