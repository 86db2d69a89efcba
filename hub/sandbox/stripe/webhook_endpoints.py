"""Where an account's events go, registered over the API."""

import secrets

from hub.sandbox.book import Body
from hub.sandbox.stripe import form, objects
from hub.sandbox.stripe.call import Call
from hub.sandbox.stripe.errors import InvalidError


def create(call: Call) -> Body:
    """Register where an account's events go; an account has one place, the last registered."""
    form.known(call.form, {"url", "enabled_events", "api_version", "description", "metadata", "expand"})
    url, events = form.required(call.form, "url"), form.listed(call.form, "enabled_events")
    if not events:
        message = "Missing required param: enabled_events."
        raise InvalidError(message, code="parameter_missing", param="enabled_events")
    secret = f"whsec_{secrets.token_urlsafe(24)}"
    settings = {"webhook_url": url, "webhook_secret": secret, "webhook_events": events}
    call.sandbox.deliveries.set_account(call.account, settings)
    made = {
        "id": objects.new_id("we"), "object": "webhook_endpoint", "api_version": objects.API_VERSION,
        "application": None, "created": call.now(), "description": form.text(call.form, "description"),
        "enabled_events": events, "livemode": False, "metadata": form.metadata(call.form, {}),
        "status": "enabled", "url": url,
    }  # fmt: skip
    call.save(made)
    return {**made, "secret": secret}
