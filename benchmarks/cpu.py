"""What processes have used, out of /proc: Linux only."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

TICK_MS: Final = 1000 / os.sysconf("SC_CLK_TCK")
_PARENT: Final = 1
_TIMES: Final = slice(11, 15)
"""Fields of /proc/<pid>/stat after the name: utime, stime, and both of the children that have ended."""


def cpu_ms(pids: Iterable[int]) -> float:
    """Sum the CPU time of processes, their threads and the children they have waited for; one that is gone counts 0.

    What an ended child used its parent has by then.
    """
    return sum(sum(map(int, stat[_TIMES])) for pid in pids if (stat := _stat(pid))) * TICK_MS


def with_children(pid: int) -> list[int]:
    """List a process and its children, such as PostgreSQL's backends."""
    pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal()]
    return [pid, *(child for child in pids if _parent(child) == pid)]


def resident_mb(pid: int) -> float:
    """Tell how much memory of a process is in RAM, in MB of 10^6 bytes."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise LookupError(f"process {pid} has no memory: it has ended")


def machine_busy_ms() -> float:
    """Tell how long all cores together were busy since the start, for whomever; other guests of the host count."""
    user, nice, system, _idle, _waiting, *others = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
    return sum(map(int, (user, nice, system, *others))) * TICK_MS


def _stat(pid: int) -> list[str]:
    """Read the fields after the name, which stands in brackets and may hold anything; none where it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def _parent(pid: int) -> int | None:
    stat = _stat(pid)
    return int(stat[_PARENT]) if stat else None
