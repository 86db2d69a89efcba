"""
Requests of Adyen's Checkout API v72, the fields a sandbox acts on, under Adyen's names.

Source: https://docs.adyen.com/api-explorer/Checkout/72/overview
"""

from typing import Annotated, Any, Final, TypeVar

import msgspec
from msgspec import Meta, Struct, field

from hub.sandbox.adyen.errors import unreadable

T = TypeVar("T", bound=Struct)

VALUE_MAX: Final = (1 << 53) - 1

_PAYMENT: Final = (
    "accountInfo additionalAmount additionalData amount applicationInfo authenticationData bankAccount "
    "billingAddress browserInfo captureDelayHours channel checkoutAttemptId company countryCode dateOfBirth "
    "dccQuote deliverAt deliveryAddress deliveryDate deviceFingerprint enableOneClick enablePayOut "
    "enableRecurring enhancedSchemeData entityType fraudOffset fundOrigin fundRecipient industryUsage "
    "installments lineItems localizedShopperStatement mandate mcc merchantAccount merchantOrderReference "
    "merchantRiskIndicator metadata mpiData order orderReference origin paymentMethod paymentValidations "
    "platformChargebackLogic recurringExpiry recurringFrequency recurringProcessingModel "
    "redirectFromIssuerMethod redirectToIssuerMethod reference returnUrl riskData sessionValidity "
    "shopperConversionId shopperEmail shopperIP shopperInteraction shopperLocale shopperName "
    "shopperReference shopperStatement shopperTaxInfo socialSecurityNumber splits store storePaymentMethod "
    "subMerchants surcharge telephoneNumber threeDS2RequestData threeDSAuthenticationOnly trustedShopper"
)
_DETAILS: Final = "authenticationData details paymentData threeDSAuthenticationOnly"
_MODIFICATION: Final = (
    "amount applicationInfo capturePspReference enhancedSchemeData lineItems merchantAccount "
    "merchantRefundReason paymentReference platformChargebackLogic reference splits store subMerchants"
)


class Amount(Struct, frozen=True):
    """An amount in Adyen's minor units, see currencies.py."""

    value: Annotated[int, Meta(ge=-VALUE_MAX, le=VALUE_MAX)]
    currency: str = ""


class PaymentMethod(Struct, frozen=True, rename="camel"):
    """A card, raw, as the test library "encrypts" it (`test_4111…`), or stored."""

    type: str = "scheme"
    holder_name: str = ""
    number: str = ""
    expiry_month: str = ""
    expiry_year: str = ""
    cvc: str = ""
    encrypted_card_number: str = ""
    encrypted_expiry_month: str = ""
    encrypted_expiry_year: str = ""
    encrypted_security_code: str = ""
    stored_payment_method_id: str = ""


class ThreeDSRequestData(Struct, frozen=True):
    """How 3D Secure is wanted."""

    native: str = field(default="", name="nativeThreeDS")


class AuthenticationData(Struct, frozen=True, rename="camel"):
    """Whether 3D Secure is wanted; `attempt_authentication` is always, never or empty."""

    attempt_authentication: str = ""
    request_data: ThreeDSRequestData = field(default=ThreeDSRequestData(), name="threeDSRequestData")


class PaymentRequest(Struct, frozen=True, rename="camel"):
    """POST /payments."""

    merchant_account: str = ""
    amount: Amount | None = None
    reference: str = ""
    payment_method: PaymentMethod | None = None
    return_url: str = ""
    channel: str = ""
    shopper_interaction: str = "Ecommerce"
    shopper_reference: str = ""
    recurring_processing_model: str = ""
    store_payment_method: bool = False
    capture_delay_hours: int | None = None
    authentication_data: AuthenticationData = AuthenticationData()
    additional_data: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)


class Details(Struct, frozen=True):
    """What the payer's browser brought back."""

    redirect_result: str = field(default="", name="redirectResult")
    md: str = field(default="", name="MD")
    pa_res: str = field(default="", name="PaRes")
    three_ds_result: str = field(default="", name="threeDSResult")
    fingerprint: str = field(default="", name="threeds2.fingerprint")
    challenge_result: str = field(default="", name="threeds2.challengeResult")


class DetailsRequest(Struct, frozen=True, rename="camel"):
    """POST /payments/details."""

    details: Details | None = None
    payment_data: str = ""


class ModificationRequest(Struct, frozen=True, rename="camel"):
    """POST /payments/{psp}/captures, refunds, cancels, reversals, and /cancels (by `payment_reference`)."""

    merchant_account: str = ""
    amount: Amount | None = None
    reference: str = ""
    payment_reference: str = ""


class PaymentMethodsRequest(Struct, frozen=True, rename="camel"):
    """POST /paymentMethods."""

    merchant_account: str = ""
    shopper_reference: str = ""


class SessionRequest(Struct, frozen=True, rename="camel"):
    """POST /sessions."""

    merchant_account: str = ""
    amount: Amount | None = None
    reference: str = ""
    return_url: str = ""


_KNOWN: Final[dict[type[Struct], frozenset[str]]] = {
    PaymentRequest: frozenset(_PAYMENT.split()),
    DetailsRequest: frozenset(_DETAILS.split()),
    ModificationRequest: frozenset(_MODIFICATION.split()),
}


def body_of(raw: bytes) -> dict[str, Any]:
    """
    Read a request's body.

    Raises:
        WireError: when it is no JSON object.

    """
    try:
        return msgspec.json.decode(raw, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise unreadable("Unexpected input: the body is not a JSON object") from None


def read(body: dict[str, Any], into: type[T]) -> T:
    """
    Check the body's shape.

    Raises:
        WireError: when it has a field the endpoint does not know, or one of the wrong type.

    """
    strangers = sorted(set(body) - _KNOWN.get(into, frozenset(body)))
    if strangers:
        names = ", ".join(strangers)
        raise unreadable(f"Structure of {into.__name__} contains the following unknown fields: [{names}]")
    try:
        return msgspec.convert(body, into)
    except msgspec.ValidationError as error:
        raise unreadable(f"Invalid value: {error}") from None
