"""
Which kinds of payment method an intent takes: those that the request allows, else all that the account has switched on.

Source: docs.stripe.com/changelog/dahlia/2026-07-29/allowed-payment-method-types-parameter,
docs.stripe.com/changelog/endive/2026-09-30/removes-the-payment-method-types-parameter-from-payment-intents-and-setup-intents.
"""

from hub.sandbox.book import Body
from hub.sandbox.stripe import form
from hub.sandbox.stripe.errors import InvalidError
from hub.sandbox.stripe.form import Form

SWITCHED_ON = ("card", "link")
REMOVED = "payment_method_types"
ALLOWED = "allowed_payment_method_types"
EXCLUDED = "excluded_payment_method_types"
BESIDE_ALLOWED = (EXCLUDED, "automatic_payment_methods", "payment_method_configuration")
"""What cannot be sent together with the list of allowed types."""


def refuse_removed(asked: Form) -> None:
    """
    Refuse to have the computed list written, as Stripe does since 2026-09-30.endive.

    Raises:
        InvalidError: when it is sent; Stripe documents the code, the message is ours.

    """
    if REMOVED in asked:
        message = f"`{REMOVED}` is no longer supported: use `{ALLOWED}`, or leave it to dynamic payment methods."
        raise InvalidError(message, code="payment_method_types_no_longer_supported", param=REMOVED)


def choose(intent: Body, asked: Form, *, opening: bool = False) -> None:
    """
    Set what an intent takes, where it is *opening* or the request says so; types that do not fit are left out.

    Raises:
        InvalidError: when the request says it in two ways.

    """
    allowed, excluded = form.listed(asked, ALLOWED), form.listed(asked, EXCLUDED)
    automatic = form.group(asked, "automatic_payment_methods")
    if allowed:
        _refuse_beside(asked)
        fitting = [type for type in allowed if type in SWITCHED_ON]
        intent.update({ALLOWED: allowed, EXCLUDED: None, REMOVED: fitting, "automatic_payment_methods": None})
    elif excluded or opening:
        fitting = [type for type in SWITCHED_ON if type not in excluded]
        intent.update({ALLOWED: None, EXCLUDED: excluded or None, REMOVED: fitting})
        redirects = automatic.get("allow_redirects", "always")
        intent["automatic_payment_methods"] = {"allow_redirects": redirects, "enabled": True}


def _refuse_beside(asked: Form) -> None:
    for other in BESIDE_ALLOWED:
        if other in asked:
            message = f"You may only specify one of these parameters: {ALLOWED}, {other}."
            raise InvalidError(message, code="parameters_exclusive", param=ALLOWED)


def check(intent: Body, method: Body) -> None:
    """
    Check that an intent takes a PaymentMethod of this kind.

    Raises:
        InvalidError: when it does not.

    """
    if method["type"] not in intent[REMOVED]:
        message = f"This intent takes no PaymentMethod of the type {method['type']}: see its `{REMOVED}`."
        raise InvalidError(message, code="payment_intent_incompatible_payment_method", param="payment_method")


def may_redirect(intent: Body) -> bool:
    """Tell whether some method it takes may send the payer elsewhere; a card is not such a method."""
    automatic = intent["automatic_payment_methods"]
    return automatic is not None and automatic["allow_redirects"] != "never"
