import pytest
from litestar import Litestar, get
from litestar.di import NamedDependency, Provide
from litestar.testing import AsyncTestClient

from hub.access.guards import provide_caller, requires
from hub.access.rules import Caller
from hub.errors import HANDLERS, ProblemError
from hub.limits import RateLimiter
from hub.redis import SharedMemory


class Door:
    """Knows two callers by their names."""

    async def authenticate(self, header: str | None) -> Caller:
        if header not in {"reader", "stranger"}:
            raise ProblemError("unauthorized", "who are you")
        scopes = frozenset({"payments:read"} if header == "reader" else ())
        return Caller(key_id=header, principal=header, role=None, scopes=scopes, livemode=False)


@get("/guarded", guards=[requires("payments:read")])
async def guarded(caller: NamedDependency[Caller]) -> str:
    return caller.key_id


@get("/before", before_request=requires("payments:read"))
async def before(caller: NamedDependency[Caller]) -> str:
    return caller.key_id


@pytest.mark.parametrize("path", ["/guarded", "/before"])
@pytest.mark.parametrize(("who", "status"), [("reader", 200), ("stranger", 403), ("nobody", 401)])
async def test_only_who_may_comes_in_by_either_door(path: str, who: str, status: int) -> None:
    provided = {"caller": Provide(provide_caller, sync_to_thread=False)}
    app = Litestar([guarded, before], dependencies=provided, exception_handlers=HANDLERS)
    app.state.update({"api_keys": Door(), "limiter": RateLimiter(SharedMemory(None), 100)})

    async with AsyncTestClient(app) as client:
        answer = await client.get(path, headers={"authorization": who})

    assert answer.status_code == status


def test_a_scope_that_does_not_exist_is_noticed_at_the_start() -> None:
    with pytest.raises(ValueError, match="'payments:steal' is no scope"):
        requires("payments:steal")
