"""
How a dispute goes on. Pure: what happened so far and what somebody does now decide what Adyen tells next.

Money moves with three events alone, as Adyen books it: CHARGEBACK takes it, CHARGEBACK_REVERSED gives it back,
SECOND_CHARGEBACK takes it again. None comes twice in one dispute.

Source: https://docs.adyen.com/risk-management/disputes-api/dispute-notifications
"""

from typing import Final, Literal, get_args

from msgspec import Struct

from hub.sandbox.adyen.records import Dispute, DisputeStatus

Do = Literal[
    "dispute_charge_back",
    "dispute_win",
    "dispute_lose",
    "dispute_second",
    "dispute_expire",
    "prearbitration_won",
    "prearbitration_lost",
]

ORDERS: Final[tuple[Do, ...]] = get_args(Do)
TAKES: Final = {"CHARGEBACK": 1, "CHARGEBACK_REVERSED": -1, "SECOND_CHARGEBACK": 1}
"""Which way each event moves the money; the others move none."""

NO_MONEY: Final = "it is a request for information, which moves no money: it is answered, or it expires"
OVER: Final = "the dispute is over"
ANSWERED: Final = "the dispute has been answered: its end is dispute_win or dispute_lose"
NOT_REVERSED: Final = "a second chargeback takes what a CHARGEBACK_REVERSED gave back, and none did"
_ENDS: Final = frozenset({"Lost", "Accepted", "Expired"})
_FINAL: Final = frozenset({"PREARBITRATION_WON", "ISSUER_RESPONSE_TIMEFRAME_EXPIRED"})


class Move(Struct, frozen=True):
    """One step: the event that tells of it, and how the dispute stands then."""

    event: str
    status: DisputeStatus


Moves = tuple[Move, ...]


def opened(dispute: Dispute, *, charged: bool) -> Moves:
    """Open a dispute: a request for information, or the notice, with the money at once or later."""
    if dispute.inquiry:
        return (Move("REQUEST_FOR_INFORMATION", dispute.status),)
    supplied = (Move("INFORMATION_SUPPLIED", "Pending"),) if dispute.auto_defended else ()
    taken = (Move("CHARGEBACK", dispute.status),) if charged else ()
    return (Move("NOTIFICATION_OF_CHARGEBACK", dispute.status), *supplied, *taken)


def ordered(dispute: Dispute, do: Do, *, won: DisputeStatus = "Won") -> Moves | str:
    """
    Carry out an order; a string says why not.

    *won* is what a CHARGEBACK_REVERSED says of the dispute: Adyen's page has Pending too, since it is not the end.
    """
    if do == "dispute_expire":
        return expired(dispute)
    if dispute.inquiry:
        return NO_MONEY
    if _is_over(dispute):
        return OVER
    match do:
        case "dispute_charge_back":
            return (Move("CHARGEBACK", dispute.status),) if not dispute.charged else OVER
        case "dispute_win":
            return OVER if dispute.reversed else (*_charge(dispute), Move("CHARGEBACK_REVERSED", won))
        case "dispute_lose":
            return _lost(dispute)
        case "dispute_second":
            return (Move("SECOND_CHARGEBACK", "Lost"),) if dispute.reversed else NOT_REVERSED
        case "prearbitration_won":
            back = () if dispute.reversed else (*_charge(dispute), Move("CHARGEBACK_REVERSED", "Pending"))
            return (*back, Move("PREARBITRATION_WON", "Won"))
        case "prearbitration_lost":
            gone = (Move("SECOND_CHARGEBACK", "Lost"),) if dispute.reversed else _charge(dispute)
            return (*gone, Move("PREARBITRATION_LOST", "Lost"))


def expired(dispute: Dispute) -> Moves | str:
    """Let time run out: the merchant's to answer, or the bank's to insist after it gave the money back."""
    if _is_over(dispute):
        return OVER
    if dispute.reversed:
        return (Move("ISSUER_RESPONSE_TIMEFRAME_EXPIRED", "Won"),)
    if dispute.status == "Unresponded":
        return (Move("DISPUTE_DEFENSE_PERIOD_ENDED", "Expired"),)
    if dispute.status == "Undefended":
        return (*_charge(dispute), Move("DISPUTE_DEFENSE_PERIOD_ENDED", "Lost"))
    return ANSWERED


def accepted(dispute: Dispute) -> Moves:
    """Leave the money to the payer, before the bank has taken it or after."""
    taken = () if dispute.charged else (Move("CHARGEBACK", "Accepted"),)
    return (*taken, Move("DISPUTE_DEFENSE_PERIOD_ENDED", "Accepted"))


def defended(dispute: Dispute) -> Moves:
    """Answer the bank."""
    return (Move("INFORMATION_SUPPLIED", "Responded" if dispute.inquiry else "Pending"),)


def waits(dispute: Dispute) -> bool:
    """Tell whether the merchant may still answer."""
    return dispute.status in {"Unresponded", "Undefended"}


def _lost(dispute: Dispute) -> Moves:
    if dispute.reversed:
        return (Move("SECOND_CHARGEBACK", "Lost"),)
    if dispute.status == "Undefended":
        return (*_charge(dispute), Move("DISPUTE_DEFENSE_PERIOD_ENDED", "Lost"))
    # Adyen gives the money back once it has passed a defence on; a bank that refuses it takes the money again.
    return (*_charge(dispute), Move("CHARGEBACK_REVERSED", "Pending"), Move("SECOND_CHARGEBACK", "Lost"))


def _charge(dispute: Dispute) -> Moves:
    return () if dispute.charged else (Move("CHARGEBACK", dispute.status),)


def _is_over(dispute: Dispute) -> bool:
    """A won dispute is not over before the bank's time is: it can still take the money a second time."""
    return dispute.status in _ENDS or bool(_FINAL & set(dispute.events))
