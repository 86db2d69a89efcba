"""Whatever order a payment's deliveries come in, and however often, with the API's own answer anywhere among them."""

import json
from collections import Counter
from collections.abc import Sequence
from itertools import count
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, text

from adapters.contract import Adapter, Delivery, Told
from adapters.stripe import standing
from adapters.stripe.deliveries import fetched_as, refunded
from adapters.stripe.wire import PaymentIntent, Refund
from hub.ids import new_id
from hub.payments.recording import Held, record
from hub.payments.rows import operation_values, payment_values
from hub.payments.tables import operations, payments
from hub.webhooks.jobs import read_waiting
from tests.hub.house import House
from tests.hub.webhooks.stories import STORIES, Cast
from tests.hub.webhooks.telling import Telling, arrive, make_due, with_adapters

pytestmark = pytest.mark.asyncio(loop_scope="module")
ON_POSTGRESQL = pytest.mark.parametrize("quiet", ["postgresql"], indirect=True)
"""Which here forgets on a power cut, and so is fast; the statements are the same on both."""
MANY = settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
FAILED = frozenset({"declined", "reversed"})
"""A refund or capture that failed reads the same to a caller, whether its success was heard of before or after."""
OVERTAKEN = frozenset({"payment.processing", "payment.requires_action", "payment.authorized", "refund.pending"})
"""Events of steps on the way, which need not be told once what comes after them is known."""
UNDONE = {"capture": "payment.captured", "purchase": "payment.captured", "refund": "refund.succeeded"}
"""What need not be told of an operation that failed in the end."""


class LookedAt(Telling):
    """Reads as an adapter of Stripe's does, and tells how a story's objects stand when it is asked about them."""

    def __init__(self, adapter: Adapter, cast_: Cast, ahead: Sequence[int]) -> None:
        super().__init__(adapter.read_delivery)
        self._cast, self._ahead = cast_, iter(ahead)
        self._at = 0

    def fetched_as(self, delivery: Delivery) -> str | None:
        """Name the object, and note how far the story has gone at least."""
        self._at = max(self._at, int(delivery.key.split(":")[1]))
        return fetched_as(delivery)

    async def fetch(self, name: str) -> Sequence[Told]:
        """Tell how the object stands then, or somewhat later."""
        self._at += next(self._ahead, 0)
        until = [word.message for word in self._cast.story.told[: self._at + 1] if word.message is not None]
        objects = [self._cast.object_of(fields) for _, fields in until]
        kind, _, reference = name.partition("/")
        body = json.dumps([one for one in objects if one["id"] == reference][-1])
        if kind == "refunds":
            return refunded([msgspec.json.decode(body, type=Refund)], livemode=False)
        return standing.payment(msgspec.json.decode(body, type=PaymentIntent))


class Stage:
    """The house, not shown whole beside an example that fails."""

    def __init__(self, made: House) -> None:
        self.made = made


@pytest.fixture(scope="module")
def stage(quiet: House) -> Stage:
    return Stage(quiet)


_numbers = count(1)


async def begin(made: House, name: str) -> tuple[Cast, list[Held]]:
    """Write a new payment of the story as it stands before anything is told."""
    story = STORIES[name]
    told_of = Cast(
        story=story, number=f"{next(_numbers)}x{new_id('')[-6:]}", account=made.accounts[f"{story.processor}-eu"]
    )
    payment, asked = told_of.begun()
    async with made.hub.parts.database.transaction() as connection:
        row = {key.removeprefix("p_"): value for key, value in payment_values(payment).items()}
        await connection.execute(insert(payments).values(row))
        for one in asked:
            values = {key.removeprefix("o_"): v for key, v in operation_values(one, "o_", None, None).items()}
            del values["lease_s"], values["due_s"]
            await connection.execute(insert(operations).values(**values, lease_until=one.started_at))
    return told_of, [Held(payment=payment, operation=one, operations=tuple(asked)) for one in asked]


async def tell(made: House, name: str, order: Sequence[int], ahead: Sequence[int] | None) -> object:
    """Tell a story in this order, and give what a caller and finance see in the end; *ahead* looks everything up."""
    told_of, held = await begin(made, name)
    shell = made.hub.parts.shell
    connected = shell.directory.connected(told_of.account)
    assert connected is not None
    if ahead is not None:
        looked_at = LookedAt(connected.adapter, told_of, ahead)
        shell = with_adapters(shell, {told_of.account: looked_at})
    else:
        shell = with_adapters(shell, {told_of.account: Telling(connected.adapter.read_delivery)})
    words = told_of.story.told
    for again, index in enumerate(order):
        answer = words[index].answer
        if answer is None:
            await arrive(shell.database, told_of.account, told_of.delivery(index, again))
            continue
        await read_waiting(shell)
        about = next(one for one in held if one.operation.id == told_of.id_of(answer[0]))
        await record(shell, about, told_of.report(*answer), "answer")
    await make_due(shell.database)  # What could not be matched at first has its next try.
    while await read_waiting(shell):
        await make_due(shell.database)
    return await seen(made, told_of)


async def seen(made: House, told_of: Cast) -> object:
    values = {"id": f"pay_{told_of.number}"}
    async with made.hub.parts.database.reading() as connection:

        async def rows(sql: str) -> list[dict[str, Any]]:
            return [dict(row) for row in (await connection.execute(text(sql), values)).mappings()]

        (payment,) = await rows("SELECT * FROM payments WHERE id = :id")
        made_of = await rows("SELECT * FROM operations WHERE payment_id = :id")
        moved = await rows("SELECT debit, credit, amount_minor FROM transfers WHERE payment_id = :id")
        ids = ", ".join(f"'{one}'" for one in [values["id"], *(row["id"] for row in made_of)])
        events = await rows(f"SELECT type, object_id, data FROM events WHERE object_id IN ({ids}) ORDER BY id")  # noqa: S608 - our own ids
        waiting = await rows(
            f"SELECT id FROM webhook_deliveries WHERE subject = '{told_of.reference}' AND status <> 'done'"  # noqa: S608 - our own ids
        )
    assert waiting == []
    books: Counter[str] = Counter()
    for one in moved:
        books[one["debit"]] += one["amount_minor"]
        books[one["credit"]] -= one["amount_minor"]
    assert books.total() == 0
    undone = {UNDONE[one["kind"]] for one in made_of if one["status"] in FAILED and one["kind"] in UNDONE}
    told = {event["type"] for event in events} - OVERTAKEN
    newest = [event for event in events if event["object_id"] == values["id"]]
    assert not newest or json.loads(newest[-1]["data"])["status"] == payment["status"]
    money = {name: payment[name] for name in payment if name.endswith("_minor")}
    standing_ = sorted(
        (
            one["kind"],
            bool(one["external"]),
            one["amount_minor"],
            "failed" if one["status"] in FAILED else one["status"],
        )
        for one in made_of
    )
    facts = (payment["status"], payment["cancel_reason"], bool(payment["holds_reference"]), bool(payment["canceling"]))
    sums = {account: minor for account, minor in books.items() if minor}
    return facts, money, standing_, sums, told - undone


async def in_order(made: House, name: str) -> object:
    """Tell a story as it happens; once is enough."""
    key = made.database_url, name
    if key not in _in_order:
        _in_order[key] = await tell(made, name, range(len(STORIES[name].told)), None)
    return _in_order[key]


_in_order: dict[tuple[str, str], object] = {}
BY_STRIPE = [name for name, story in STORIES.items() if story.processor == "stripe"]
PLACES = st.integers(0, max(len(story.told) for story in STORIES.values()) - 1)


@pytest.mark.fault_case(id="WHI-02")
@ON_POSTGRESQL
@pytest.mark.parametrize("name", STORIES)
@given(begins=st.lists(PLACES, max_size=8), ends=st.permutations(range(8)))
@MANY
async def test_the_end_is_the_same_in_any_order(stage: Stage, name: str, begins: list[int], ends: list[int]) -> None:
    told = len(STORIES[name].told)
    order = [place % told for place in begins] + [place for place in ends if place < told]

    assert await tell(stage.made, name, order, None) == await in_order(stage.made, name)


@ON_POSTGRESQL
@pytest.mark.parametrize("name", BY_STRIPE)
@given(begins=st.lists(PLACES, max_size=8), ends=st.permutations(range(8)), ahead=st.lists(st.integers(0, 2)))
@MANY
async def test_the_end_is_the_same_where_each_delivery_is_looked_up(
    stage: Stage, name: str, begins: list[int], ends: list[int], ahead: list[int]
) -> None:
    told = len(STORIES[name].told)
    order = [place % told for place in begins] + [place for place in ends if place < told]

    assert await tell(stage.made, name, order, ahead) == await in_order(stage.made, name)
