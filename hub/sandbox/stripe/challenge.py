"""The bank's page where a payer proves who they are: opened, answered once, sent back to the merchant."""

import html
import secrets
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from aiohttp import web

from hub.sandbox.book import Body
from hub.sandbox.processor import Sandbox
from hub.sandbox.stripe import charging, methods, objects
from hub.sandbox.stripe.call import Call
from hub.sandbox.stripe.cards import Decline
from hub.sandbox.stripe.errors import CardError

PATH = "/3d_secure/{id}/{secret}"
NOT_PROVEN = Decline(
    code="payment_intent_authentication_failure",
    message="We are unable to authenticate your payment method. Please choose a different payment method.",
)
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>3D Secure test page</title></head><body>
<h1>3D Secure test page</h1><p>{told}</p>
<form method="post">
<button type="submit" name="outcome" value="complete">Complete authentication</button>
<button type="submit" name="outcome" value="fail">Fail authentication</button>
</form></body></html>
"""


def ask(call: Call, intent: Body, method: Body, return_url: str | None) -> None:
    """Have an intent wait for the payer; without a `return_url` only Stripe's own library could go on."""
    id, secret = intent["id"], secrets.token_hex(12)
    url = call.sandbox.url + PATH.format(id=id, secret=secret)
    redirect = {"redirect_to_url": {"return_url": return_url, "url": url}, "type": "redirect_to_url"}
    for_library = {"type": "three_d_secure_redirect", "stripe_js": url, "source": objects.new_id("src")}
    library = {"type": "use_stripe_sdk", "use_stripe_sdk": for_library}
    intent.update(
        status="requires_action",
        next_action=library if return_url is None else redirect,
        payment_method=method["id"],
        _challenge=secret,
        _return_url=return_url,
    )
    call.save(intent)


def routes(sandbox: Sandbox) -> list[web.RouteDef]:
    """Return the page's endpoints; they are the payer's, so no API key is asked for and no fault meets them."""

    async def show(request: web.Request) -> web.StreamResponse:
        intent = _intent(sandbox, request)[1]
        amount = f"{intent['amount']} {intent['currency']}" if "amount" in intent else "set up a card"
        return web.Response(text=PAGE.format(told=html.escape(amount)), content_type="text/html")

    async def answer(request: web.Request) -> web.StreamResponse:
        sent = await request.post()
        call, intent = _intent(sandbox, request)
        if sent.get("outcome") not in {"complete", "fail"}:
            raise web.HTTPBadRequest(text="outcome is complete or fail")
        with sandbox.book.transaction():
            _settle(call, intent, proven=sent["outcome"] == "complete")
        sandbox.deliveries.wake()
        raise web.HTTPSeeOther(_back(intent))

    return [web.get(PATH, show), web.post(PATH, answer)]


def _intent(sandbox: Sandbox, request: web.Request) -> tuple[Call, Body]:
    id, secret = request.match_info["id"], request.match_info["secret"]
    kind = "setup_intent" if id.startswith("seti_") else "payment_intent"
    account = sandbox.book.account_of(kind, id)
    if account is None:
        raise web.HTTPNotFound
    call = Call(sandbox, account)
    intent = call.find(kind, id)
    if not secrets.compare_digest(str(intent.get("_challenge", "")).encode(), secret.encode()):
        raise web.HTTPNotFound
    return call, intent


def _settle(call: Call, intent: Body, *, proven: bool) -> None:
    """Go on after the challenge; what no longer waits is left as it is."""
    if intent["status"] != "requires_action":
        return
    method = call.find("payment_method", intent["payment_method"])
    if intent["object"] == "setup_intent":
        _settle_setup(call, intent, method, proven=proven)
        return
    try:
        if not proven:
            raise charging.refuse(call, intent, method, NOT_PROVEN)
        charging.attempt(call, intent, method, challenged=True)
    except CardError:
        return  # The payer's browser is only told that it failed; the PaymentIntent holds why.


def _settle_setup(call: Call, intent: Body, method: Body, *, proven: bool) -> None:
    intent["next_action"] = None
    if proven:
        methods.set_up(call, method, intent["customer"])
        intent["status"] = "succeeded"
    else:
        failure = "setup_intent_authentication_failure"
        told = {"code": failure, "message": NOT_PROVEN.message, "type": "card_error"}
        intent.update(status="requires_payment_method", payment_method=None, last_setup_error=told)
    call.save(intent)
    call.tell("setup_intent.succeeded" if proven else "setup_intent.setup_failed", of=intent)


def _back(intent: Body) -> str:
    """Return where the payer goes, with what Stripe adds to the address."""
    status = "succeeded" if intent["status"] in {"succeeded", "requires_capture"} else "failed"
    name = intent["object"]
    added = [(name, intent["id"]), (f"{name}_client_secret", intent["client_secret"]), ("redirect_status", status)]
    parts = urlsplit(str(intent.get("_return_url") or "about:blank"))
    query = urlencode([*parse_qsl(parts.query, keep_blank_values=True), *added])
    return urlunsplit(parts._replace(query=query))
