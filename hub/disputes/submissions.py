"""All SQL of submissions but what closes them; the caller owns the transaction where a connection is taken."""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

import msgspec
from msgspec import Struct
from sqlalchemy import Float, RowMapping, bindparam, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.abilities import EvidenceFile
from hub.database import Database, in_seconds
from hub.disputes.evidence import Evidence
from hub.disputes.tables import dispute_files, dispute_submissions
from hub.disputes.values import SubmissionKind, SubmissionStatus
from hub.due_rows import claim_due
from hub.idempotency.store import INSERT_KEY, Key, key_values
from hub.ids import new_id
from hub.sealing import Sealer

PREFIX: Final = "dps_"


class Waiting(Struct, frozen=True, kw_only=True):
    """A submission as far as whoever sends it, or sends it again, needs it; `tries` counts the repetitions."""

    id: str
    livemode: bool
    dispute_id: str
    kind: SubmissionKind
    idempotency_key: str
    tries: int
    created_at: datetime


class Asked(Struct, frozen=True, kw_only=True):
    """What of the evidence is sealed into the submission's own row."""

    text: str | None = None
    defense: str | None = None


class Sealed(Struct, frozen=True):
    """What is to be sent as it is kept: the request, and a row of `dispute_files` for each file."""

    request: bytes
    files: tuple[Mapping[str, Any], ...]


async def sealed(submission_id: str, evidence: Evidence, sealer: Sealer) -> Sealed:
    """Seal what is to be sent, beside the loop: files are large."""
    asked = msgspec.json.encode(Asked(text=evidence.text, defense=evidence.defense))

    def seal() -> Sealed:
        files = tuple(_file_row(submission_id, file, sealer) for file in evidence.files)
        return Sealed(sealer.seal(asked, request_identity(submission_id)), files)

    return await asyncio.to_thread(seal)


async def add(connection: AsyncConnection, row: Mapping[str, Any], evidence: Sealed, key: Key, lease_s: float) -> None:
    """Write down what is about to be sent; the worker sends it when the lease has ended without an answer.

    Raises:
        ConflictError: by the transaction, when the key is taken or another submission is under way.
    """
    await connection.execute(INSERT_KEY, key_values(key, row["id"], row["livemode"], row["created_at"]))
    due_at = in_seconds(bindparam("lease_s", lease_s, type_=Float))
    values = {**row, "request": evidence.request, "tries": 0, "due_at": due_at}
    await connection.execute(insert(dispute_submissions).values(status=SubmissionStatus.SENDING, **values))
    for file in evidence.files:
        await connection.execute(insert(dispute_files).values(file))


def _file_row(submission_id: str, file: EvidenceFile, sealer: Sealer) -> dict[str, Any]:
    id_ = new_id("dpf_")
    return {
        "id": id_,
        "submission_id": submission_id,
        "name": file.name,
        "content_type": file.content_type,
        "purpose": file.purpose,
        "size_bytes": len(file.content),
        "sha256": sha256(file.content).hexdigest(),
        "content": sealer.seal(file.content, file_identity(id_)),
    }


def request_identity(submission_id: str) -> str:
    """Name what a submission's request is sealed for."""
    return f"dispute_submissions:{submission_id}:request"


def file_identity(file_id: str) -> str:
    """Name what a file is sealed for."""
    return f"dispute_files:{file_id}:content"


async def claim(database: Database, most: int, lease_s: float) -> list[Waiting]:
    """Take at most *most* that are due, the longest due first; nobody else gets them for *lease_s*."""
    return [_waiting(row) for row in await claim_due(database, dispute_submissions, most, lease_s)]


def _waiting(row: RowMapping) -> Waiting:
    return Waiting(**{name: row[name] for name in Waiting.__struct_fields__})


async def evidence_of(connection: AsyncConnection, submission_id: str, sealer: Sealer) -> Evidence | None:
    """Open what is to be sent; None: it has ended and was forgotten."""
    wanted = select(dispute_submissions.c.request).where(dispute_submissions.c.id == submission_id)
    sealed = await connection.scalar(wanted)
    if sealed is None:
        return None
    asked = msgspec.json.decode(sealer.open(sealed, request_identity(submission_id)), type=Asked)
    files = select(dispute_files).where(dispute_files.c.submission_id == submission_id).order_by(dispute_files.c.id)
    rows = (await connection.execute(files)).mappings().all()
    return Evidence(
        text=asked.text,
        defense=asked.defense,
        files=tuple(
            EvidenceFile(
                name=row["name"],
                content_type=row["content_type"],
                content=sealer.open(row["content"], file_identity(row["id"])),
                purpose=row["purpose"],
            )
            for row in rows
            if row["content"] is not None
        ),
    )
