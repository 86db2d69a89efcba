"""
PaymentIntents: created, confirmed, captured, cancelled.

Source: docs.stripe.com/api/payment_intents, docs.stripe.com/payments/paymentintents/lifecycle.
"""

from hub.sandbox.book import Body
from hub.sandbox.stripe import cards, challenge, charging, currencies, form, method_types, methods, objects
from hub.sandbox.stripe.call import TAG, Call
from hub.sandbox.stripe.cards import Decline
from hub.sandbox.stripe.errors import InvalidError, StateError
from hub.sandbox.stripe.form import Form

CONFIRMABLE = frozenset({"requires_payment_method", "requires_confirmation", "requires_action"})
CANCELLABLE = CONFIRMABLE | {"requires_capture", "processing"}
CAPTURE_METHODS = ("automatic", "automatic_async", "manual")
CANCEL_REASONS = ("duplicate", "fraudulent", "requested_by_customer", "abandoned")
WITH_CONFIRM = (
    "return_url", "off_session", "error_on_requires_action", "mandate", "mandate_data", "use_stripe_sdk",
)  # fmt: skip
COPIED = (
    "description", "receipt_email", "setup_future_usage", "statement_descriptor_suffix", "transfer_group",
    "on_behalf_of",
)  # fmt: skip
SHARED = frozenset({
    "metadata", "expand", "payment_method", "payment_method_data", "payment_method_options",
    "allowed_payment_method_types", "excluded_payment_method_types", "capture_method", "shipping", "radar_options",
    "payment_details", "amount_details", "hooks", "statement_descriptor", "application_fee_amount", "transfer_data",
    *COPIED,
})  # fmt: skip
CREATE = SHARED | {
    "amount", "currency", "customer", "customer_account", "confirm", "confirmation_method",
    "automatic_payment_methods", "payment_method_configuration", *WITH_CONFIRM,
}  # fmt: skip
UPDATE = SHARED | {"amount", "currency", "customer", "payment_method_configuration"}
CONFIRM = (SHARED | set(WITH_CONFIRM)) - {"metadata", "description", "statement_descriptor_suffix"}
CAPTURE = frozenset({
    "amount_to_capture", "final_capture", "metadata", "expand", "statement_descriptor",
    "statement_descriptor_suffix", "application_fee_amount", "transfer_data", "amount_details",
    "payment_details", "hooks",
})  # fmt: skip
CANCEL = frozenset({"cancellation_reason", "expand"})
NO_CHALLENGE = Decline(
    code="authentication_required",
    decline_code="authentication_required",
    message="This payment required an authentication action to complete, but `error_on_requires_action` was set.",
)
MAY_REDIRECT = (
    "This PaymentIntent is configured to accept payment methods enabled in your Dashboard. Because some of these"
    " payment methods might redirect your customer off of your page, you must provide a `return_url`."
)


def create(call: Call) -> Body:
    """Create a PaymentIntent, and confirm it where asked."""
    asked = call.form
    method_types.refuse_removed(asked)
    form.known(asked, CREATE)
    amount, currency = form.integer(asked, "amount"), form.required(asked, "currency").lower()
    if amount is None:
        raise InvalidError("Missing required param: amount.", code="parameter_missing", param="amount")
    currencies.check(amount, currency)
    intent = objects.payment_intent(amount, currency, call.now())
    method_types.choose(intent, asked, opening=True)
    _set(call, intent, asked)
    intent["confirmation_method"] = form.choice(asked, "confirmation_method", ("automatic", "manual")) or "automatic"
    intent["_tag"] = intent["metadata"].get(TAG, "")
    method = methods.named(call, asked)
    confirming = form.flag(asked, "confirm")
    if not confirming:
        _refuse_without_confirm(asked)
    if method is not None:
        methods.check_usable(method, intent["customer"])
        intent.update(payment_method=method["id"], status="requires_confirmation")
    call.save(intent)
    call.tell("payment_intent.created", of=intent)
    return _confirm(call, intent, method) if confirming else intent


def update(call: Call, id: str) -> Body:
    """Change a PaymentIntent that is not yet confirmed; metadata and description at any time."""
    method_types.refuse_removed(call.form)
    form.known(call.form, UPDATE)
    intent = call.find("payment_intent", id)
    if set(call.form) - {"metadata", "description", "expand"} and intent["status"] not in CONFIRMABLE:
        raise _unexpected(intent, "updated")
    amount = form.integer(call.form, "amount")
    if amount is not None:
        currencies.check(amount, intent["currency"])
        intent["amount"] = amount
    method_types.choose(intent, call.form)
    _set(call, intent, call.form)
    method = methods.named(call, call.form)
    if method is not None:
        methods.check_usable(method, intent["customer"])
        intent.update(payment_method=method["id"], status="requires_confirmation")
    call.save(intent)
    return intent


def confirm(call: Call, id: str) -> Body:
    """Confirm a PaymentIntent."""
    method_types.refuse_removed(call.form)
    form.known(call.form, CONFIRM)
    intent = call.find("payment_intent", id)
    if intent["status"] not in CONFIRMABLE:
        raise _unexpected(intent, "confirmed")
    method_types.choose(intent, call.form)
    _set(call, intent, call.form)
    method = methods.named(call, call.form)
    if method is None and intent["payment_method"]:
        method = call.find("payment_method", intent["payment_method"])
    return _confirm(call, intent, method)


def capture(call: Call, id: str) -> Body:
    """Capture what is authorized, in whole or in part."""
    form.known(call.form, CAPTURE)
    intent = call.find("payment_intent", id)
    if intent["status"] != "requires_capture":
        raise _unexpected(intent, "captured")
    left = intent["amount_capturable"]
    amount = form.integer(call.form, "amount_to_capture")
    amount = left if amount is None else amount
    if not 1 <= amount <= left:
        message = f"The amount to capture must be between 1 and the capturable amount of {left}."
        raise InvalidError(message, code="amount_too_large", param="amount_to_capture")
    currencies.check_step(amount, intent["currency"], param="amount_to_capture")
    final = "final_capture" not in call.form or form.flag(call.form, "final_capture")
    if not final and not intent["_multicapture"]:
        message = "Multiple captures are not available for this PaymentIntent: see multicapture on its charge."
        raise InvalidError(message, param="final_capture")
    intent["metadata"] = form.metadata(call.form, intent["metadata"])
    own_tag = own_tag_of(call.form, call.key)
    charge = call.find("charge", intent["latest_charge"])
    # A capture of everything that is left ends it, whatever was said.
    charging.capture(call, intent, charge, amount, final=final or amount == left, own_tag=own_tag)
    return intent


def cancel(call: Call, id: str) -> Body:
    """Cancel a PaymentIntent that has not succeeded."""
    form.known(call.form, CANCEL)
    intent = call.find("payment_intent", id)
    if intent["status"] not in CANCELLABLE:
        raise _unexpected(intent, "canceled")
    reason = form.choice(call.form, "cancellation_reason", CANCEL_REASONS)
    charging.release(call, intent, reason, own_tag_of({}, call.key))
    return intent


def own_tag_of(asked: Form, key: str) -> str:
    """Return the caller's id of a follow-up: from its metadata, else the head of its idempotency key."""
    given = asked.get("metadata")
    told = given.get(TAG) if isinstance(given, dict) else None
    return str(told or key.partition(":")[0])


def _set(call: Call, intent: Body, asked: Form) -> None:
    for name in COPIED:
        if name in asked:
            intent[name] = form.text(asked, name)
    if "statement_descriptor" in asked:
        message = "`statement_descriptor` is not supported for card charges: use `statement_descriptor_suffix`."
        raise InvalidError(message, param="statement_descriptor")
    intent["metadata"] = form.metadata(asked, intent["metadata"])
    intent["shipping"] = form.group(asked, "shipping") or intent["shipping"]
    method = form.choice(asked, "capture_method", CAPTURE_METHODS)
    intent["capture_method"] = method or intent["capture_method"]
    customer = form.text(asked, "customer")
    if customer is not None:
        intent["customer"] = call.find("customer", customer, param="customer", in_path=False)["id"]
    options = form.group(form.group(asked, "payment_method_options"), "card")
    # Which earlier charge this one follows on may be said where Stripe has switched that on, and is not shown again.
    if options.pop("mit_exemption", None) and not call.sandbox.settings(call.account).get("mit_exemption"):
        param = "payment_method_options[card][mit_exemption]"
        raise InvalidError(f"Received unknown parameter: {param}", code="parameter_unknown", param=param)
    if options:
        intent["payment_method_options"] = {"card": {"request_three_d_secure": "automatic", **options}}
    wanted = options.get("request_multicapture") == "if_available"
    intent["_multicapture"] = wanted and bool(call.sandbox.settings(call.account).get("multiple_captures"))


def _refuse_without_confirm(asked: Form) -> None:
    for name in WITH_CONFIRM:
        if name in asked and name != "use_stripe_sdk":
            raise InvalidError(f"You may only provide {name} when confirm=true.", param=name)


def _confirm(call: Call, intent: Body, method: Body | None) -> Body:
    if method is None:
        message = "You cannot confirm this PaymentIntent because it's missing a payment method."
        raise StateError(message, code="payment_intent_unexpected_state", payment_intent=objects.public(intent))
    method_types.check(intent, method)
    methods.check_usable(method, intent["customer"])
    return_url = form.text(call.form, "return_url")
    if method_types.may_redirect(intent) and return_url is None:
        raise InvalidError(MAY_REDIRECT)
    off_session = form.text(call.form, "off_session") not in {None, "false"}
    if off_session and intent["setup_future_usage"] == "on_session":
        raise InvalidError("off_session cannot be used with setup_future_usage=on_session.", param="off_session")
    card = cards.card_of(method)
    asked = intent["payment_method_options"].get("card", {}).get("request_three_d_secure") in {"any", "challenge"}
    if not cards.challenge_needed(card, set_up=method["_set_up"], off_session=off_session, asked=asked):
        charging.attempt(call, intent, method)
    elif off_session:
        raise charging.refuse(call, intent, method, cards.AUTHENTICATION)
    elif form.flag(call.form, "error_on_requires_action"):
        raise charging.refuse(call, intent, method, NO_CHALLENGE)
    else:
        challenge.ask(call, intent, method, return_url)
        call.tell("payment_intent.requires_action", of=intent)
    return intent


def _unexpected(intent: Body, verb: str) -> StateError:
    message = f"This PaymentIntent could not be {verb} because it has a status of {intent['status']}."
    shown = objects.public(intent)
    return StateError(message, code="payment_intent_unexpected_state", payment_intent=shown)
