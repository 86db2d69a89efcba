"""However a dispute goes on at the pretend Adyen, the money is in one place."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from hub.sandbox.adyen.dispute_course import ORDERS, TAKES, Moves, accepted, defended, opened, ordered, waits
from hub.sandbox.adyen.records import Dispute

FRESH = Dispute(
    id="D", account="A", payment="P", reason_code="10.4", amount_minor=1000, inquiry=False,
    defendable=True, auto_defended=False, due_at=0.0, status="Undefended",
)  # fmt: skip
ANSWERS = {"accept": accepted, "defend": defended}


def after(dispute: Dispute, moves: Moves | str) -> Dispute:
    """Note what was told; a refusal changes nothing."""
    for move in () if isinstance(moves, str) else moves:
        dispute = replace(dispute, status=move.status, events=(*dispute.events, move.event))
    return dispute


def gone_on(dispute: Dispute, step: str) -> Dispute:
    if step in ANSWERS:
        return after(dispute, ANSWERS[step](dispute)) if waits(dispute) else dispute
    (do,) = [one for one in ORDERS if one == step]
    return after(dispute, ordered(dispute, do))


def taken(dispute: Dispute) -> int:
    return sum(TAKES.get(event, 0) for event in dispute.events)


steps = st.lists(st.sampled_from((*ORDERS, *ANSWERS)), max_size=8)


@given(steps=steps, charged=st.booleans())
def test_it_is_taken_once_at_most_and_no_event_is_told_twice(*, steps: list[str], charged: bool) -> None:
    dispute = after(FRESH, opened(FRESH, charged=charged))

    for step in steps:
        dispute = gone_on(dispute, step)

        assert taken(dispute) in {0, 1}
        assert len(set(dispute.events)) == len(dispute.events)
        assert dispute.reversed == (dispute.charged and not taken(dispute))


@given(steps=steps, charged=st.booleans())
def test_what_ends_lost_or_accepted_is_gone_and_what_ends_won_is_not(*, steps: list[str], charged: bool) -> None:
    dispute = after(FRESH, opened(FRESH, charged=charged))

    for step in steps:
        dispute = gone_on(dispute, step)

    assert dispute.status not in {"Lost", "Accepted"} or taken(dispute) == 1
    assert dispute.status != "Won" or taken(dispute) == 0


@given(steps)
def test_a_request_for_information_takes_nothing(steps: list[str]) -> None:
    inquiry = replace(FRESH, inquiry=True, status="Unresponded")
    dispute = after(inquiry, opened(inquiry, charged=False))

    for step in steps:
        if step != "accept":  # The service refuses it before it gets here.
            dispute = gone_on(dispute, step)

    assert taken(dispute) == 0
