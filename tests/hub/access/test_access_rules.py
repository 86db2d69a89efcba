"""Who may do what."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from hub.access.rules import ROLES, SCOPES, Caller, Grant, Role, wider_in

NOW = datetime(2026, 11, 21, tzinfo=UTC)
CALLER = Caller(
    key_id="key_1",
    principal="ci",
    role=None,
    scopes=frozenset({"payments:read", "api_keys:write"}),
    livemode=False,
    merchant_accounts=frozenset({"ma_1", "ma_2"}),
    refund_max={"EUR": 100},
    expires_at=NOW,
)
GRANT = Grant(
    principal="ci",
    scopes=frozenset({"payments:read"}),
    merchant_accounts=frozenset({"ma_1"}),
    refund_max={"EUR": 100},
    expires_at=NOW,
)


def test_every_scope_is_somebodys_and_an_admin_has_them_all() -> None:
    assert ROLES[Role.ADMIN] == SCOPES
    assert all(scopes <= SCOPES for scopes in ROLES.values())


@pytest.mark.parametrize(
    ("role", "scope"),
    [
        (Role.SUPPORT, "payments:write"),
        (Role.SERVICE, "merchant_accounts:write"),
        (Role.SERVICE, "api_keys:write"),
        (Role.FINANCE, "payments:write"),
        (Role.FINANCE, "refunds:write"),
        (Role.OPERATOR, "refunds:write"),
        (Role.OPERATOR, "api_keys:write"),
    ],
)
def test_no_role_does_another_ones_job(role: Role, scope: str) -> None:
    assert scope not in ROLES[role]


def test_an_auditor_reads_everything_and_writes_nothing() -> None:
    assert {scope.partition(":")[2] for scope in ROLES[Role.AUDITOR]} == {"read"}
    assert ROLES[Role.AUDITOR] == {scope for scope in SCOPES if scope.endswith(":read")}


def test_a_grant_within_the_callers_own_is_not_wider() -> None:
    assert wider_in(CALLER, GRANT) is None


@pytest.mark.parametrize(
    "change",
    [
        {"principal": "other"},
        {"scopes": frozenset({"refunds:write"})},
        {"merchant_accounts": None},
        {"merchant_accounts": frozenset({"ma_3"})},
        {"refund_max": None},
        {"refund_max": {"EUR": 101}},
        {"refund_max": {"USD": 1}},
        {"expires_at": None},
        {"expires_at": NOW + timedelta(seconds=1)},
    ],
    ids=str,
)
def test_a_wider_grant_is_told_by_its_field(change: dict[str, Any]) -> None:
    assert wider_in(CALLER, replace(GRANT, **change)) == next(iter(change))


def test_an_admin_makes_keys_for_anybody_that_may_do_anything() -> None:
    admin = Caller(key_id="key_1", principal="ada", role=Role.ADMIN, scopes=SCOPES, livemode=False)

    assert wider_in(admin, Grant(principal="x", scopes=SCOPES)) is None


@pytest.mark.parametrize(
    "change",
    [
        {"merchant_accounts": None},
        {"merchant_accounts": frozenset({"ma_3"})},
        {"refund_max": None},
        {"expires_at": None},
    ],
    ids=str,
)
def test_an_admin_with_limits_makes_no_key_that_is_beyond_them(change: dict[str, Any]) -> None:
    admin = replace(CALLER, role=Role.ADMIN, scopes=SCOPES)

    assert wider_in(admin, replace(GRANT, principal="x", **change)) == next(iter(change))


def test_a_key_with_limits_reaches_its_accounts_and_refunds_within_its_amounts() -> None:
    assert (CALLER.may_use("ma_1"), CALLER.may_use("ma_3")) == (True, False)
    assert [CALLER.may_refund(*asked) for asked in ((100, "EUR"), (101, "EUR"), (1, "USD"))] == [True, False, False]


def test_a_key_without_limits_reaches_everything() -> None:
    free = replace(CALLER, merchant_accounts=None, refund_max=None)

    assert free.may_use("ma_9")
    assert free.may_refund(10**9, "KWD")
