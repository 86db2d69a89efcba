"""What `hub doctor` says of the keys that seal: one that is missing, and what still needs one that could go."""

from collections import Counter
from typing import Final

from hub.database import Database
from hub.doctor_findings import Finding, good, wrong
from hub.key_rotation.service import census, left
from hub.key_rotation.store import UNREADABLE
from hub.sealing import Sealer

CHECK: Final = "sealed values"


async def look_at_keys(database: Database, sealer: Sealer) -> Finding:
    """Look at which keys wrap what is sealed."""
    found = await census(database, sealer)
    rest, active = Counter[str](), sealer.key_ids[0]
    for one in left(found, sealer):
        rest[one.key_id] += one.values
    told = ", ".join(f"{values} with {key_id or 'no key that can be read'}" for key_id, values in sorted(rest.items()))
    if any(key_id not in sealer.key_ids for key_id in rest):
        mend = "put the missing key back into HUB_KEYS, behind the first"
        if UNREADABLE in rest:
            mend = "`hub keys rotate` names the rows; send what they hold anew, or restore them from a backup"
        return wrong(CHECK, f"some do not open: {told}", mend)
    if rest:
        return good(CHECK, f"not all with {active}: {told}", "`hub keys rotate` frees from the old keys")
    total = sum(one.values for one in found)
    spare = ", ".join(sealer.key_ids[1:])
    free = f"; nothing needs {spare} any more" if spare else ""
    return good(CHECK, f"{total}, all with {active}{free}")
