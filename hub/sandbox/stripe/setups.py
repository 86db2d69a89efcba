"""SetupIntents: a card is checked and kept without charging it."""

from hub.sandbox.book import Body
from hub.sandbox.stripe import cards, challenge, form, method_types, methods, objects
from hub.sandbox.stripe.call import Call
from hub.sandbox.stripe.errors import CardError, InvalidError, StateError

CONFIRM = frozenset({
    "payment_method", "payment_method_data", "return_url", "mandate_data", "expand", "use_stripe_sdk",
    "allowed_payment_method_types",
})  # fmt: skip
CREATE = CONFIRM | {
    "customer", "confirm", "usage", "metadata", "description", "automatic_payment_methods", "payment_method_options",
    "excluded_payment_method_types", "payment_method_configuration",
}  # fmt: skip
CONFIRMABLE = frozenset({"requires_payment_method", "requires_confirmation", "requires_action"})


def create(call: Call) -> Body:
    """Create a SetupIntent, and confirm it where asked."""
    method_types.refuse_removed(call.form)
    form.known(call.form, CREATE)
    intent = objects.setup_intent(call.now())
    customer = form.text(call.form, "customer")
    if customer is not None:
        intent["customer"] = call.find("customer", customer, param="customer", in_path=False)["id"]
    intent["usage"] = form.choice(call.form, "usage", ("off_session", "on_session")) or "off_session"
    intent["metadata"] = form.metadata(call.form, {})
    intent["description"] = form.text(call.form, "description")
    method_types.choose(intent, call.form, opening=True)
    method = methods.named(call, call.form)
    if method is not None:
        methods.check_usable(method, intent["customer"])
        intent.update(payment_method=method["id"], status="requires_confirmation")
    call.save(intent)
    call.tell("setup_intent.created", of=intent)
    return _confirm(call, intent, method) if form.flag(call.form, "confirm") else intent


def confirm(call: Call, id: str) -> Body:
    """Confirm a SetupIntent."""
    method_types.refuse_removed(call.form)
    form.known(call.form, CONFIRM)
    intent = call.find("setup_intent", id)
    method_types.choose(intent, call.form)
    method = methods.named(call, call.form)
    if method is None and intent["payment_method"]:
        method = call.find("payment_method", intent["payment_method"])
    return _confirm(call, intent, method)


def cancel(call: Call, id: str) -> Body:
    """Cancel a SetupIntent that has not succeeded."""
    form.known(call.form, {"cancellation_reason", "expand"})
    intent = call.find("setup_intent", id)
    if intent["status"] not in CONFIRMABLE:
        raise _unexpected(intent, "canceled")
    intent.update(status="canceled", next_action=None)
    intent["cancellation_reason"] = form.text(call.form, "cancellation_reason")
    call.save(intent)
    call.tell("setup_intent.canceled", of=intent)
    return intent


def _confirm(call: Call, intent: Body, method: Body | None) -> Body:
    if intent["status"] not in CONFIRMABLE or method is None:
        raise _unexpected(intent, "confirmed")
    method_types.check(intent, method)
    methods.check_usable(method, intent["customer"])
    return_url = form.text(call.form, "return_url")
    if method_types.may_redirect(intent) and return_url is None:
        raise InvalidError("This SetupIntent may redirect: you must provide a `return_url`.")
    card = cards.card_of(method)
    try:
        methods.verify(method)
    except CardError as error:
        told = {name: value for name, value in error.fields.items() if value is not None}
        intent.update(status="requires_payment_method", payment_method=None, last_setup_error=told)
        call.save(intent)
        call.tell("setup_intent.setup_failed", of=intent)
        error.fields["setup_intent"] = objects.public(intent)
        raise
    if card.authentication in {"always", "unless_set_up"}:
        challenge.ask(call, intent, method, return_url)
        call.tell("setup_intent.requires_action", of=intent)
        return intent
    methods.set_up(call, method, intent["customer"])
    intent.update(status="succeeded", payment_method=method["id"], next_action=None)
    call.save(intent)
    call.tell("setup_intent.succeeded", of=intent)
    return intent


def _unexpected(intent: Body, verb: str) -> StateError:
    message = f"This SetupIntent could not be {verb}: it is {intent['status']}, or has no payment method."
    shown = objects.public(intent)
    return StateError(message, code="setup_intent_unexpected_state", setup_intent=shown)
