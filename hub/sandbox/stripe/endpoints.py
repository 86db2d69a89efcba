"""Which request does what; whose it is, and whether its idempotency key was seen before."""

import base64
import binascii
import hashlib
import secrets
from collections.abc import Callable
from http import HTTPStatus

import msgspec
from aiohttp import web

from hub.sandbox import faults
from hub.sandbox.book import Body, Stored
from hub.sandbox.faults import Act, Answer, Operation
from hub.sandbox.processor import RefusedError, Sandbox
from hub.sandbox.stripe import (
    balances,
    events,
    evidence,
    form,
    intents,
    methods,
    objects,
    reading,
    refunds,
    report_runs,
    searching,
    setups,
    webhook_endpoints,
)
from hub.sandbox.stripe.call import Call
from hub.sandbox.stripe.errors import (
    IdempotencyError,
    InvalidError,
    SecretKeyRequiredError,
    StripeError,
    UnauthorizedError,
)
from hub.sandbox.stripe.form import Form

KEY_KEPT_S = 86_400
KEY_MAX = 255
OPENS = ("sk_test_", "rk_test_")
OPENS_FOR_BROWSERS = "pk_test_"

Work = Callable[[Call], Body | Answer]
WorkOn = Callable[[Call, str], Body]

MAKE: dict[str, Work] = {
    "payment_intents": intents.create,
    "refunds": refunds.create,
    "payment_methods": methods.create,
    "customers": methods.create_customer,
    "setup_intents": setups.create,
    "webhook_endpoints": webhook_endpoints.create,
    "files": evidence.upload,
}
CHANGE: dict[tuple[str, str], WorkOn] = {
    ("payment_intents", ""): intents.update,
    ("payment_intents", "confirm"): intents.confirm,
    ("payment_intents", "capture"): intents.capture,
    ("payment_intents", "cancel"): intents.cancel,
    ("refunds", ""): refunds.update,
    ("payment_methods", "attach"): methods.attach,
    ("payment_methods", "detach"): methods.detach,
    ("customers", ""): methods.update_customer,
    ("disputes", ""): evidence.update,
    ("disputes", "close"): evidence.close,
    ("setup_intents", "confirm"): setups.confirm,
    ("setup_intents", "cancel"): setups.cancel,
}
READ: dict[str, tuple[str, tuple[str, ...]]] = {
    "payment_intents": ("payment_intent", ("customer",)),
    "refunds": ("refund", ("payment_intent", "charge")),
    "payment_methods": ("payment_method", ("customer", "type")),
    "customers": ("customer", ("email",)),
    "setup_intents": ("setup_intent", ("customer", "payment_method")),
    "charges": ("charge", ("customer", "payment_intent")),
    "disputes": ("dispute", ("charge", "payment_intent")),
    "balance_transactions": (balances.KIND, balances.FILTERS),
    "events": ("event", ()),
    "files": ("file", ("purpose",)),
    "payouts": ("payout", ("status",)),
}
"""The kind each collection holds and what its list is narrowed by."""


def routes(sandbox: Sandbox) -> list[web.RouteDef]:
    """Return the API's endpoints."""
    desk = _Desk(sandbox)
    return [
        web.put("/_control/tokens/{id}", desk.token),
        web.get("/v1/balance", desk.balance),
        web.post("/v1/reporting/report_runs", desk.report_asked),
        web.get("/v1/reporting/report_runs", desk.reports),
        web.get("/v1/reporting/report_runs/{id}", desk.report),
        web.get("/v1/files/{id}/contents", desk.content),
        web.get("/v1/{things}/search", desk.searched),
        web.get("/v1/{things}", desk.listed),
        web.post("/v1/{things}", desk.made),
        web.get("/v1/{things}/{id}", desk.one),
        web.post("/v1/{things}/{id}", desk.changed),
        web.post("/v1/{things}/{id}/{verb}", desk.changed),
        web.route("*", "/v1/{anything:.*}", desk.unknown),
    ]


class _Desk:
    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox

    async def listed(self, request: web.Request) -> web.StreamResponse:
        things = request.match_info["things"]
        kind, filters = READ.get(things, ("", ()))
        if not kind:
            return await self.unknown(request)
        if kind == "event":
            return await self._answer(request, lambda call: events.page(call, request.path))
        if kind == balances.KIND:
            return await self._answer(request, lambda call: balances.page(call, request.path))
        return await self._answer(request, lambda call: reading.page(call, kind, request.path, filters))

    async def searched(self, request: web.Request) -> web.StreamResponse:
        kind, _ = READ.get(request.match_info["things"], ("", ()))
        if kind not in searching.KINDS:
            return await self.unknown(request)
        return await self._answer(request, lambda call: searching.found(call, kind, request.path))

    async def one(self, request: web.Request) -> web.StreamResponse:
        things, id = request.match_info["things"], request.match_info["id"]
        kind, _ = READ.get(things, ("", ()))
        if not kind:
            return await self.unknown(request)
        if kind == "payment_method":
            return await self._answer(request, lambda call: methods.find(call, id, in_path=True))
        if kind == "event":
            return await self._answer(request, lambda call: events.one(call, id))
        if kind == balances.KIND:
            return await self._answer(request, lambda call: balances.one(call, id))
        return await self._answer(request, lambda call: call.find(kind, id))

    async def made(self, request: web.Request) -> web.StreamResponse:
        work = MAKE.get(request.match_info["things"])
        return await (self.unknown(request) if work is None else self._answer(request, work))

    async def changed(self, request: web.Request) -> web.StreamResponse:
        named = (request.match_info["things"], request.match_info.get("verb", ""))
        work, id = CHANGE.get(named), request.match_info["id"]
        return await (self.unknown(request) if work is None else self._answer(request, lambda call: work(call, id)))

    async def balance(self, request: web.Request) -> web.StreamResponse:
        return await self._answer(request, balances.balance)

    async def report_asked(self, request: web.Request) -> web.StreamResponse:
        return await self._answer(request, report_runs.create)

    async def reports(self, request: web.Request) -> web.StreamResponse:
        return await self._answer(request, lambda call: reading.page(call, report_runs.KIND, request.path))

    async def report(self, request: web.Request) -> web.StreamResponse:
        return await self._answer(request, lambda call: call.find(report_runs.KIND, request.match_info["id"]))

    async def content(self, request: web.Request) -> web.StreamResponse:
        return await self._answer(request, lambda call: report_runs.content(call, request.match_info["id"]))

    async def token(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        try:
            with self.sandbox.book.transaction():
                body = methods.put_behaviour(self.sandbox, request.match_info["id"], raw)
        except (msgspec.DecodeError, RefusedError) as error:
            return web.json_response({"error": str(error)}, status=HTTPStatus.BAD_REQUEST)
        return web.json_response(body)

    async def unknown(self, request: web.Request) -> web.StreamResponse:
        def refuse(_: Call) -> Body:
            error = InvalidError(f"Unrecognized request URL ({request.method}: {request.path}).")
            error.status = 404
            raise error

        return await self._answer(request, refuse)

    async def _answer(self, request: web.Request, work: Work) -> web.StreamResponse:
        posted = request.method == "POST"
        try:
            account, for_browser = _account(request)
            raw, sent = await _sent(request)
            key = request.headers.get("Idempotency-Key", "") if posted else ""
            if len(key) > KEY_MAX:
                raise InvalidError("Idempotency keys can be up to 255 characters long.")
            call = Call(self.sandbox, account, sent, key)
            if for_browser:
                _admit_browser(call, request)
        except StripeError as error:
            act = Act(operation="other", account="")
            refused = error.answer()
            return await faults.answer(self.sandbox, request, act, lambda: refused)
        fingerprint = hashlib.sha256(f"{request.path}?{raw}".encode()).digest()
        act = _act(call, request)
        return await faults.answer(self.sandbox, request, act, lambda: _once(call, fingerprint, work))


async def _sent(request: web.Request) -> tuple[str, Form]:
    """Return what makes two requests the same, and what they say; the boundary of an upload is no part of that."""
    if request.method != "POST":
        return request.query_string, form.parse(request.query_string)
    if request.content_type != "multipart/form-data":
        raw = (await request.read()).decode("utf-8", "replace")
        return raw, form.parse(raw)
    sent: Form = {}
    for name, value in (await request.post()).items():
        if isinstance(value, web.FileField):
            sent[name] = {"filename": value.filename, "content": value.file.read()}
        else:
            sent[name] = value if isinstance(value, str) else value.decode("utf-8", "replace")
    return hashlib.sha256(msgspec.json.encode(sent)).hexdigest(), sent


def _once(call: Call, fingerprint: bytes, work: Work) -> Answer:
    """Do the work, or answer as the first time its idempotency key was seen."""
    now = call.sandbox.clock.now()
    stored = call.book.recall(call.account, call.key) if call.key else None
    if stored is not None and now - stored.at < KEY_KEPT_S:
        return _again(call, stored, fingerprint)
    done, executed = _carry_out(call, work)
    if call.key and executed:
        call.book.remember(call.account, call.key, Stored(fingerprint, done.status, done.body, now))
    return Answer(done.status, done.body, _headers(call), done.content_type)


def _again(call: Call, stored: Stored, fingerprint: bytes) -> Answer:
    if stored.fingerprint != fingerprint:
        message = (
            "Keys for idempotent requests can only be used with the same parameters they were first used with."
            f" Try using a key other than '{call.key}' if you meant to execute a different request."
        )
        return IdempotencyError(message).answer()
    return Answer(stored.status, stored.body, {**_headers(call), "Idempotent-Replayed": "true"})


def _carry_out(call: Call, work: Work) -> tuple[Answer, bool]:
    """Do the work; what a refused request wrote is undone, what a declined one wrote stays."""
    sql = call.book.sql
    sql.execute("SAVEPOINT work")
    try:
        made = work(call)
        done, executed = made if isinstance(made, Answer) else _shown(call, made), True
    except StripeError as error:
        if not error.executed:
            sql.execute("ROLLBACK TO work")
        done, executed = error.answer(), error.executed
    sql.execute("RELEASE work")
    return done, executed


def _shown(call: Call, made: Body) -> Answer:
    return Answer(200, objects.encode(reading.expand(call, made)))


def _headers(call: Call) -> dict[str, str]:
    headers = {"Request-Id": call.request_id, "Stripe-Version": objects.API_VERSION}
    return {**headers, "Idempotency-Key": call.key} if call.key else headers


def _admit_browser(call: Call, request: web.Request) -> None:
    """
    Let a publishable key do what Stripe.js does: make a PaymentMethod, and go on with what it knows the secret of.

    Raises:
        SecretKeyRequiredError: for anything else.

    """
    things, id, verb = (request.match_info.get(name, "") for name in ("things", "id", "verb"))
    if (request.method, things, id) == ("POST", "payment_methods", ""):
        return
    kind = {"payment_intents": "payment_intent", "setup_intents": "setup_intent"}.get(things, "")
    intent = (call.book.get(kind, call.account, id) if kind and id else None) or {}
    told = form.text(call.form, "client_secret") or ""
    fits = secrets.compare_digest(str(intent.get("client_secret", "")).encode(), told.encode())
    if not told or not fits or verb not in ({"confirm"} if request.method == "POST" else {""}):
        raise SecretKeyRequiredError("This API call cannot be made with a publishable API key.")
    call.form.pop("client_secret")


def _account(request: web.Request) -> tuple[str, bool]:
    """
    Return the account an API key opens, whatever follows `sk_test_`, and whether the key is one for browsers.

    Raises:
        UnauthorizedError: when there is no key, or not one of this mode.

    """
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            given = base64.b64decode(given).decode("ascii").partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            given = ""
    if not given:
        raise UnauthorizedError("You did not provide an API key.")
    prefix = next((opening for opening in (*OPENS, OPENS_FOR_BROWSERS) if given.startswith(opening)), None)
    account = "" if prefix is None else given[len(prefix) :]
    if not account or account.startswith("invalid"):
        raise UnauthorizedError(f"Invalid API Key provided: {given[:8]}{'*' * 8}{given[-4:]}")
    return account, prefix == OPENS_FOR_BROWSERS


def _act(call: Call, request: web.Request) -> Act:
    """Say what a request is, in the words faults are matched by."""
    things, verb = request.match_info.get("things", ""), request.match_info.get("verb", "")
    id = request.match_info.get("id", "")
    operation, intent = _operation(call, request.method, things, verb, id)
    payment_tag = str(intent.get("_tag", ""))
    own_tag = intents.own_tag_of(call.form, call.key)
    tag = own_tag if operation not in {"inquire", "other"} else payment_tag
    return Act(operation=operation, account=call.account, tag=tag, payment_tag=payment_tag, key=call.key)


def _operation(call: Call, method: str, things: str, verb: str, id: str) -> tuple[Operation, Body]:
    if things == "refunds":
        target = str(call.form.get("payment_intent", ""))
        return ("inquire" if method == "GET" else "refund"), _intent(call, target)
    if things == "charges":
        return "inquire", {}
    if things == "disputes":
        made = (call.book.get("dispute", call.account, id) if id else None) or {}
        return ("inquire" if method == "GET" else "other"), _intent(call, str(made.get("payment_intent", "")))
    if things != "payment_intents":
        return "other", {}
    intent = _intent(call, id)
    if method == "GET":
        return "inquire", intent
    if verb == "capture":
        return "capture", intent
    if verb == "cancel":
        return "void", intent
    if verb == "confirm" or not id:
        return _opening(call.form, intent), intent
    return "other", intent


def _opening(asked: Form, intent: Body) -> Operation:
    manual = (asked.get("capture_method") or intent.get("capture_method")) == "manual"
    return "authorize" if manual else "purchase"


def _intent(call: Call, id: str) -> Body:
    return (call.book.get("payment_intent", call.account, id) if id else None) or {}
