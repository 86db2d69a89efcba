"""Counts that no charge waits for: asked for beside it, and read before what the charge itself adds is told.

Who asks before noting an attempt gets what stood before that attempt, as a rule that decides would have.
"""

import asyncio
from collections.abc import Callable, Collection
from datetime import datetime
from typing import Final

from msgspec import Struct

from hub.figures.velocity import Counts, facts_of, fields_of, keys_of
from hub.figures.windows import Subjects
from hub.redis import SharedMemory

KEYS_AT_ONCE: Final = 300
Answer = asyncio.Future[dict[str, int]]


class Question(Struct, frozen=True):
    """Which facts are asked for, of whom, and where the answer is put."""

    asked: Collection[str]
    subjects: Subjects
    answer: Answer


class Questions:
    """What was asked by one process and is not answered yet."""

    def __init__(self, shared: SharedMemory, counts: Counts, clock: Callable[[], datetime]) -> None:
        self._shared = shared
        self._counts = counts
        self._clock = clock
        self._waiting: list[Question] = []

    def ask(self, asked: Collection[str], subjects: Subjects) -> Answer:
        """Ask for facts; without Redis they are known at once."""
        answer: Answer = asyncio.get_running_loop().create_future()
        if self._shared.client is None:
            found = {key: self._counts.of(key) for key in keys_of(subjects, asked).values()}
            answer.set_result(facts_of(subjects, asked, found, self._clock()))
        else:
            self._waiting.append(Question(asked, subjects, answer))
        return answer

    def take(self) -> list[Question]:
        """Give what waits, to be answered by `answer`."""
        taken, self._waiting = self._waiting, []
        return taken

    async def answer(self, questions: Collection[Question]) -> None:
        """Answer all of them together; what is not known now is left out."""
        keys = list(dict.fromkeys(key for one in questions for key in keys_of(one.subjects, one.asked).values()))
        found: dict[str, dict[str, int]] = {}
        try:
            for start in range(0, len(keys), KEYS_AT_ONCE):
                some = keys[start : start + KEYS_AT_ONCE]
                found |= dict(zip(some, await fields_of(self._shared, some) or (), strict=False))
        finally:
            at = self._clock()
            for one in questions:
                if not one.answer.done():
                    one.answer.set_result(facts_of(one.subjects, one.asked, found, at))
