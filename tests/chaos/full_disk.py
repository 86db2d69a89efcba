"""A hub on SQLite whose disk fills up under load, with processes killed while it is full."""

import asyncio
import contextlib
import os
import resource
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

from hub.access.rules import Role
from hub.migrations import bring_up
from hub.seed import PROCESSORS
from tests.chaos.auditing import KEYED, Findings, by_id, charges, held
from tests.chaos.board import Board
from tests.chaos.healing import quiet, resolved
from tests.chaos.places import How, Place
from tests.chaos.shop import Shop
from tests.chaos.stage import Ground, fill, new_client, new_keys, settings_of
from tests.chaos.victims import Victim
from tests.hub.commands import hub
from tests.hub.house import make_api_key
from tests.hub.pretending import running

DISK_MB: Final = 64
ROUNDS: Final = 6
TRADE_S: Final = 3.0
FULL_S: Final = 4.0
PAYERS: Final = 4
_UNLIMITED: Final = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)


class Disk:
    """A small disk of its own where this process may mount one; else files of the hub's that may not grow."""

    def __init__(self, folder: Path, mounted: bool) -> None:  # noqa: FBT001 - what was found out
        self.folder = folder
        self.mounted = mounted
        self._filler = folder / "filler"

    @property
    def kind(self) -> str:
        """What it is."""
        return f"a disk of {DISK_MB} MB" if self.mounted else "files that may not grow (RLIMIT_FSIZE)"

    def fill(self, victims: list[Victim]) -> None:
        """Leave no room."""
        if not self.mounted:
            largest = max(path.stat().st_size for path in self.folder.glob("*.db*"))
            for victim in victims:
                resource.prlimit(victim.pid, resource.RLIMIT_FSIZE, (largest, resource.RLIM_INFINITY))
            return
        with self._filler.open("wb", buffering=0) as filler, contextlib.suppress(OSError):
            while filler.write(bytes(4096)):
                pass

    def free(self, victims: list[Victim]) -> None:
        """Give the room back."""
        self._filler.unlink(missing_ok=True)
        for victim in victims:
            if not self.mounted and victim.is_alive():
                resource.prlimit(victim.pid, resource.RLIMIT_FSIZE, _UNLIMITED)


async def full_disk() -> Findings:
    """Fill the disk again and again while payments are made, and hold all against the processors' books."""
    found = Findings()
    async with AsyncExitStack() as ends:
        disk = await ends.enter_async_context(_disk())
        at = await ends.enter_async_context(_ground(disk))
        shop = Shop(at)
        await shop.stock()
        trading = asyncio.create_task(shop.run(PAYERS))
        for round_ in range(ROUNDS):
            await asyncio.sleep(TRADE_S)
            disk.fill(at.victims)
            await asyncio.sleep(FULL_S / 2)
            if round_ % 2:
                at.victims[round_ % len(at.victims)].strike(Place.ANYWHERE, How.AT_RANDOM)
            await asyncio.sleep(FULL_S / 2)
            disk.free(at.victims)
            await at.all_work()
        shop.close()
        since = asyncio.get_running_loop().time()
        await trading
        healed = await resolved(at, since)
        found.lost += [*healed.left, *await quiet(at)]
        await _hold(found, at, shop)
        await found.explain(at)
        found.figures.append(f"{disk.kind}, filled {ROUNDS} times; answers: {dict(shop.statuses)}")
    return found


async def _hold(found: Findings, at: Ground, shop: Shop) -> None:
    payments, operations = (
        by_id(await at.rows("SELECT * FROM payments")),
        by_id(await at.rows("SELECT * FROM operations")),
    )
    charges(found, at, payments, operations)
    found.lost += [complaint for made in shop.acknowledged if (complaint := held(made, payments, operations))]
    found.lost += await shop.answers_again([made for made in shop.acknowledged if made.what in KEYED])
    found.wrong += [*shop.faults, *shop.given_up]
    keys = at.victims[0].settings["HUB_KEYS"]
    verified = await asyncio.to_thread(hub, "ledger", "verify", HUB_DATABASE_URL=at.database_url, HUB_KEYS=keys)
    if verified.returncode:
        found.unbalanced.append(f"hub ledger verify: {verified.stdout}{verified.stderr}")
    found.figures.append(f"SQLite: {len(shop.acknowledged)} acknowledged")


@asynccontextmanager
async def _disk() -> AsyncIterator[Disk]:
    folder = Path(tempfile.mkdtemp(prefix="hub-full-"))
    mounted = os.geteuid() == 0 and await _ran("mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", str(folder))
    try:
        yield Disk(folder, mounted)
    finally:
        if mounted:
            await _ran("umount", str(folder))
        shutil.rmtree(folder, ignore_errors=True)


async def _ran(*command: str) -> bool:
    silent = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(*command, stdout=silent, stderr=silent)
    return await process.wait() == 0


@asynccontextmanager
async def _ground(disk: Disk) -> AsyncIterator[Ground]:
    async with AsyncExitStack() as ends:
        folder = Path(tempfile.mkdtemp(prefix="hub-books-"))
        ends.callback(shutil.rmtree, folder, ignore_errors=True)
        url = f"sqlite:///{disk.folder}/hub.db"
        await bring_up(url)
        books = [ends.enter_async_context(running(name, folder / f"{name}.book")) for name in PROCESSORS]
        sandboxes = dict(zip(PROCESSORS, await asyncio.gather(*books), strict=True))
        board = Board()
        victims = [Victim(role, role, folder, board) for role in ("serve", "worker")]
        made = Ground(
            folder=folder,
            board=board,
            database_url=url,
            sandboxes=sandboxes,
            victims=victims,
            api_key=await make_api_key(url, Role.ADMIN),
            accounts={},
            http=await ends.enter_async_context(new_client()),
        )
        public, keys = f"http://127.0.0.1:{victims[0].port}", new_keys()
        for victim in victims:
            victim.settings = settings_of(victim, DATABASE_URL=url, PUBLIC_URL=public, KEYS=keys)
            ends.push_async_callback(victim.buried)
        await made.all_work()
        await fill(made, public, sandboxes)
        yield made
