"""What an adapter says of itself before it is asked for anything."""

import re
from datetime import timedelta
from inspect import iscoroutinefunction
from typing import Final

import msgspec
from msgspec.structs import fields

from adapters.conformance import asking
from adapters.conformance.bench import FIRST, Bench, ended
from adapters.conformance.overheard import secrets_of
from adapters.conformance.verdict import expect
from adapters.contract import Credentials, Inquiry
from normalization.outcome import Declined, Operation, Report

NAME: Final = re.compile(r"[a-z][a-z0-9_]{1,30}")
ASKED: Final = ("authorize", "complete", "follow_up", "inquire")
PURE: Final = ("open_webhook", "read_delivery")


@FIRST.rule()
async def the_processor_has_a_plain_name(bench: Bench) -> None:
    """The name stands in the database, in the API and in metrics."""
    name = bench.harness.registration.processor
    expect(NAME.fullmatch(name), "the processor's name is lower-case letters, digits and underscores", name)
    expect(bench.harness.token.processor == name, "the harness's token is the same processor's")


@FIRST.rule()
async def credentials_are_a_form(bench: Bench) -> None:
    """Decoding validates them, and their JSON Schema is the form that people fill in."""
    kind = bench.harness.registration.credentials
    expect(issubclass(kind, Credentials), "credentials derive from adapters.contract.Credentials", kind)
    msgspec.json.schema(kind)
    there = msgspec.json.encode(bench.credentials)
    expect(msgspec.json.decode(there, type=kind) == bench.credentials, "credentials survive being sealed as JSON")
    try:
        msgspec.json.decode(there[:-1] + b',"not_a_field":1}', type=kind)
    except msgspec.ValidationError:
        return
    expect(held=False, rule="credentials refuse a field that they do not know")


@FIRST.rule()
async def complete_credentials_have_nothing_wrong(bench: Bench) -> None:
    """What `check` finds is shown to whoever typed it in."""
    wrong = bench.harness.registration.check(bench.credentials, False)  # noqa: FBT003 - the contract's
    expect(wrong == [], "the harness's credentials pass check in test mode", wrong)


@FIRST.rule()
async def a_server_of_ones_own_is_refused_in_live_mode(bench: Bench) -> None:
    """`base_url` would send live payments to any address."""
    wrong = bench.harness.registration.check(bench.credentials, True)  # noqa: FBT003 - the contract's
    expect("base_url" in dict(wrong), "check names base_url in live mode", wrong)
    known = {field.name for field in fields(bench.credentials)}
    expect(dict(wrong).keys() <= known, "check names fields of the credentials", wrong)
    told = " ".join(message for _, message in wrong)
    expect(not any(secret in told for secret in secrets_of(bench.credentials)), "check repeats no secret")


@FIRST.rule()
async def nothing_secret_is_printed(bench: Bench) -> None:
    """A value is printed by logs, tracebacks and debuggers sooner or later."""
    secrets = secrets_of(bench.credentials)
    expect(secrets, "credentials hold a secret in a field named *key*, *secret*, *password* or *token*")
    expect(bench.credentials.webhook_secret, "the harness's credentials hold a webhook_secret")
    shown = f"{bench.credentials!r} {bench.credentials} {bench.adapter!r} {bench.harness.registration!r}"
    shown += repr(getattr(bench.credentials, "__rich_repr__", list)())
    expect(not any(secret in shown for secret in secrets), "the repr of credentials and adapter shows no secret")


@FIRST.rule()
async def the_contracts_methods_are_there(bench: Bench) -> None:
    """Four ask the processor, two are pure."""
    for name in ASKED:
        expect(iscoroutinefunction(getattr(bench.adapter, name, None)), f"{name} is an async method")
    for name in PURE:
        method = getattr(bench.adapter, name, None)
        expect(callable(method) and not iscoroutinefunction(method), f"{name} is a method that is not async")


@FIRST.rule()
async def capabilities_make_sense(bench: Bench) -> None:
    """The hub decides by them what may be sent again, and for how long it waits."""
    told = bench.capabilities
    ranges = [told.amounts, *(told.currencies or {}).values()]
    expect(all(0 < one.minimum_minor <= one.maximum_minor for one in ranges), "every range of amounts holds one")
    expect(told.currencies is None or told.currencies, "currencies are None, for every one, or some")
    expect(told.documentation.startswith("https://"), "documentation is the URL of the page that says so")
    expect(told.replay_for >= timedelta(0), "replay_for is no negative time")
    expect(told.lookup_grace >= timedelta(0), "lookup_grace is no negative time")
    expect(told.pending_max > timedelta(0), "pending_max is a time")
    if told.inquiry is Inquiry.REPLAY:
        expect(told.replay_re_answers and told.replay_for, "an inquiry by replay needs keys that answer again")


@FIRST.rule()
async def a_payment_without_means_is_refused_before_it_is_sent(bench: Bench) -> None:
    """Neither a token nor one-time data: a decline of ours, not an error."""
    request = asking.opening(Operation.PURCHASE, None, bench.currency)
    report = await ended(bench.adapter.authorize(request))
    expect(isinstance(report, Report) and isinstance(report.outcome, Declined), "it is declined", report)
    expect(not bench.stub.heard, "nothing is sent")
