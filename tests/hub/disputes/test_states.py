"""A dispute goes on and never back: its tables let no late word undo a later one."""

from graphlib import TopologicalSorter
from itertools import product
from typing import Any

import pytest

from hub.disputes.rules import ranked
from hub.disputes.states import STAGE, STATUS
from hub.transitions import Machine
from normalization.disputes import DisputeStatus, Stage

STAGE_MOVES = {
    (Stage.INQUIRY, Stage.CHARGEBACK),
    (Stage.INQUIRY, Stage.ARBITRATION),
    (Stage.CHARGEBACK, Stage.ARBITRATION),
}
OPEN = (DisputeStatus.NEEDS_RESPONSE, DisputeStatus.UNDER_REVIEW)
STATUS_MOVES = {
    (DisputeStatus.NEEDS_RESPONSE, DisputeStatus.UNDER_REVIEW),
    *product(OPEN, (DisputeStatus.WON, DisputeStatus.LOST, DisputeStatus.CLOSED)),
    *product((DisputeStatus.CLOSED,), (DisputeStatus.WON, DisputeStatus.LOST)),
    (DisputeStatus.WON, DisputeStatus.LOST),
}


@pytest.mark.parametrize(("before", "after"), list(product(Stage, repeat=2)))
def test_a_dispute_goes_up_a_stage_and_never_down(before: Stage, after: Stage) -> None:
    assert (after in STAGE.moves[before]) is ((before, after) in STAGE_MOVES)


@pytest.mark.parametrize(("before", "after"), list(product(DisputeStatus, repeat=2)))
def test_within_a_stage_a_decision_beats_waiting_and_a_loss_every_other_decision(
    before: DisputeStatus, after: DisputeStatus
) -> None:
    assert (after in STATUS.moves[before]) is ((before, after) in STATUS_MOVES)


@pytest.mark.parametrize("machine", [STAGE, STATUS], ids=["stage", "status"])
def test_of_any_two_words_one_counts_more(machine: Machine[Any]) -> None:
    rank = ranked(machine)

    for before, after in product(machine.moves, repeat=2):
        assert (after in machine.moves[before]) is (rank[after] > rank[before])


@pytest.mark.parametrize("machine", [STAGE, STATUS], ids=["stage", "status"])
def test_no_word_comes_back(machine: Machine[Any]) -> None:
    assert list(TopologicalSorter(machine.moves).static_order())
