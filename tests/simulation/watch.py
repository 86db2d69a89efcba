"""What is seen only at the moment: who takes what in hand, who declares what, and what was heard and not written down.

Another net may mend any of it before the end, so that the end would not tell.
"""

from collections.abc import Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

if TYPE_CHECKING:
    import sqlite3

    from tests.simulation.instance import Instance
    from tests.simulation.world import World

_OPEN: Final = frozenset({"sending", "unknown", "requires_action", "pending"})
_DECLARED: Final = frozenset({"unknown", "not_sent", "declined"})
"""What the hub itself says of an operation, and nobody may who has lost it to another."""
_CLOCKS_US: Final = 10_000
_SOURCE: Final = {"challenge.call": "return", "inquiry.call": "inquiry"}
_WRITTEN_WITHIN_S: Final = 10.0
"""How long an answer may be in memory alone, by a process that does not stand still."""


class _Hand(Struct, frozen=True):
    """Which operation a request has in hand, since it sent it or took it, and by which fence."""

    operation: str
    fence: int


_HAND: Final[ContextVar[_Hand | None]] = ContextVar("hand", default=None)


class _Heard(Struct, eq=False):
    """An answer that a process has and has not written down yet."""

    owner: "Instance"
    operation: str
    source: str


_ANSWER: Final[ContextVar[_Heard | None]] = ContextVar("answer", default=None)
"""What the running request was told last."""


class Watch:
    """Looks on as commits are made and answers come in."""

    def __init__(self, world: "World") -> None:
        self.wished: set[int] = set()
        """The payments that are to be canceled as soon as it can be."""
        self._world = world
        self._heard: list[_Heard] = []
        self._unwanted: dict[str, bool] = {}

    def before(self, step: str, cursor: "sqlite3.Cursor", values: Mapping[str, Any]) -> str | None:
        """Look at what is about to be taken in hand; gives what is wrong with it, if the commit comes about."""
        if step != "inquiry.claim":
            return None
        found = cursor.execute("SELECT status, lease_until FROM operations WHERE id = ?", (values["o_id"],)).fetchone()
        if found is None or found[0] not in _OPEN:
            return f"hands: {values['o_id']} was taken in hand though it had ended: {found}"
        if found[1] > self._world.now_us() + _CLOCKS_US:
            return f"hands: {values['o_id']} was taken in hand while somebody else had it"
        return None

    def committed(self, step: str, values: Mapping[str, Any], life: int | None) -> None:
        """Look at what was just committed."""
        if step == "inquiry.claim":
            self._claims(values["o_id"])
            _HAND.set(_Hand(values["o_id"], values["fence_read"] + 1))
        elif values.get("o_lease_s"):  # Opened, to be sent.
            _HAND.set(_Hand(values["o_id"], 1))
        if step == "wish.t1" and life is not None:
            self.wished.add(life)
        if step == "refund.t1":
            self._refund(values)
        if "r_source" in values:
            self._written(values)

    def _claims(self, operation: str) -> None:
        """Whoever takes it in hand reads next what is wanted of it: by then a wish to cancel can be known."""
        if self.wished:
            ((canceling,),) = self._world.store.rows(
                "SELECT canceling FROM payments JOIN operations o ON payments.id = o.payment_id WHERE o.id = ?",
                operation,
            )
            self._unwanted[operation] = bool(canceling)

    def _refund(self, values: Mapping[str, Any]) -> None:
        rows = self._world.store.rows(
            "SELECT captured_minor, refunding_minor + refunded_minor + refunded_externally_minor FROM payments"
            " WHERE id = ?",
            values["p_id"],
        )
        if rows and rows[0][1] > rows[0][0]:
            self._world.violated(f"2: {values['o_id']} is to give back what is not left: {rows[0][1]} of {rows[0][0]}")

    def _written(self, values: Mapping[str, Any]) -> None:
        operation, source = values["r_operation_id"], values["r_source"]
        answer = _ANSWER.get()
        if answer in self._heard and (answer.operation, answer.source) == (operation, source):
            self._heard.remove(answer)
        hand = _HAND.get()
        if source == "hub" and values.get("o_status") in _DECLARED and hand is not None and hand.operation == operation:
            ((fence,),) = self._world.store.rows("SELECT fence FROM operations WHERE id = ?", operation)
            if fence != hand.fence:
                self._world.violated(f"hands: {operation} is {values['o_status']}, says who had lost it to another")

    def hears(self, owner: "Instance", step: str, operation: str) -> None:
        """A process got a processor's answer about *operation*: whatever it says, it has to be written down."""
        heard = _Heard(owner, operation, _SOURCE.get(step, "answer"))
        self._heard.append(heard)
        _ANSWER.set(heard)
        self._look_again(heard, _WRITTEN_WITHIN_S)

    def _look_again(self, heard: _Heard, seconds: float) -> None:
        self._world.loop.call_later(seconds, self._is_written, heard)

    def _is_written(self, heard: _Heard) -> None:
        """An answer must have been written down by now, unless its process stands still or was killed."""
        if heard not in self._heard:
            return
        if heard.owner.dead:
            self._heard.remove(heard)
        elif (left_s := heard.owner.stands_still_s()) > 0:
            self._look_again(heard, left_s + _WRITTEN_WITHIN_S)
        else:
            self._heard.remove(heard)
            self._world.violated(
                f"outcome: what {heard.owner.name} heard of {heard.operation} ({heard.source}) was never written down"
            )

    def replays(self, operation: str, life: int) -> None:
        """A charge is sent once more, to find out what became of it."""
        if self._unwanted.get(operation):
            self._world.violated(
                f"cancel: {operation} of {life} is sent again though its cancellation was accepted before"
            )

    def broken_off(self, step: str, operation: str) -> None:
        """A call ended because its caller hung up."""
        self._world.violated(f"hanging up: {step} of {operation} was broken off by its caller")
