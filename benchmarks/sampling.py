"""Runs the hub's serving process and samples where its CPU time goes.

`python -m benchmarks.sampling FILE` serves as `hub serve` does. SIGUSR1 begins to sample, SIGUSR2 ends and writes the
stacks to FILE, a count for each, innermost function first.
"""

import dis
import signal
import sys
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Final

import msgspec

from hub.serving import serve_api

EVERY_S: Final = 0.002
DEPTH_MAX: Final = 60
LOOP: Final = "(event loop and kernel)"
_RESUME: Final = dis.opmap["RESUME"]
_OUTER: Final = ("uvicorn/server.py", "asyncio/runners.py")


class Sampler:
    """Counts stacks by a timer that runs on CPU time."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._stacks: Counter[tuple[str, ...]] = Counter()

    def install(self) -> None:
        """Wait for the signals."""
        signal.signal(signal.SIGUSR1, self._begin)
        signal.signal(signal.SIGUSR2, self._end)
        signal.signal(signal.SIGPROF, self._sample)
        # Nothing that waits is to be interrupted for a sample.
        signal.siginterrupt(signal.SIGPROF, False)  # noqa: FBT003 - the only way to say so

    def _begin(self, _number: int, _frame: FrameType | None) -> None:
        self._stacks.clear()
        signal.setitimer(signal.ITIMER_PROF, EVERY_S, EVERY_S)

    def _end(self, _number: int, _frame: FrameType | None) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)
        told = [[count, *stack] for stack, count in self._stacks.items()]
        unfinished = self._file.with_suffix(".part")
        unfinished.write_bytes(msgspec.json.encode(told))
        unfinished.rename(self._file)

    def _sample(self, _number: int, frame: FrameType | None) -> None:
        stack = []
        if frame is not None and _just_called_by_the_loop(frame):
            stack.append(LOOP)
        while frame is not None and len(stack) < DEPTH_MAX:
            code = frame.f_code
            stack.append(f"{code.co_filename}:{code.co_qualname}")
            frame = frame.f_back
        self._stacks[tuple(stack)] += 1


def _just_called_by_the_loop(frame: FrameType) -> bool:
    """Tell a signal that came in the loop's own C code: Python acts on it when the next function begins or goes on."""
    caller = frame.f_back
    if caller is None or not caller.f_code.co_filename.endswith(_OUTER):
        return False
    return frame.f_lasti >= 0 and frame.f_code.co_code[frame.f_lasti] == _RESUME


if __name__ == "__main__":
    Sampler(Path(sys.argv[1])).install()
    serve_api(workers=1)
