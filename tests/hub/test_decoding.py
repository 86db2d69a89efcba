"""What a request body may be, and what is said when it is not."""

import asyncio
import json
from enum import StrEnum
from typing import Annotated, Any, Literal

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from litestar import Litestar, post
from litestar.params import JSONBody
from litestar.testing import AsyncTestClient
from msgspec import Meta, Struct

from hub.decoding import StrictRequest, decode
from hub.errors import HANDLERS, ProblemError
from normalization.money import Currency


class Kind(StrEnum):
    CARD = "card"
    WALLET = "wallet"


class Per(StrEnum):
    CHARGE = "charge"
    REFUND = "refund"


class Token(Struct, tag_field="type", tag="token"):
    """One of two kinds that `type` tells apart."""


class Session(Struct, tag_field="type", tag="session"):
    """The other."""


class Fee(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    fixed_minor: Annotated[int, Meta(ge=0)]
    per: Per = Per.CHARGE


class Charge(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    amount: Annotated[int, Meta(ge=1, le=99_999_999_999)]
    currency: Currency
    reference: Annotated[str, Meta(min_length=1, max_length=64)] = "r"
    country: Annotated[str, Meta(pattern=r"^[A-Z]{2}\Z")] | None = None
    locale: Annotated[str, Meta(pattern="^[a-z]{2}$")] = "en"
    note: Annotated[str, Meta(pattern=r"^(?![\s\S]*[^ -~])")] = ""
    fees: list[Fee] = []
    kind: Kind | None = None
    initiator: Literal["payer", "merchant"] = "payer"
    weights: dict[str, list[Per]] = {}
    source: Token | Session | None = None
    metadata: dict[str, str] = {}
    anything: Any = None


CHARGE = msgspec.json.Decoder(Charge)
GOOD = b'{"amount": 4999, "currency": "EUR", "reference": "invoice-1042", "metadata": {"order": "1042"}}'


def refused(body: bytes) -> ProblemError:
    with pytest.raises(ProblemError) as caught:
        decode(body, CHARGE)
    return caught.value


def with_anything(value: bytes) -> bytes:
    return b'{"amount": 1, "currency": "EUR", "anything": ' + value + b"}"


def test_a_body_as_declared_is_decoded() -> None:
    assert decode(GOOD, CHARGE).amount == 4999


@pytest.mark.parametrize(
    ("amount", "message"),
    [
        (b'"12"', "must be a whole number, not text"),
        (b"12.0", "must be a whole number, not a number with a fraction or an exponent"),
        (b"1e3", "must be a whole number, not a number with a fraction or an exponent"),
        (b"true", "must be a whole number, not true or false, which is no such value"),
        (b"null", "must be a whole number, not null"),
        (b"0", "must be at least 1"),
        (b"-1", "must be at least 1"),
        (b"9" * 39, "must be at most 99999999999"),
        (b"1e400", "is a number out of range"),
    ],
)
def test_only_a_whole_number_in_range_is_an_amount(amount: bytes, message: str) -> None:
    problem = refused(b'{"amount": ' + amount + b', "currency": "EUR"}')

    assert problem.code == "validation_failed"
    assert problem.errors is not None
    assert [(e.field, e.message) for e in problem.errors] == [("amount", message)]


@pytest.mark.parametrize(
    ("body", "field", "message"),
    [
        (b'{"amount": 1}', "currency", "is required"),
        (
            b'{"amount": 1, "currency": "eur"}',
            "currency",
            "is not one of the values this field takes, spelt exactly so (codes are upper case)",
        ),
        (
            b'{"amount": 1, "currency": "XXX"}',
            "currency",
            "is not one of the values this field takes, spelt exactly so (codes are upper case)",
        ),
        (b'{"amount": 1, "currency": "EUR", "kind": "Card"}', "kind", "must be one of card, wallet"),
        (b'{"amount": 1, "currency": "EUR", "initiator": "bank"}', "initiator", "must be one of merchant, payer"),
        (
            b'{"amount": 1, "currency": "EUR", "fees": [{"fixed_minor": 1}, {"fixed_minor": 1, "per": "year"}]}',
            "fees[1].per",
            "must be one of charge, refund",
        ),
        (
            b'{"amount": 1, "currency": "EUR", "weights": {"a": ["heavy"]}}',
            "weights.*[0]",
            "must be one of charge, refund",
        ),
        (
            b'{"amount": 1, "currency": "EUR", "source": {"type": "cash"}}',
            "source.type",
            "must be one of token, session",
        ),
        (b'{"amount": 1, "currency": "EUR", "x": 1}', "x", "is not a field of this request"),
        (b'{"amount": 1, "currency": "EUR", "fees": [{}]}', "fees[0].fixed_minor", "is required"),
        (b'{"amount": 1, "currency": "EUR", "fees": [{"y": 1}]}', "fees[0].y", "is not a field of this request"),
        (b'{"amount": 1, "currency": "EUR", "metadata": {"a": 1}}', "metadata.*", "must be text, not a whole number"),
        (b'{"amount": 1, "currency": "EUR", "reference": ""}', "reference", "must have at least 1 characters"),
        (
            b'{"amount": 1, "currency": "EUR", "country": "de"}',
            "country",
            "does not have the form this field takes: ^[A-Z]{2}$",
        ),
        (
            b'{"amount": 1, "currency": "EUR", "locale": "DE"}',
            "locale",
            "does not have the form this field takes: ^[a-z]{2}$",
        ),
        (b'{"amount": 1, "currency": "EUR", "note": "\\n"}', "note", "does not have the form this field takes"),
        (b"[]", "(body)", "must be an object, not a list"),
    ],
)
def test_the_field_is_named_with_its_path(body: bytes, field: str, message: str) -> None:
    problem = refused(body)

    assert problem.errors is not None
    assert [(e.field, e.message) for e in problem.errors] == [(field, message)]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"{} {}",
        b'{"amount": NaN}',
        b"\xef\xbb\xbf{}",
        with_anything(b'"\xff"'),
        with_anything(b'"\xed\xa0\x80"'),
        with_anything(rb'"\ud800"'),
        with_anything(rb'{"\udc00": 1}'),
        with_anything(b"[" * 10_000),
        with_anything(b"[" * 10_000 + b"]" * 10_000),
        with_anything(b"[" * 32 + b"]" * 32),
        b'{"x": ' * 5_000 + b"1" + b"}" * 5_000,
        b'{"amount": 1, "amount": 2, "currency": "EUR"}',
        b'{"amount": 1, "currency": "EUR", "metadata": {"a": "1", "a": "1"}}',
        rb'{"amount": 1, "currency": "EUR", "metadata": {"a": "1", "\u0061": "1"}}',
        b'{"amount": "x", "amount": 2, "currency": "EUR"}',
    ],
)
def test_what_cannot_be_read_is_malformed(body: bytes) -> None:
    assert refused(body).code == "malformed_request"


@pytest.mark.parametrize("body", [with_anything(rb'["\u0000"]'), with_anything(rb'{"a\u0000": 1}')])
def test_nul_is_refused_naming_the_field(body: bytes) -> None:
    problem = refused(body)

    assert problem.code == "validation_failed"
    assert problem.errors is not None
    assert problem.errors[0].field.startswith("anything")


def test_thirty_levels_are_not_too_deep_and_escapes_are_fine() -> None:
    assert decode(with_anything(b"[" * 30 + rb'"\u00e9\n"' + b"]" * 30), CHARGE).amount == 1


@pytest.mark.fault_case(id="PAN-01")
@pytest.mark.parametrize(
    "body",
    [
        GOOD.replace(b"1042", b"4111111111111111"),
        GOOD.replace(b"invoice-1042", b"4111 1111 1111 1111"),
        GOOD.replace(b'"order"', b'"4111111111111111"'),
        GOOD.replace(b'"order"', rb'"\u0034111111111111111"'),
        GOOD.replace(b"4999", b"4111111111111111"),
        b'{"4111111111111111": 1}',
    ],
)
def test_a_card_number_anywhere_is_refused_and_not_repeated(body: bytes) -> None:
    problem = refused(body)

    assert problem.code == "card_data_refused"
    assert "4111" not in str(problem.errors)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)
ANYTHING = msgspec.json.Decoder()


@given(JSON_VALUES, st.booleans())
def test_any_json_without_nul_is_let_through_as_it_is(value: Any, escaped: bool) -> None:  # noqa: FBT001 - an example
    raw = json.dumps(value, ensure_ascii=escaped, indent=1).encode()
    assume("\\u0000" not in raw.decode())

    assert decode(raw, ANYTHING) == value


@given(st.dictionaries(st.text("abc", min_size=1), JSON_VALUES, min_size=1), st.booleans())
def test_a_key_that_stands_twice_is_always_found(value: dict[str, Any], escaped: bool) -> None:  # noqa: FBT001 - an example
    raw = json.dumps(value, ensure_ascii=escaped).encode()
    twice = b'{"in": [' + raw[:-1] + b", " + raw[1:] + b"]}"

    with pytest.raises(ProblemError) as caught:
        decode(twice, ANYTHING)

    assert caught.value.code == "malformed_request"


@post("/charge")
async def charge(data: JSONBody[Charge]) -> dict[str, int]:
    return {"amount": data.amount}


@post("/capture")
async def capture(data: JSONBody[Charge | None] = None) -> dict[str, bool]:
    return {"with_body": data is not None}


APP = Litestar(
    [charge, capture], request_class=StrictRequest, exception_handlers=HANDLERS, request_max_body_size=256 * 1024
)
JSON = {"content-type": "application/json"}


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (b"", JSON, 400, "malformed_request"),
        (GOOD, {"content-type": "text/plain"}, 415, "unsupported_media_type"),
        (GOOD, {}, 415, "unsupported_media_type"),
        (GOOD, {"content-type": "application/json; charset=latin-1"}, 415, "unsupported_media_type"),
        (b" " * 300 * 1024, JSON, 413, "body_too_large"),
        (b"[" * 10_000, JSON, 400, "malformed_request"),
        (b'{"amount": "12", "currency": "EUR"}', JSON, 422, "validation_failed"),
    ],
)
async def test_over_http_every_refusal_is_a_problem(
    body: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    async with AsyncTestClient(APP) as client:
        answer = await client.post("/charge", content=body, headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"


async def test_over_http_a_good_body_arrives_and_an_optional_one_may_be_left_out() -> None:
    async with AsyncTestClient(APP) as client:
        charged = await client.post("/charge", content=GOOD, headers={"content-type": "application/json;charset=UTF-8"})
        captured = await client.post("/capture")

    assert charged.json() == {"amount": 4999}
    assert captured.json() == {"with_body": False}


async def statuses_of(app: Litestar, messages: list[dict[str, Any]]) -> list[int]:
    """Post *messages* as the server would hand them over, then nothing more; give the statuses answered."""
    answered: list[Any] = []
    waiting = iter(messages)

    async def receive() -> Any:
        message = next(waiting, None)
        return message or await asyncio.Event().wait()

    async def send(message: Any) -> None:
        answered.append(message)

    scope: Any = {
        "type": "http", "method": "POST", "path": "/charge", "raw_path": b"/charge", "query_string": b"",
        "headers": [(b"content-type", b"application/json")], "http_version": "1.1", "scheme": "http",
        "server": ("test", 80), "client": ("test", 1), "root_path": "", "state": {}, "asgi": {"version": "3.0"},
    }  # fmt: skip
    await app(scope, receive, send)
    return [message["status"] for message in answered if "status" in message]


async def test_a_body_without_announced_length_is_bounded_as_it_streams() -> None:
    part = {"type": "http.request", "body": b" " * 64 * 1024, "more_body": True}

    assert await statuses_of(APP, [part] * 5) == [413]


async def test_a_body_that_stops_half_way_is_not_waited_for_for_ever() -> None:
    class Impatient:
        body_read_ms = 20

    app = Litestar([charge], request_class=StrictRequest, exception_handlers=HANDLERS)
    app.state["settings"] = Impatient()

    assert await statuses_of(app, [{"type": "http.request", "body": b"{", "more_body": True}]) == [408]


async def test_a_body_that_comes_in_parts_is_put_together() -> None:
    parts = [GOOD[:10], GOOD[10:20], GOOD[20:]]
    messages = [{"type": "http.request", "body": part, "more_body": part is not parts[-1]} for part in parts]

    assert await statuses_of(APP, messages) == [201]
