"""The table of faults by steps: how often each was struck, and which cells cannot be."""

from collections import Counter
from collections.abc import Iterable, Sequence

from tests.simulation.faults import (
    CALL,
    CALLS,
    COMMIT,
    COMMITS,
    CRASH,
    DELIVERY,
    NOTICES,
    VERDICT,
    VERDICTS,
    Fault,
    possible,
)

_PARTS = (
    ("A call to a processor", CALLS, (CALL, CRASH)),
    ("A commit", COMMITS, (COMMIT, CRASH)),
    ("A webhook about", NOTICES, (DELIVERY,)),
    ("What the processor does", VERDICTS, (VERDICT,)),
)
NEVER = "-"


def table(struck: Counter[tuple[str, Fault]]) -> str:
    """Write the table in Markdown, a part for each kind of step."""
    return "\n\n".join(_part(title, steps, _in_order(groups), struck) for title, steps, groups in _PARTS)


def thinnest(struck: Counter[tuple[str, Fault]]) -> list[tuple[int, str, Fault]]:
    """List the cells that were struck least, and how often."""
    cells = [(struck[step, fault], step, fault) for _, steps, _ in _PARTS for step in steps for fault in possible(step)]
    return sorted(cells)


def _in_order(groups: Iterable[frozenset[Fault]]) -> list[Fault]:
    wanted = frozenset().union(*groups)
    return [fault for fault in Fault if fault in wanted]


def _part(title: str, steps: Sequence[str], faults: Sequence[Fault], struck: Counter[tuple[str, Fault]]) -> str:
    head = [title, *(str(fault) for fault in faults)]
    rows = [[step, *(_cell(struck, step, fault) for fault in faults)] for step in steps]
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _cell(struck: Counter[tuple[str, Fault]], step: str, fault: Fault) -> str:
    return f"{struck[step, fault]:,}" if fault in possible(step) else NEVER
