"""What becomes of a payment request. Pure: the same request and card decide the same."""

from collections.abc import Mapping
from typing import Any, Final, Literal

from hub.sandbox.adyen.cards import BY_NUMBER, EXPIRY, Authentication, Card, Token
from hub.sandbox.adyen.currencies import DECIMALS
from hub.sandbox.adyen.errors import (
    NO_AMOUNT,
    NO_CONTRACT,
    NO_METHOD,
    NO_REFERENCE,
    NO_RETURN_URL,
    NO_TOKEN,
    WRONG_AMOUNT,
    WRONG_CARD,
    WRONG_CURRENCY,
    WireError,
)
from hub.sandbox.adyen.refusals import (
    MUST_AUTHENTICATE,
    MUST_AUTHENTICATE_MASTERCARD,
    WRONG_CVC,
    WRONG_EXPIRY,
    Answer,
)
from hub.sandbox.adyen.wire import Amount, PaymentMethod, PaymentRequest

Challenge = Literal["redirect", "form", "native"]

_HOUR_S: Final = 3600
_PAYER_PRESENT: Final = "Ecommerce"
_TEST: Final = "test_"
_CARD: Final = "scheme"


def amount_of(amount: Amount | None, *, zero: bool = False) -> Amount:
    """
    Check an amount; zero only where a card is merely verified.

    Raises:
        WireError: when it is missing, not positive or in a currency that Adyen does not take.

    """
    if amount is None:
        raise WireError(NO_AMOUNT)
    if amount.currency not in DECIMALS:
        raise WireError(WRONG_CURRENCY)
    if amount.value < 0 or (amount.value == 0 and not zero):
        raise WireError(WRONG_AMOUNT)
    return amount


def checked(request: PaymentRequest) -> tuple[Amount, PaymentMethod]:
    """
    Check that a payment request says what it must.

    Raises:
        WireError: naming what is missing.

    """
    amount = amount_of(request.amount, zero=True)
    if not request.reference:
        raise WireError(NO_REFERENCE)
    if request.payment_method is None or request.payment_method.type != _CARD:
        raise WireError(NO_METHOD)
    if not request.return_url:
        raise WireError(NO_RETURN_URL)
    return amount, request.payment_method


def card_of(method: PaymentMethod) -> Card:
    """
    Return the test card a request carries.

    Raises:
        WireError: when it carries none, or one that is no test card.

    """
    number = _plain(method.encrypted_card_number or method.number)
    if not number:
        raise WireError(NO_METHOD)
    if number not in BY_NUMBER:
        raise WireError(WRONG_CARD)
    return BY_NUMBER[number]


def usable(token: Token | None, shopper_reference: str) -> Token:
    """
    Return the token, if there is one and this shopper may use it.

    Raises:
        WireError: otherwise.

    """
    if not shopper_reference:
        raise WireError(NO_CONTRACT)
    if token is None:
        raise WireError(NO_TOKEN)
    if token.shopper_reference not in {None, shopper_reference}:
        raise WireError(NO_CONTRACT)
    return token


def trigger_of(request: PaymentRequest, method: PaymentMethod, token: Token | None) -> str:
    """Find what the test wants to happen: the acquirer code, the holder's name or the token's outcome."""
    asked = request.additional_data.get("RequestedTestAcquirerResponseCode")
    if asked is not None:
        return str(asked)
    return (token.outcome if token else "") or method.holder_name


def refused_details(method: PaymentMethod, card: Card) -> Answer | None:
    """Refuse a card whose expiry or security code is not the test card's."""
    month = _plain(method.encrypted_expiry_month or method.expiry_month)
    year = _plain(method.encrypted_expiry_year or method.expiry_year)
    code = _plain(method.encrypted_security_code or method.cvc)
    if (month.zfill(2), year) != EXPIRY:
        return WRONG_EXPIRY
    if code and code != card.cvc:
        return WRONG_CVC
    return None


def challenge_for(request: PaymentRequest, card: Card) -> Challenge | Answer | None:
    """Decide how the payer is authenticated: by a challenge, not at all, or refused where none may be."""
    wanted = request.authentication_data.attempt_authentication
    demanded = card.authentication is not Authentication.NONE
    absent = request.shopper_interaction != _PAYER_PRESENT
    if absent or wanted == "never":
        return _must_authenticate(card) if demanded else None
    if not (demanded or wanted == "always"):
        return None
    if request.authentication_data.request_data.native != "disabled" or request.channel != "Web":
        return "native"
    return "form" if card.authentication is Authentication.FORM else "redirect"


def capture_delay_s(request: PaymentRequest, settings: Mapping[str, Any]) -> int | None:
    """Decide when money is captured: the request's wish before the account's; None is never by itself."""
    manual = str(request.additional_data.get("manualCapture", "")).lower()
    if manual == "true":
        return None
    if request.capture_delay_hours is not None:
        return request.capture_delay_hours * _HOUR_S
    if manual == "false":
        return 0
    if settings.get("capture", "automatic") == "manual":
        return None
    return int(settings.get("capture_delay_hours", 0)) * _HOUR_S


def _must_authenticate(card: Card) -> Answer:
    return MUST_AUTHENTICATE_MASTERCARD if card.brand == "mc" else MUST_AUTHENTICATE


def _plain(field: str) -> str:
    return field.removeprefix(_TEST).replace(" ", "")
