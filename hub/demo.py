"""`hub demo`: the main job from end to end over HTTP, every step shown and every figure checked."""

import asyncio
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

import aiohttp
import msgspec
from rich.console import Console

from hub import demo_books, demo_charging, demo_sums, demo_troubles, demo_week
from hub.demo_payer import LostError
from hub.demo_shop import REQUEST_SECONDS, Place, Shop, UnexpectedError

START_SECONDS: Final = 60.0
STOP_SECONDS: Final = 20.0
INTERRUPTED: Final = 130
LOG_SHOWN: Final = 4_000
DEADLINES: Final = {"HUB_CONNECT_MS": "1000", "HUB_ANSWER_MS": "3000", "HUB_REQUEST_MS": "8000",
                    "HUB_NEXT_ATTEMPT_NEEDS_MS": "2000"}  # fmt: skip
"""So that nobody has to watch a silent processor for half a minute."""


class NotReadyError(Exception):
    """`hub dev` did not start."""


def run(*, keep: bool) -> int:
    """Run the demo in a folder of its own and give the command's exit code."""
    folder = Path(tempfile.mkdtemp(prefix="hub-demo-"))
    console = Console(width=None if sys.stdout.isatty() else 130)
    # Whoever ends the demo ends what it has started too.
    signal.signal(signal.SIGTERM, lambda _number, _frame: signal.raise_signal(signal.SIGINT))
    try:
        return asyncio.run(_run(folder, console))
    except KeyboardInterrupt:
        return INTERRUPTED
    finally:
        if keep:
            console.print(f"Kept: {folder}", highlight=False)
        else:
            shutil.rmtree(folder, ignore_errors=True)


async def _run(folder: Path, console: Console) -> int:
    return await judge(_whole(folder, console), console)


async def _whole(folder: Path, console: Console) -> int:
    async with developing(folder, DEADLINES) as place:
        where = ", ".join(f"{name} at {url}" for name, url in place.sandbox.items())
        console.print(f"The hub is at {place.url}; pretend processors: {where}.", highlight=False)
        checked = await walk(place, console)
    async with developing(folder, DEADLINES, advance_days=demo_week.DAYS) as place:
        return checked + await walk_on(place, console, folder)


async def judge(story: Awaitable[int], console: Console) -> int:
    """Hear a story out, which says how many figures were checked, and give the command's exit code.

    It is 1 at the first wrong figure.
    """
    began = time.monotonic()
    try:
        checked = await story
    except (NotReadyError, UnexpectedError, LostError, aiohttp.ClientError, TimeoutError) as failure:
        return _failed(failure, console)
    spent = time.monotonic() - began
    console.print(f"\n[bold green]All {checked} figures are as expected[/], in {spent:.0f} s.")
    return 0


def _failed(failure: Exception, console: Console) -> int:
    said = str(failure) or type(failure).__name__
    console.print("\n[bold red]The demo failed.[/] ", end="")
    console.print(said, markup=False, highlight=False, soft_wrap=True)
    return 1


async def walk(place: Place, console: Console) -> int:
    """Take the first day's steps against the hub at *place*; gives how many figures were checked.

    Raises:
        UnexpectedError: at the first figure that is not as expected.
        LostError: when the payer of a challenge does not come back.
    """
    async with _visit(place, console) as shop:
        await demo_books.hurry(shop)
        sold = await demo_charging.sell(shop)
        await demo_charging.be_declined(shop)
        await demo_charging.be_challenged(shop)
        await demo_troubles.refund(shop, sold)
        await demo_troubles.capture(shop)
        await demo_troubles.repeat(shop)
        lost = await demo_troubles.fall_silent(shop)
        await demo_troubles.refuse_connection(shop)
        await demo_troubles.explain(shop, lost)
        await demo_troubles.balance(shop)
        await demo_books.settle(shop)
        await demo_books.disagree(shop)
        return shop.checked


async def walk_on(place: Place, console: Console, folder: Path) -> int:
    """Take the steps of a week later, the hub's clock and the processors' being ahead; *folder* is that of `hub dev`.

    Raises:
        UnexpectedError: at the first figure that is not as expected.
    """
    async with _visit(place, console) as shop:
        await demo_week.miss(shop)
        await demo_week.mend(shop)
        told = await demo_sums.told_by_processors(shop)
        await demo_sums.receive(shop, told)
        await demo_sums.reconcile(shop, told)
        await demo_sums.agree(shop, told, folder)
        return shop.checked


@asynccontextmanager
async def _visit(place: Place, console: Console) -> AsyncIterator[Shop]:
    timeout = aiohttp.ClientTimeout(total=REQUEST_SECONDS)
    async with aiohttp.ClientSession(timeout=timeout) as http:
        yield Shop(place, http, console)


@asynccontextmanager
async def developing(folder: Path, settings: Mapping[str, str], *, advance_days: int = 0) -> AsyncIterator[Place]:
    """Run `hub dev` on free ports in a process of its own, with *settings* and none of the caller's.

    First *advance_days* pass at the hub and the processors.

    Raises:
        NotReadyError: when it ends before it is ready, or takes too long.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HUB_")}
    log = folder / "dev.log"
    where = ("--port", "0", "--folder", str(folder), "--advance-days", str(advance_days))
    with log.open("ab") as written:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "hub.cli", "dev", *where, "--json", "--with-stdin"),
            env={**environment, **settings},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=written,
            start_new_session=True,
        )
    try:
        line = b""
        if process.stdout is not None:
            with suppress(TimeoutError):
                line = await asyncio.wait_for(process.stdout.readline(), START_SECONDS)
        if not line:
            raise NotReadyError(f"`hub dev` did not start; it wrote:\n{log.read_text(errors='replace')[-LOG_SHOWN:]}")
        yield msgspec.json.decode(line, type=Place)
    finally:
        await _end(process)


async def _end(process: asyncio.subprocess.Process) -> None:
    """Ask it to end, so that it ends its sandboxes; what does not hear is killed."""
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), STOP_SECONDS)
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
