"""`python -m tests.chaos [KILLS]`: exit 0 when every bar is reached, 1 when one is not."""

import argparse
import asyncio
import sys
import time
from typing import Final

from tests.chaos.auditing import Findings, audit
from tests.chaos.back_office import BackOffice
from tests.chaos.board import Board, percentile, spread
from tests.chaos.crowd import crowd
from tests.chaos.full_disk import full_disk
from tests.chaos.healing import KNOWN_MIN, Healed, called_off, heal, quiet, resolved
from tests.chaos.hunting import hunted
from tests.chaos.places import AIMED
from tests.chaos.shop import Shop
from tests.chaos.stage import Stage, durability, stage
from tests.chaos.troubles import databases_restart, every_trouble

KILLS: Final = 300
AT_EACH: Final = 20
RESTARTS: Final = 30
RESTART_EVERY_S: Final = 12.0
CHAOS_S_MAX: Final = 1_200.0
RESOLVED_S_MAX: Final = 60.0
SHOWN: Final = 8
_began: Final = time.monotonic()


def say(text: str) -> None:
    """Print a line with the seconds since the start."""
    sys.stdout.write(f"[{time.monotonic() - _began:6.1f} s] {text}\n")
    sys.stdout.flush()


async def main(kills: int) -> int:
    """Bring chaos, heal, and hold everything against what was acknowledged."""
    share = min(1.0, kills / KILLS)
    each, restarts = max(1, round(AT_EACH * share)), max(1, round(RESTARTS * share))
    board = Board()
    async with stage(board) as at:
        say(f"PostgreSQL durable: {await durability(at)}; {len(at.victims)} processes, {len(at.accounts)} accounts")
        shop = Shop(at)
        office = BackOffice(at, shop)
        await shop.stock()
        await office.open()
        stop = asyncio.Event()
        trading, working = asyncio.create_task(shop.run()), asyncio.create_task(office.run(stop))
        await chaos(at, shop, kills=kills, each=each, restarts=restarts)
        say("everybody lives; crowding the servers")
        await at.all_work()
        crowded = await crowd(at, shop)
        healed_at = await heal(at, shop)
        say("healed; waiting until nothing is unknown")
        filling = asyncio.create_task(full_disk())
        healed = await resolved(at, healed_at, say)
        say(f"unknowns: {spread(healed.known_s)}; never arrived: {spread(healed.never_arrived_s)}")
        await trading
        stop.set()
        await working
        left = await quiet(at)
        never_came, known = await called_off(at)
        healed.left += known
        say("looking at everything")
        found = await audit(at, shop, office)
        await office.close()
        found.lost += left
        await found.explain(at, healed.left)
        filled = await filling
    found.add(filled)
    found.figures += [*crowded, f"called off while unknown, and never came to Adyen: {never_came}"]
    return report(board, healed, found, kills=kills, each=each, restarts=restarts)


async def chaos(at: Stage, shop: Shop, *, kills: int, each: int, restarts: int) -> None:
    """Let everything go wrong until there were enough kills everywhere and enough restarts."""
    done = asyncio.Event()
    hunts = [asyncio.create_task(hunted(at, victim, done)) for victim in at.victims]
    others = [asyncio.ensure_future(trouble) for trouble in every_trouble(at, done)]
    restarting = asyncio.create_task(databases_restart(at, shop, restarts, RESTART_EVERY_S, done))
    until = time.monotonic() + CHAOS_S_MAX
    while time.monotonic() < until and not (at.board.reached(kills, each) and restarting.done()):
        await asyncio.sleep(5)
        places = ", ".join(f"{place} {at.board.count(place)}" for place in AIMED)
        restarted = at.board.troubles["database restarts, immediate"]
        say(f"{len(at.board.hits)} kills ({places}), {restarted} restarts, {len(shop.acknowledged)} acknowledged")
    done.set()
    await asyncio.gather(*hunts, *others, restarting)


def report(board: Board, healed: Healed, found: Findings, *, kills: int, each: int, restarts: int) -> int:
    """Write what happened and what fails a bar, and give the exit code."""
    lines = ["", *board.table(), ""]
    lines += [f"- {what}: {count}" for what, count in sorted(board.troubles.items())]
    lines += [f"- back: {what}: {spread(seconds)}" for what, seconds in sorted(board.back_s.items())]
    lines.append(f"- unknowns resolved after healing, of those the processor knew: {spread(healed.known_s)}")
    lines.append(
        f"- unknowns resolved after healing, of those that had never arrived: {spread(healed.never_arrived_s)}"
    )
    lines += [*(f"- {figure}" for figure in found.figures), ""]
    bars = {**found.bars(), "unknowns left": healed.left}
    if kills >= KILLS and len(healed.known_s) < KNOWN_MIN:
        bars["unknowns to resolve missing"] = [f"{len(healed.known_s)} of {KNOWN_MIN}"]
    if percentile(healed.known_s, 0.99) > RESOLVED_S_MAX:
        bars["unknowns resolved too late"] = [spread(healed.known_s)]
    if not board.reached(kills, each):
        bars["kills missing"] = [f"{len(board.hits)} of {kills}, {each} at each place"]
    if board.troubles["database restarts, immediate"] < restarts:
        bars["database restarts missing"] = [f"fewer than {restarts}"]
    for bar, complaints in bars.items():
        lines += [f"{bar}: {len(complaints)}", *(f"    {complaint}" for complaint in complaints[:SHOWN])]
    sys.stdout.write("\n".join([*lines, *found.known]) + "\n")
    return int(any(bars.values()))


if __name__ == "__main__":
    asked = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    asked.add_argument("kills", nargs="?", type=int, default=KILLS, help=f"{KILLS} unless given")
    sys.exit(asyncio.run(main(asked.parse_args().kills)))
