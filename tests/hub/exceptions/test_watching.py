"""Those who watch over the hub see what waits for a human, and what has waited too long."""

from datetime import UTC, datetime, timedelta

import pytest

from hub.doctor_exceptions import look_at_exceptions
from hub.exceptions.jobs import count_open
from tests.hub.exceptions.cabinet import opened
from tests.hub.house import House

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_the_doctor_names_the_exception_that_has_waited_longest(home: House) -> None:
    now = datetime.now(UTC)
    await opened(home, at=now)
    oldest = await opened(home, at=now - timedelta(days=30))
    await opened(home, at=now - timedelta(days=20))

    async with home.hub.parts.database.reading() as connection:
        found = await look_at_exceptions(connection, now)

    assert not found.ok
    assert found.told.startswith(f"3 open, 2 overdue; the oldest, {oldest}, since ")
    assert found.mend == "Find out which system charged it; book it from suspense."


async def test_what_is_open_and_overdue_is_a_metric_by_type_and_severity(home: House) -> None:
    await opened(home, type="fee_variance", at=datetime(2026, 1, 1, tzinfo=UTC))

    await count_open(home.hub.parts.shell)

    told = (await home.hub.client.get("/metrics")).text
    assert 'hub_exceptions_open{livemode="false",severity="low",type="fee_variance"} 1.0' in told
    assert 'hub_exceptions_open{livemode="true",severity="low",type="fee_variance"} 0.0' in told
    assert 'hub_exceptions_overdue{livemode="false",severity="low"} 1.0' in told
