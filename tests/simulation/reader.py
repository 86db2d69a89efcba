"""An application that reads the hub's events page by page: by their position, and never back."""

import asyncio
from typing import TYPE_CHECKING, Final

from hub.events import store
from hub.events.store import Wanted
from tests.simulation.database import is_away
from tests.simulation.instance import GoneError

if TYPE_CHECKING:
    from tests.simulation.world import World

PAGE: Final = 40
EVERY_S: Final = 60.0
RARELY_S: Final = 40_000.0


class Reader:
    """Remembers the last position that it was shown, as a consumer does."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._seen: list[str] = []
        self._after = 0

    async def read_on(self) -> None:
        """Read whenever there may be something new, more rarely as time goes by."""
        wait_s = EVERY_S
        while True:
            await asyncio.sleep(wait_s * self._world.random.random())
            wait_s = min(wait_s * 1.3, RARELY_S)
            await self._page()

    async def finish(self) -> None:
        """Read to the end."""
        while await self._page():
            pass

    async def _page(self) -> bool:
        server = self._world.any_server()
        if server is None:
            return False
        wanted = Wanted(livemode=False, after=self._after)
        try:
            rows, _ = await server.ask(store.published(server.shell.database, wanted, PAGE))
        except GoneError:
            return False
        except Exception as failure:  # noqa: BLE001 - what the route answers with a 5xx
            if not is_away(failure):
                self._world.failed("a page of events ended in a 500", failure)
            return False
        self._seen += [row["id"] for row in rows]
        self._after = rows[-1]["position"] if rows else self._after
        return bool(rows)

    def missed(self) -> list[str]:
        """Say which events were never shown, or shown twice."""
        written = {row[0] for row in self._world.store.rows("SELECT id FROM events")}
        missed = sorted(written - set(self._seen))
        twice = len(self._seen) - len(set(self._seen))
        return [f"8: who reads by position never saw {missed}, and {twice} twice"] if missed or twice else []
