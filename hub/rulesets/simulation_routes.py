"""`/v1/routing/simulate`: the plan of a payment that is not made."""

from typing import Final

from litestar import post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from hub.access.guards import requires
from hub.access.rules import Caller
from hub.errors import problems
from hub.payments.shell import Shell
from hub.rulesets.simulating import SimulationBody, SimulationRequest, simulate


@post(
    "/v1/routing/simulate",
    guards=[requires("rulesets:read")],
    status_code=200,
    tags=["routing"],
    responses=problems(400, 409, 413, 415, 422),
)
async def simulate_payment(
    data: JSONBody[SimulationRequest], caller: NamedDependency[Caller], shell: NamedDependency[Shell]
) -> SimulationBody:
    """Say what routing would decide of a payment now, and why; charges nothing and stores nothing."""
    return await simulate(shell, caller, data, shell.clock())


HANDLERS: Final = [simulate_payment]
