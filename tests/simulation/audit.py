"""The audit log's chain, sealed by the hub's own job, and verified as its command does."""

from typing import TYPE_CHECKING

from hub.audit.jobs import seal_audit
from hub.audit.verifying import verify

if TYPE_CHECKING:
    from tests.simulation.instance import Instance


async def sealed(process: "Instance") -> list[str]:
    """Seal what is not sealed, and say what does not hold."""
    while await process.ask(seal_audit(process.shell)):
        pass
    verdict = await process.ask(verify(process.shell.database))
    told = [] if verdict.ok else [f"9: the audit log's chain does not hold: {verdict.broken}"]
    ((rows,),) = process.world.store.rows("SELECT count(*) FROM audit_log")
    if verdict.unsealed or verdict.head.position != rows:
        told.append(f"9: {rows} rows in the audit log, {verdict.head.position} chained, {verdict.unsealed} not")
    return told
