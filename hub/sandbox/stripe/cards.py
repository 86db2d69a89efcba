"""
Stripe's test cards by PaymentMethod alias and token, with what each one does.

Source: docs.stripe.com/testing.
"""

from hashlib import sha256
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from hub.sandbox.book import Body

Authentication = Literal["none", "always", "unless_set_up", "set_up", "optional"]
Check = Literal["pass", "fail", "unavailable"]
DisputeKind = Literal[
    "", "fraudulent", "product_not_received", "inquiry", "several", "compelling_evidence", "visa_compliance",
    "mastercard_compliance",
]  # fmt: skip


class Decline(Struct, frozen=True, kw_only=True):
    """Why a card is refused, in the words of Stripe's error body."""

    code: str = "card_declined"
    decline_code: str | None = None
    message: str = "Your card was declined."
    network_decline_code: str | None = None
    advice_code: str | None = None
    blocked: bool = False  # By Radar, before the bank was asked.


class Card(Struct, frozen=True, kw_only=True):
    """A test card; the defaults are those of the card that always works."""

    name: str  # Behind `pm_card_` in the alias and, where the card has one, `tok_` in the token.
    last4: str
    brand: str = "visa"
    funding: str = "credit"
    country: str = "US"
    decline: Decline | None = None  # After the challenge, where there is one.
    attachable: bool = True
    authentication: Authentication = "none"
    risk_level: str = "normal"
    cvc: Check = "pass"
    line1: Check | None = None
    postal: Check | None = None
    dispute: DisputeKind = ""
    fraud_warning: bool = False
    refund: Literal["succeeds", "pends", "fails_later"] = "succeeds"
    available_now: bool = False

    @property
    def fingerprint(self) -> str:
        """What is the same wherever this card is used, and another for every other card."""
        return sha256(self.name.encode()).hexdigest()[:16]


def _decline(decline_code: str, network: str, advice: str | None = None, message: str | None = None) -> Decline:
    told = message or "Your card was declined."
    return Decline(
        decline_code=decline_code, network_decline_code=network, advice_code=advice, message=told
    )  # fmt: skip


GENERIC = _decline("generic_decline", "05")
INSUFFICIENT_FUNDS = _decline("insufficient_funds", "51", "try_again_later", "Your card has insufficient funds.")
LOST = _decline("lost_card", "41", "do_not_try_again")
STOLEN = _decline("stolen_card", "43", "do_not_try_again")
FRAUDULENT = _decline("fraudulent", "59", "do_not_try_again")
VELOCITY = _decline(
    "card_velocity_exceeded", "61", "try_again_later", "Your card was declined for making repeated attempts too"
    " frequently or exceeding its amount limit.",
)  # fmt: skip
EXPIRED = Decline(
    code="expired_card", message="Your card has expired.", network_decline_code="54", advice_code="confirm_card_data"
)  # fmt: skip
WRONG_CVC = Decline(
    code="incorrect_cvc", message="Your card's security code is incorrect.", network_decline_code="N7",
    advice_code="confirm_card_data",
)  # fmt: skip
PROCESSING = Decline(
    code="processing_error", message="An error occurred while processing your card. Try again in a little bit.",
    network_decline_code="96", advice_code="try_again_later",
)  # fmt: skip
RADAR = Decline(decline_code="fraudulent", blocked=True)
AUTHENTICATION = Decline(
    code="authentication_required", decline_code="authentication_required",
    message="Your card was declined. This transaction requires authentication.",
)  # fmt: skip


def _declined(name: str, last4: str, decline: Decline) -> Card:
    return Card(name=name, last4=last4, decline=decline, attachable=False)


CARDS = (
    Card(name="visa", last4="4242"),
    Card(name="visa_debit", last4="5556", funding="debit"),
    Card(name="mastercard", last4="4444", brand="mastercard"),
    Card(name="mastercard_debit", last4="8210", brand="mastercard", funding="debit"),
    Card(name="mastercard_prepaid", last4="5100", brand="mastercard", funding="prepaid"),
    Card(name="amex", last4="0005", brand="amex"),
    Card(name="discover", last4="1117", brand="discover"),
    Card(name="diners", last4="0004", brand="diners"),
    Card(name="jcb", last4="0505", brand="jcb", country="JP"),
    Card(name="unionpay", last4="0005", brand="unionpay", country="CN"),
    _declined("visa_chargeDeclined", "0002", GENERIC),
    _declined("visa_chargeDeclinedInsufficientFunds", "9995", INSUFFICIENT_FUNDS),
    _declined("visa_chargeDeclinedLostCard", "9987", LOST),
    _declined("visa_chargeDeclinedStolenCard", "9979", STOLEN),
    _declined("chargeDeclinedExpiredCard", "0069", EXPIRED),
    _declined("chargeDeclinedIncorrectCvc", "0127", WRONG_CVC),
    _declined("chargeDeclinedProcessingError", "0119", PROCESSING),
    _declined("visa_chargeDeclinedVelocityLimitExceeded", "6975", VELOCITY),
    _declined("visa_chargeDeclinedFraudulent", "0019", FRAUDULENT),
    Card(name="chargeCustomerFail", last4="0341", decline=GENERIC),
    Card(name="radarBlock", last4="0019", decline=RADAR, risk_level="highest"),
    Card(name="riskLevelHighest", last4="4954", risk_level="highest"),
    Card(name="riskLevelElevated", last4="9235", risk_level="elevated"),
    Card(name="cvcCheckFail", last4="0101", cvc="fail"),
    Card(name="avsZipFail", last4="0036", postal="fail"),
    Card(name="cvcCheckFailElevatedRisk", last4="7872", cvc="fail", risk_level="elevated"),
    Card(name="avsZipFailElevatedRisk", last4="6072", postal="fail", risk_level="elevated"),
    Card(name="avsLine1Fail", last4="0028", line1="fail"),
    Card(name="avsFail", last4="0010", line1="fail", postal="fail"),
    Card(name="avsUnchecked", last4="0044", line1="unavailable", postal="unavailable"),
    Card(name="createDispute", last4="0259", dispute="fraudulent"),
    Card(name="createDisputeProductNotReceived", last4="2685", dispute="product_not_received"),
    Card(name="createDisputeInquiry", last4="1976", dispute="inquiry"),
    Card(name="createIssuerFraudRecord", last4="5423", fraud_warning=True),
    Card(name="createMultipleDisputes", last4="0079", dispute="several"),
    Card(name="createCe3EligibleDispute", last4="0038", dispute="compelling_evidence"),
    Card(name="createComplianceDispute", last4="0779", dispute="visa_compliance"),
    Card(name="createMastercardComplianceDispute", last4="0002", brand="mastercard",
         dispute="mastercard_compliance"),
    Card(name="pendingRefund", last4="7726", refund="pends"),
    Card(name="refundFail", last4="5126", refund="fails_later"),
    Card(name="bypassPending", last4="0077", available_now=True),
    Card(name="bypassPendingInternational", last4="0278", country="IE", available_now=True),
    Card(name="authenticationRequiredOnSetup", last4="3155", authentication="unless_set_up"),
    Card(name="authenticationRequired", last4="3184", authentication="always"),
    Card(name="authenticationRequiredSetupForOffSession", last4="0446", authentication="set_up"),
    Card(name="authenticationRequiredChargeDeclinedInsufficientFunds", last4="3178", authentication="always",
         decline=INSUFFICIENT_FUNDS),
    Card(name="threeDSecure2Required", last4="3220", authentication="always"),
    Card(name="threeDSecureRequiredChargeDeclined", last4="1629", authentication="always", decline=GENERIC),
    # The look-up before the challenge fails, so the payer sees no challenge, only the refusal.
    Card(name="threeDSecureRequiredProcessingError", last4="1280", decline=GENERIC),
    Card(name="threeDSecureOptional", last4="3055", authentication="optional"),
    Card(name="threeDSecureOptionalProcessingError", last4="3097"),
    Card(name="amex_threeDSecureNotSupported", last4="0005", brand="amex"),
)  # fmt: skip

BY_NAME = {card.name: card for card in CARDS}
# Some libraries leave the brand out of the alias of a declining card.
BY_ALIAS = {
    **{f"pm_card_{name.removeprefix('visa_')}": card for name, card in BY_NAME.items() if "Declined" in name},
    **{f"pm_card_{name}": card for name, card in BY_NAME.items()},
}
BY_TOKEN = {f"tok_{name}": card for name, card in BY_NAME.items()} | {
    "tok_threeDSecureRequired": BY_NAME["authenticationRequiredOnSetup"]
}


def card_of(method: Body) -> Card:
    """Return a PaymentMethod's card; where a test said so it behaves from now on as another test card does."""
    card = BY_NAME[method["_card"]]
    like = BY_NAME.get(method.get("_behaves_like", ""))
    if like is None:
        return card
    return replace(card, decline=like.decline, attachable=like.attachable, authentication=like.authentication)


def challenge_needed(card: Card, *, set_up: bool, off_session: bool, asked: bool) -> bool:
    """
    Tell whether the payer's bank insists on authentication.

    Args:
        card: the test card.
        set_up: the card was saved for later use, with a challenge then.
        off_session: the payer is not there.
        asked: the merchant wants a challenge wherever the card can do one.

    """
    match card.authentication:
        case "always":
            return True
        case "unless_set_up":
            return not set_up
        case "set_up":
            return not off_session
        case "optional":
            return asked
        case "none":
            return False
