"""A chunk is foreseen while the one before is written; whoever comes in between makes it be looked at again."""

import asyncio
from typing import Any

import pytest

from hub.settlement.foreseeing import Foresight, Turn, holds
from hub.settlement.jobs import import_next
from hub.settlement.settling import Prepared
from hub.settlement.turns import take_turn
from hub.settlement.values import Settled
from hub.settlement.writing import Outcomes
from tests.hub.house import House
from tests.hub.money import rows
from tests.hub.settlement.reports import PATH, charge, hand_in, written

NOTHING = Prepared(
    lines=(),
    rows=(),
    outcomes=Outcomes(matches=(), transfers=(), late=(), openings=()),
    off={},
    taken=frozenset(),
    settled=Settled(),
)


def foreseen(turn: int) -> Foresight:
    return Foresight(turn=turn, keys=frozenset(), prepared=NOTHING)


@pytest.mark.parametrize(
    ("read_at", "before", "turn", "right"),
    [
        (0, None, 1, True),  # The first chunk, where nobody else came.
        (0, None, 2, False),  # Somebody else was first.
        (4, Turn(number=5, as_foreseen=True), 6, True),  # Read while the chunk before was written.
        (5, Turn(number=5, as_foreseen=True), 6, True),  # Read after it.
        (5, Turn(number=5, as_foreseen=False), 6, True),
        (4, Turn(number=5, as_foreseen=False), 6, False),  # The chunk before came to something else than was known.
        (4, Turn(number=5, as_foreseen=True), 7, False),  # Somebody came after the chunk before,
        (3, Turn(number=5, as_foreseen=True), 6, False),  # or before it.
        (5, Turn(number=5, as_foreseen=True), 7, False),
    ],
)
def test_what_was_foreseen_holds_where_nobody_came_in_between(
    read_at: int, before: Turn | None, turn: int, *, right: bool
) -> None:
    assert holds(foreseen(read_at), turn, before) is right


async def imported_row_by_row(made: House, file: list[dict[str, str] | str]) -> dict[str, Any]:
    """Import *file*, each row in a chunk of its own."""
    batch = (await hand_in(made.hub, made.accounts["stripe-eu"], written(file))).json()["id"]
    assert await import_next(made.hub.parts.shell, asyncio.Event(), only=batch, rows_at_once=1)
    body: dict[str, Any] = (await made.hub.get(f"{PATH}/{batch}")).json()
    assert body["status"] == "done"
    return body


async def paid(made: House, amount: int = 1000) -> tuple[dict[str, Any], dict[str, str]]:
    """Charge; give the payment, and the name by which a report's row is told to be its."""
    account = made.accounts["stripe-eu"]
    made_ = await made.hub.charge(amount=amount, payment_method=made.payment_method, merchant_account=account)
    return made_.json(), {"payment_metadata[hub_operation]": made_.json()["tag"]}


@pytest.mark.asyncio(loop_scope="module")
async def test_a_line_that_the_next_chunk_tells_otherwise_gives_way_to_it(quiet: House) -> None:
    changed = charge("split-1", fee="0.75", net="9.25")

    body = await imported_row_by_row(quiet, [charge("split-1"), changed, changed, charge("split-2")])

    counts = {name: body["counts"][name] for name in ("added", "restated", "known")}
    assert counts == {"added": 2, "restated": 1, "known": 1}


@pytest.mark.asyncio(loop_scope="module")
async def test_of_two_lines_in_neighbouring_chunks_one_settles_what_both_name(quiet: House) -> None:
    payment, name = await paid(quiet)

    body = await imported_row_by_row(quiet, [charge("rival-1", **name), charge("rival-2", **name)])

    assert (body["counts"]["matched"], body["counts"]["excepted"]) == (1, 1)
    left = "SELECT line_id FROM settlement_matches m JOIN expected_settlements e ON e.id = m.expected_id"
    assert len(await rows(quiet, f"{left} WHERE e.payment_id = :payment", payment=payment["id"])) == 1


@pytest.mark.asyncio(loop_scope="module")
async def test_whoever_has_a_turn_in_between_changes_nothing_of_what_is_written(quiet: House) -> None:
    names = [(await paid(quiet))[1] for _ in range(4)]
    file: list[dict[str, str] | str] = [charge(f"turn-{n}", **name) for n, name in enumerate(names)]
    others = asyncio.create_task(have_turns(quiet))

    body = await imported_row_by_row(quiet, [*file, charge("turn-0", **names[0])])
    others.cancel()
    await asyncio.wait({others})

    counts = {name: body["counts"][name] for name in ("added", "known", "matched")}
    assert counts == {"added": 4, "known": 1, "matched": 4}


async def have_turns(made: House) -> None:
    """Have one turn after the other at the account, and write nothing in it."""
    while True:
        async with made.hub.parts.database.transaction() as connection:
            await take_turn(connection, made.accounts["stripe-eu"])
        await asyncio.sleep(0)
