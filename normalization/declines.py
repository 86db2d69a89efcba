"""Why a payment was refused, in one vocabulary for every processor.

A code says what happened, its category whose move it is, its advice what to do next. The raw codes are always kept.
"""

from enum import StrEnum
from typing import Final

from msgspec import Struct


class Category(StrEnum):
    """Whose move it is after a decline."""

    SOFT = "soft"  # The same method may work later.
    HARD = "hard"  # The same method will not work until something about it changes.
    FRAUD = "fraud"  # Suspicion or block: no machine tries the same method again.
    AUTHENTICATION = "authentication"  # The payer must confirm.
    CONFIGURATION = "configuration"  # Our side or the request is wrong; costs the payer no attempt.
    PROCESSOR_ERROR = "processor_error"  # The processor or the network failed.


class Advice(StrEnum):
    """What to do next."""

    NEVER = "never"
    AFTER_DELAY = "after_delay"
    NEW_PAYMENT_METHOD = "new_payment_method"
    WITH_3DS = "with_3ds"
    ANOTHER_PROCESSOR = "another_processor"


class DeclineCode(StrEnum):
    """The canonical reasons."""

    INSUFFICIENT_FUNDS = "insufficient_funds"
    LIMIT_EXCEEDED = "limit_exceeded"
    ISSUER_UNAVAILABLE = "issuer_unavailable"
    DO_NOT_HONOR = "do_not_honor"
    GENERIC_DECLINE = "generic_decline"
    CALL_ISSUER = "call_issuer"
    EXPIRED_CARD = "expired_card"
    INVALID_CARD_NUMBER = "invalid_card_number"
    INCORRECT_CVC = "incorrect_cvc"
    INCORRECT_ADDRESS = "incorrect_address"
    ACCOUNT_CLOSED = "account_closed"
    CARD_NOT_SUPPORTED = "card_not_supported"
    TRANSACTION_NOT_PERMITTED = "transaction_not_permitted"
    RESTRICTED_CARD = "restricted_card"
    LOST_OR_STOLEN_CARD = "lost_or_stolen_card"
    CREDENTIALS_UPDATED = "credentials_updated"
    RECURRING_STOPPED = "recurring_stopped"
    TOKEN_INVALID = "token_invalid"  # noqa: S105 - a saved card, not a password
    RETRY_LIMIT_REACHED = "retry_limit_reached"
    SUSPECTED_FRAUD = "suspected_fraud"
    BLOCKED_BY_RISK_RULE = "blocked_by_risk_rule"
    COMPLIANCE_REFUSED = "compliance_refused"
    AUTHENTICATION_REQUIRED = "authentication_required"
    AUTHENTICATION_FAILED = "authentication_failed"
    AUTHENTICATION_UNAVAILABLE = "authentication_unavailable"
    CUSTOMER_CANCELLED = "customer_cancelled"
    PIN_ERROR = "pin_error"
    INVALID_AMOUNT = "invalid_amount"
    CURRENCY_NOT_SUPPORTED = "currency_not_supported"
    MERCHANT_CONFIGURATION_ERROR = "merchant_configuration_error"
    INVALID_REQUEST = "invalid_request"
    UNSUPPORTED_OPERATION = "unsupported_operation"
    DUPLICATE_TRANSACTION = "duplicate_transaction"
    PROCESSOR_ERROR = "processor_error"
    OUTCOME_UNKNOWN = "outcome_unknown"


class Decline(Struct, frozen=True, kw_only=True):
    """One refusal: the canonical code and the raw codes it was decided from, verbatim.

    `network` is the card's network in the hub's words ("visa"), where the processor tells it: what the network's codes
    mean depends on it. `stop`: the processor itself said never to try this card again.
    """

    code: DeclineCode
    processor_code: str  # "card_declined/insufficient_funds" at Stripe, "12" at Adyen.
    network_code: str | None = None  # ISO 8583 field 39 as the network said it: "51".
    network_advice_code: str | None = None  # Mastercard merchant advice code: "03".
    processor_advice: str | None = None  # The processor's own advice, verbatim: "do_not_try_again" at Stripe.
    network: str | None = None
    stop: bool = False


class Meaning(Struct, frozen=True):
    """What follows from a canonical code.

    `delay_hours` is the shortest wait before the same method is tried again, None where waiting does not help.
    `failover`: may another processor be tried within the same request. `message` is for the payer and never tells a
    suspicion.
    """

    category: Category
    advice: Advice
    alternatives: tuple[Advice, ...]
    delay_hours: int | None
    message: str
    failover: bool = False


_S, _H, _F = Category.SOFT, Category.HARD, Category.FRAUD
_A, _C, _P = Category.AUTHENTICATION, Category.CONFIGURATION, Category.PROCESSOR_ERROR
_NEVER, _LATER, _OTHER = Advice.NEVER, Advice.AFTER_DELAY, Advice.NEW_PAYMENT_METHOD
_3DS, _ELSEWHERE = Advice.WITH_3DS, Advice.ANOTHER_PROCESSOR

_DECLINED: Final = "The payment was declined. Another payment method may work."
_OUR_FAULT: Final = "The payment could not be made. This is not your card's fault; we are looking into it."

MEANING: Final[dict[DeclineCode, Meaning]] = {
    DeclineCode.INSUFFICIENT_FUNDS: Meaning(
        _S, _LATER, (_OTHER, _ELSEWHERE), 24, "The account did not hold enough money for this payment."
    ),
    DeclineCode.LIMIT_EXCEEDED: Meaning(_S, _LATER, (_OTHER,), 24, "The card's spending limit is reached."),
    DeclineCode.ISSUER_UNAVAILABLE: Meaning(
        _S, _LATER, (_ELSEWHERE,), 1, "The card's bank did not answer. Trying again later may work.", failover=True
    ),
    DeclineCode.DO_NOT_HONOR: Meaning(
        _S,
        _LATER,
        (_OTHER, _ELSEWHERE),
        48,
        "The card's bank refused and gave no reason; it can tell you more.",
        failover=True,
    ),
    DeclineCode.GENERIC_DECLINE: Meaning(_S, _LATER, (_OTHER, _ELSEWHERE), 48, _DECLINED, failover=True),
    DeclineCode.CALL_ISSUER: Meaning(
        _S, _OTHER, (_LATER,), 72, "The card's bank wants to hear from you before it pays."
    ),
    DeclineCode.EXPIRED_CARD: Meaning(_H, _OTHER, (_LATER,), 24, "The card is past its expiry date."),
    DeclineCode.INVALID_CARD_NUMBER: Meaning(_H, _OTHER, (), None, "This card number does not exist."),
    DeclineCode.INCORRECT_CVC: Meaning(_H, _OTHER, (), None, "The card's security code was wrong."),
    DeclineCode.INCORRECT_ADDRESS: Meaning(_H, _OTHER, (), None, "The bank knows another address for this card."),
    DeclineCode.ACCOUNT_CLOSED: Meaning(_H, _OTHER, (), None, "The account behind this card is closed or missing."),
    DeclineCode.CARD_NOT_SUPPORTED: Meaning(
        _H, _OTHER, (_ELSEWHERE,), None, "Cards of this kind cannot be used for this payment.", failover=True
    ),
    DeclineCode.TRANSACTION_NOT_PERMITTED: Meaning(
        _H, _OTHER, (), None, "The card's bank does not permit this kind of payment."
    ),
    DeclineCode.RESTRICTED_CARD: Meaning(
        _H, _OTHER, (_LATER,), 72, "The card is restricted; its bank can tell you more."
    ),
    DeclineCode.LOST_OR_STOLEN_CARD: Meaning(_F, _NEVER, (_OTHER,), None, _DECLINED),
    DeclineCode.CREDENTIALS_UPDATED: Meaning(
        _H, _OTHER, (_LATER,), 1, "The card was renewed. Please enter its new details."
    ),
    DeclineCode.RECURRING_STOPPED: Meaning(
        _H, _NEVER, (_OTHER,), None, "The card's bank was told to stop these payments."
    ),
    DeclineCode.TOKEN_INVALID: Meaning(
        _H, _OTHER, (_ELSEWHERE,), None, "The saved card can no longer be used. Please enter it again.", failover=True
    ),
    DeclineCode.RETRY_LIMIT_REACHED: Meaning(
        _H,
        _NEVER,
        (_OTHER,),
        None,
        "This card may not be tried again. Please use another payment method.",
    ),
    DeclineCode.SUSPECTED_FRAUD: Meaning(_F, _OTHER, (_3DS,), None, _DECLINED),
    DeclineCode.BLOCKED_BY_RISK_RULE: Meaning(_F, _NEVER, (_OTHER,), None, _DECLINED),
    DeclineCode.COMPLIANCE_REFUSED: Meaning(_H, _NEVER, (), None, "This payment cannot be taken."),
    DeclineCode.AUTHENTICATION_REQUIRED: Meaning(
        _A, _3DS, (_OTHER,), None, "The card's bank asks you to confirm this payment."
    ),
    DeclineCode.AUTHENTICATION_FAILED: Meaning(
        _A,
        _3DS,
        (_OTHER,),
        None,
        "The payment was not confirmed. You may confirm it again or use another card.",
    ),
    DeclineCode.AUTHENTICATION_UNAVAILABLE: Meaning(
        _A,
        _LATER,
        (_3DS, _ELSEWHERE),
        1,
        "The bank's confirmation page is out of order. Trying later may work.",
        failover=True,
    ),
    DeclineCode.CUSTOMER_CANCELLED: Meaning(_A, _3DS, (_OTHER,), None, "The payment was not finished."),
    DeclineCode.PIN_ERROR: Meaning(_A, _OTHER, (), None, "The card's PIN could not be checked."),
    DeclineCode.INVALID_AMOUNT: Meaning(_C, _NEVER, (_ELSEWHERE,), None, _OUR_FAULT),
    DeclineCode.CURRENCY_NOT_SUPPORTED: Meaning(_C, _ELSEWHERE, (_OTHER,), None, _OUR_FAULT, failover=True),
    DeclineCode.MERCHANT_CONFIGURATION_ERROR: Meaning(_C, _ELSEWHERE, (), None, _OUR_FAULT, failover=True),
    DeclineCode.INVALID_REQUEST: Meaning(_C, _NEVER, (), None, _OUR_FAULT),
    DeclineCode.UNSUPPORTED_OPERATION: Meaning(_C, _ELSEWHERE, (), None, _OUR_FAULT, failover=True),
    DeclineCode.DUPLICATE_TRANSACTION: Meaning(_P, _NEVER, (), None, "This payment was already made."),
    DeclineCode.PROCESSOR_ERROR: Meaning(
        _P,
        _LATER,
        (_ELSEWHERE,),
        1,
        "The payment could not be made just now. Trying again later may work.",
        failover=True,
    ),
    DeclineCode.OUTCOME_UNKNOWN: Meaning(_P, _LATER, (), None, "We are checking what became of this payment."),
}
"""What follows from each canonical code; one entry for every `DeclineCode`."""

GENERIC: Final = frozenset({DeclineCode.GENERIC_DECLINE, DeclineCode.DO_NOT_HONOR, DeclineCode.PROCESSOR_ERROR})
"""Codes that say nothing more than "no": they never override a code that says why."""

NEVER_SOFTENED: Final = frozenset({Category.FRAUD, Category.AUTHENTICATION, Category.CONFIGURATION})
"""Categories of a processor's verdict that a network code cannot replace."""
