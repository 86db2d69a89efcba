"""Answering a dispute: write down what is to be sent, send it, write down what came of it.

What may have arrived is sent again until it is known: adapters promise that this does nothing twice.
"""

from collections.abc import Sequence
from functools import partial
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from adapters.abilities import AcceptDispute, DefendsDisputes, SubmitEvidence
from hub.access.rules import Caller
from hub.access.store import AUDIT, audit_row
from hub.database import ConflictError
from hub.disputes import store, submissions
from hub.disputes.asking import known_of, refusal
from hub.disputes.closing import Closing
from hub.disputes.evidence import Evidence
from hub.disputes.recording import commit, place_of
from hub.disputes.submissions import Waiting
from hub.disputes.values import DECIDED, Case, Dispute, SubmissionKind, SubmissionStatus, Told
from hub.errors import ProblemError
from hub.idempotency.service import Reply, look_up
from hub.idempotency.store import Key, find_key
from hub.ids import new_id
from hub.payments.answers import ACCEPTED, OK
from hub.payments.asking import Refused
from hub.payments.recording import patiently
from hub.payments.shell import Shell, ask
from normalization.disputes import AnswerRefused, DisputeReport, DisputeStatus
from routing.failover import Failure

AGAIN_AFTER_S: Final = (5, 15, 60, 300, 1_800, 7_200, 28_800, 86_400)
"""How long after each sending without an answer the next one comes; after the last a human must look."""
UNDER_WAY_RETRY_S: Final = 5


class Wish(Struct, frozen=True, kw_only=True):
    """Who wants which dispute answered, with what and under which key."""

    kind: SubmissionKind
    dispute_id: str
    caller: Caller
    key: Key
    request_id: str
    evidence: Evidence = Evidence()


async def submit(shell: Shell, wish: Wish) -> Reply:
    """Answer a dispute.

    Raises:
        ProblemError: not_found, dispute_decided, dispute_answered, dispute_not_defendable, dispute_past_due,
            dispute_answer_under_way, idempotency_in_progress, idempotency_key_reused; nothing was sent and nothing is
            stored.
    """
    livemode = wish.caller.livemode
    known = await look_up(shell.database, wish.key, livemode=livemode)
    if known is not None:
        return known
    dispute = await find(shell, wish.caller, wish.dispute_id)
    await _check_ability(shell, dispute)
    waiting = Waiting(
        id=new_id(submissions.PREFIX),
        livemode=livemode,
        dispute_id=dispute.id,
        kind=wish.kind,
        idempotency_key=wish.key.key,
        tries=0,
        created_at=shell.clock(),
    )
    try:
        told = await _open(shell, wish, dispute, waiting)
    except ConflictError:
        told = Refused("dispute_answer_under_way", "another answer to this dispute is on its way")
    if isinstance(told, Refused):
        known = await look_up(shell.database, wish.key, livemode=livemode)  # It may be this very wish, come twice.
        if known is not None:
            return known
        wait_s = UNDER_WAY_RETRY_S if told.code == "dispute_answer_under_way" else None
        raise ProblemError(told.code, told.detail, retry_after=wait_s)
    await send(shell, dispute, waiting, wish.evidence, told)
    stored = await patiently(partial(find_key, shell.database, livemode, wish.key.key))
    if stored is None or stored.status is None or stored.answer is None:
        raise LookupError(f"{waiting.id} has no answer")  # It is committed with what came of it.
    return Reply(status=stored.status, body=stored.answer, location=wish.key.location)


async def find(shell: Shell, caller: Caller, dispute_id: str) -> Dispute:
    """Read a dispute that *caller* may see.

    Raises:
        ProblemError: not_found.
    """
    async with shell.database.reading() as connection:
        dispute = await store.read(connection, caller.livemode, dispute_id)
    if dispute is None or not caller.may_use(dispute.merchant_account):
        raise ProblemError("not_found", "there is no such dispute")
    return dispute


async def _check_ability(shell: Shell, dispute: Dispute) -> None:
    connected = await shell.directory.find(dispute.merchant_account)
    if connected is None or not isinstance(connected.adapter, DefendsDisputes):
        detail = f"disputes at {dispute.processor} are answered there, not through the hub"
        raise ProblemError("dispute_not_defendable", detail)


async def _open(shell: Shell, wish: Wish, dispute: Dispute, waiting: Waiting) -> DisputeReport | Refused:
    """Commit what is to be sent, unless the dispute as it now stands takes no answer; returns what is known of it.

    Where the connection is lost in the commit, the worker sends what was committed when its lease has ended.
    """
    at = shell.clock()
    row = {
        "id": waiting.id,
        "livemode": waiting.livemode,
        "dispute_id": dispute.id,
        "kind": wish.kind,
        "idempotency_key": wish.key.key,
        "requested_by": wish.caller.principal,
        "key_id": wish.caller.key_id,
        "created_at": at,
    }
    audit = audit_row(
        wish.caller,
        f"dispute.{wish.kind}",
        dispute.payment_id,
        {"dispute": dispute.id, "submission": waiting.id},
        livemode=waiting.livemode,
        at=at,
        request_id=wish.request_id,
    )
    async with shell.database.transaction() as connection:
        held = await store.hold(connection, place_of(dispute))
        refused = refusal(held.dispute or dispute, wish.kind, at)
        if refused is not None:
            return refused
        await submissions.add(connection, row, wish.evidence, wish.key, shell.sealer, shell.lease_s)
        await connection.execute(AUDIT, audit)
    return _known(held)


def _known(held: store.Held) -> DisputeReport:
    if held.dispute is None:
        raise LookupError("the dispute is gone")  # Disputes are never deleted.
    words = tuple(told.report for told in held.history)
    return known_of(held.dispute, Case(words=words, movements=held.movements))


async def send(shell: Shell, dispute: Dispute, waiting: Waiting, evidence: Evidence, known: DisputeReport) -> None:
    """Send a submission, and commit what came of it."""
    told = await _sent(shell, dispute, waiting, evidence, known)
    closing = _closing(shell, waiting, told)
    asked_again = isinstance(told, Failure) and waiting.tries > 0
    if asked_again and await patiently(partial(_shows, shell, dispute, waiting)):
        closing = replace(closing, status=SubmissionStatus.DONE, http_status=OK, due_s=None)
    report = told if isinstance(told, DisputeReport) else None
    await commit(shell, place_of(dispute), report, "answer", closing)


async def resend(shell: Shell, waiting: Waiting) -> None:
    """Send once more what the worker has claimed, unless it was meant for a stage that the dispute has left since."""
    async with shell.database.reading() as connection:
        dispute = await store.read(connection, waiting.livemode, waiting.dispute_id)
        evidence = await submissions.evidence_of(connection, waiting.id, shell.sealer)
        if dispute is None or evidence is None:
            return  # It has ended meanwhile.
        history = await store.history_of(connection, dispute.id)
        words = tuple(told.report for told in history)
        case = Case(words=words, movements=tuple(await store.movements_of(connection, dispute.id)))
    if _has_gone_on(dispute, history, waiting):
        stage = dispute.standing.stage
        why = f"whether {waiting.id} ({waiting.kind}) arrived is not known, and it is not sent again: that would answer"
        closing = _closing(shell, waiting, Failure.UNKNOWN)
        closing = replace(closing, status=SubmissionStatus.EXCEPTION, due_s=None, why=f"{why} the {stage} instead")
        await commit(shell, place_of(dispute), None, "answer", closing)
        return
    await send(shell, dispute, waiting, evidence, known_of(dispute, case))


def _has_gone_on(dispute: Dispute, history: Sequence[Told], waiting: Waiting) -> bool:
    """Whether the dispute has come to a further stage since *waiting* was asked for, as the first word came before."""
    then = {told.report.stage for told in history if told.recorded_at <= waiting.created_at}
    return dispute.standing.stage not in then | {told.report.stage for told in history[:1]}


async def _shows(shell: Shell, dispute: Dispute, waiting: Waiting) -> bool:
    """Whether the dispute, as others have told of it meanwhile, has the answer, or waits for none any more."""
    async with shell.database.reading() as connection:
        read = await store.read(connection, dispute.livemode, dispute.id)
    now = read.standing.status if read is not None else dispute.standing.status
    if waiting.kind == "accept":
        return now in DECIDED
    return now in DECIDED or now is DisputeStatus.UNDER_REVIEW


async def _sent(
    shell: Shell, dispute: Dispute, waiting: Waiting, evidence: Evidence, known: DisputeReport
) -> DisputeReport | AnswerRefused | Failure:
    connected = shell.directory.connected(dispute.merchant_account)
    if connected is None or not isinstance(connected.adapter, DefendsDisputes):
        return Failure.CONFIGURATION
    if waiting.kind == "accept":
        call = connected.adapter.accept_dispute(AcceptDispute(operation_id=waiting.id, told=known))
    else:
        said = SubmitEvidence(
            operation_id=waiting.id, told=known, text=evidence.text, defense=evidence.defense, files=evidence.files
        )
        call = connected.adapter.submit_evidence(said)
    # Not counted in the account's health: files are slow, and at some processors disputes have a server of their own.
    return await ask(call, shell.settings.request_ms / 1000)


def _closing(shell: Shell, waiting: Waiting, told: DisputeReport | AnswerRefused | Failure) -> Closing:
    closing = Closing(
        submission_id=waiting.id,
        livemode=waiting.livemode,
        idempotency_key=waiting.idempotency_key,
        status=SubmissionStatus.DONE,
        http_status=OK,
    )
    if isinstance(told, DisputeReport):
        return closing
    if isinstance(told, AnswerRefused):
        return replace(closing, status=SubmissionStatus.REFUSED, refusal=told)
    if waiting.tries >= len(AGAIN_AFTER_S):
        why = f"what became of {waiting.id} ({waiting.kind}) could not be found out; look at the processor's own pages"
        return replace(closing, status=SubmissionStatus.EXCEPTION, http_status=ACCEPTED, why=why)
    seconds = AGAIN_AFTER_S[waiting.tries] * shell.settings.inquiry_first_ms / 5_000
    return replace(closing, status=SubmissionStatus.UNKNOWN, http_status=ACCEPTED, due_s=seconds)
