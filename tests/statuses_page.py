"""The page docs/statuses.md: every table of steps, drawn and listed as the code has it."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Any, Final

from hub.disputes.states import STAGE, STATUS
from hub.payments.answers import refund_body
from hub.payments.transitions import AUTHORIZE, CAPTURE, PAYMENT, PURCHASE, REFUND, VOID
from hub.transitions import Machine
from normalization.outcome import Operation
from tests.hub.payments.making import operation

INTRODUCTION: Final = """\
# Statuses

Where payments, their operations and disputes may stand, and every step between. This page is drawn from the tables that
the code asks before it takes a step; what the words mean stands in the [glossary](glossary.md). A report that would be
a step not drawn here changes no status: it is kept as evidence in the payment's timeline. Should the hub itself decide
on such a step it is not taken either, and a human is told by the exception `impossible_transition`. A word that nothing
leads out of is final, and *late* steps are what a processor tells after the hub had closed the matter.
"""
MACHINES: Final[tuple[tuple[Machine[Any], str], ...]] = (
    (PAYMENT, "`status` of a payment. Refunds and disputes leave it as it is: they stand in the payment's amounts."),
    (AUTHORIZE, "`status` of an attempt that authorizes."),
    (PURCHASE, "`status` of an attempt that purchases: its capture may fail after it succeeded."),
    (CAPTURE, "`status` of a capture, as the timeline shows it. It may fail after it succeeded."),
    (VOID, "`status` of a void, as the timeline shows it."),
    (REFUND, "A refund takes the same steps as a capture."),
    (STAGE, "`stage` of a dispute: how far the payer's bank has gone. Each stage begins with a status of its own."),
    (STATUS, "`status` of a dispute in the stage it has reached. What was decided stays so until the next stage."),
)


def statuses_page() -> str:
    """Write docs/statuses.md."""
    return "\n".join([INTRODUCTION, *(_section(machine, about) for machine, about in MACHINES)])


def _section(machine: Machine[Any], about: str) -> str:
    return "\n".join(
        [
            f"## {machine.name}",
            "",
            about,
            *(_refunds_shown() if machine is REFUND else ()),
            "",
            "```mermaid",
            "stateDiagram-v2",
            *(f"    [*] --> {word}" for word in machine.born),
            *(f"    {before} --> {after}" for before, after, _ in _steps(machine)),
            *(f"    {word} --> [*]" for word, following in machine.moves.items() if not following),
            "```",
            "",
            "| from | to | when |",
            "|---|---|---|",
            *(f"| | `{word}` | {why} |" for word, why in machine.born.items()),
            *(f"| `{before}` | `{after}` | {why} |" for before, after, why in _steps(machine)),
            "",
        ]
    )


def _refunds_shown() -> Iterator[str]:
    shown: dict[str, list[str]] = {}
    for word in REFUND.moves:
        refund = refund_body(operation(Operation.REFUND, status=word))
        shown.setdefault(refund.status, []).append(f"`{word}`")
    yield "Its `status` in the API sums them up:"
    yield ""
    yield from (f"- `{status}`: {', '.join(words)}" for status, words in shown.items())


def _steps(machine: Machine[Any]) -> Iterator[tuple[StrEnum, StrEnum, str]]:
    for before, following in machine.moves.items():
        for after, why in following.items():
            yield before, after, why
