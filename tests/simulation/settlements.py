"""The processors' settlement reports: what moved since the last one, handed in by finance, sometimes twice."""

import asyncio
import csv
from collections.abc import AsyncIterator, Sequence
from io import StringIO
from typing import TYPE_CHECKING, Final

from hub.payments.shell import Shell
from hub.settlement import uploads
from normalization.settlements import LineType
from tests.simulation.database import is_away
from tests.simulation.instance import GoneError
from tests.simulation.processors import Movement, Processor
from tests.simulation.reports import COLUMNS
from tests.simulation.template import FIXED_MINOR, PERCENT_BPS, account

if TYPE_CHECKING:
    from tests.simulation.world import World

TRIES: Final = 20
TWICE: Final = 0.01
"""How many movements a report tells twice, under two keys: once too often is the processor's mistake."""
OVERLAP: Final = 3
"""How many lines of earlier reports a report has besides its own, as they stood there."""
Row = tuple[object, ...]


class Office:
    """Finance: has reports written, and hands them in until the hub has them."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._told: dict[str, int] = dict.fromkeys(world.processors, 0)
        self._batches = 0
        self._rows: dict[str, list[Row]] = {name: [] for name in world.processors}

    async def hand_in(self) -> None:
        """Hand in what every processor reports of the time since the last report."""
        for processor in self._world.processors.values():
            moved = processor.movements[self._told[processor.name] :]
            self._told[processor.name] += len(moved)
            if moved:
                content = self._written(processor, moved)
                await self._hand_in(account(processor.name), content)
                if self._chance(0.3):
                    await self._hand_in(account(processor.name), content)

    async def _hand_in(self, to: str, content: bytes) -> None:
        for _ in range(TRIES):
            server = self._world.any_server()
            if server is not None:
                try:
                    await server.ask(_take(server.shell, to, content))
                except GoneError:
                    pass
                except Exception as failure:  # noqa: BLE001 - what the route answers with a 5xx
                    if not is_away(failure):
                        self._world.failed("a report was not taken", failure)
                        return
                else:
                    return
            await asyncio.sleep(20.0)

    def _chance(self, share: float) -> bool:
        return self._world.random.random() < share

    def _written(self, processor: Processor, moved: Sequence[Movement]) -> bytes:
        self._batches += 1
        batch, written = f"{processor.name}-{self._batches}", StringIO()
        table = csv.writer(written)
        table.writerow(COLUMNS)
        net, earlier, rows = 0, self._rows[processor.name], list[Row]()
        for number, one in enumerate(moved):
            fee = _fee(one.minor) if one.type is LineType.CHARGE else 0
            net += one.minor - fee
            entry, at = one.entry, one.at.isoformat()
            parent = entry.parent.id if entry.parent is not None else ""
            key = f"{batch}/{number}"
            self._world.reported.add(key)
            row: Row = (key, one.type, one.minor, fee, "EUR", at, batch, entry.operation_id or "", entry.id, parent)
            table.writerow(row)
            if one.type in {LineType.CHARGE, LineType.REFUND} and self._chance(TWICE):
                net += one.minor - fee
                self._world.settled_twice.add(entry.life)
                self._world.reported.add(f"{key}-twice")
                self._world.told_twice |= {key, f"{key}-twice"}
                table.writerow((f"{key}-twice", *row[1:]))
            rows.append(row)
        for row in self._world.random.sample(earlier, min(OVERLAP, len(earlier))):
            table.writerow(row)  # What an earlier report told already.
        earlier += rows
        at = self._world.clock().isoformat()
        table.writerow((f"{batch}/payout", LineType.PAYOUT, net, 0, "EUR", at, batch, "", batch, ""))
        return written.getvalue().encode()


def _fee(minor: int) -> int:
    return (minor * PERCENT_BPS + 5_000) // 10_000 + FIXED_MINOR


async def _take(shell: Shell, to: str, content: bytes) -> None:
    connected = await shell.directory.find(to)
    if connected is None:
        raise LookupError(to)

    async def pieces() -> AsyncIterator[bytes]:
        yield content

    await uploads.take(shell, uploads.Wanted(connected=connected, source="upload", by="finance"), pieces())
