"""Whatever is wrong with a request, its sender is told what and where, and nothing of it is kept."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec
import pytest
import pytest_asyncio
from sqlalchemy import func, select

from hub.idempotency.tables import idempotency_keys
from hub.ids import new_id
from hub.payments.tables import operations, payments
from tests.hub.house import House

pytestmark = pytest.mark.asyncio(loop_scope="module")
CARD = "4242424242424242"
CARD_SPACED = "4242 4242 4242 4242"
DEEP = b"[" * 10_000 + b"]" * 10_000
JSON = {"Content-Type": "application/json"}


def body(home: House, **changes: Any) -> dict[str, Any]:
    return {
        "amount": 4999,
        "currency": "EUR",
        "reference": new_id("invoice-"),
        "payment_method": home.payment_method,
    } | changes


def raw(home: House, member: bytes) -> bytes:
    """A good body, to which *member* is added as its last."""
    return msgspec.json.encode(body(home))[:-1] + b"," + member + b"}"


def amount(home: House, written: bytes) -> bytes:
    """A body whose amount stands there as *written*."""
    without = {name: value for name, value in body(home).items() if name != "amount"}
    return msgspec.json.encode(without)[:-1] + b',"amount":' + written + b"}"


async def send(home: House, content: bytes, path: str = "/v1/payments", **headers: str) -> httpx.Response:
    sent = (
        JSON | {"Idempotency-Key": new_id("key_")} | {name.replace("_", "-"): value for name, value in headers.items()}
    )
    return await home.hub.client.post(path, content=content, headers=sent)


async def kept(home: House) -> list[int]:
    """How many payments, operations and keys there are."""
    async with home.hub.parts.database.reading() as connection:
        tables = (payments, operations, idempotency_keys)
        return [await connection.scalar(select(func.count()).select_from(table)) or 0 for table in tables]


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def _nothing_is_kept(home: House) -> AsyncIterator[None]:
    before = await kept(home)
    yield
    assert await kept(home) == before


def told(answer: httpx.Response) -> tuple[int, str, str | None]:
    """Status, code and field of a problem."""
    problem = answer.json()
    fields = [error["field"] for error in problem.get("errors", [])]
    return answer.status_code, problem["code"], fields[0] if fields else None


@pytest.mark.parametrize(
    "written",
    [b'"12"', b"12.0", b"1e3", b"1E2", b"true", b"[]", b"{}", b"0", b"-1", b"-0", b"9" * 39, b"100000000000",
     b"1" + b"0" * 400],
    ids=lambda written: written[:20].decode(),
)  # fmt: skip
@pytest.mark.parametrize("path", ["/v1/payments", "/v1/payments/pay_x/capture", "/v1/payments/pay_x/refunds"])
async def test_an_amount_is_a_whole_number_within_bounds_or_names_itself(
    home: House, path: str, written: bytes
) -> None:
    content = amount(home, written) if path == "/v1/payments" else b'{"amount":' + written + b"}"

    answer = await send(home, content, path)

    assert told(answer) == (422, "validation_failed", "amount")


@pytest.mark.fault_case(id="CUR-07")
@pytest.mark.fault_case(id="AZ-06")
@pytest.mark.fault_case(id="API-09")
@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"currency": "eur"}, "currency"),
        ({"currency": "XYZ"}, "currency"),
        ({"currency": "EUR\n"}, "currency"),
        ({"currency": ""}, "currency"),
        ({"currency": 978}, "currency"),
        ({"surprise": 1}, "surprise"),
        ({"risk": {"surprise": 1}}, "risk.surprise"),
        ({"country": "de"}, "country"),
        ({"country": "ZZ"}, "country"),
        ({"country": "DEU"}, "country"),
        ({"country": "DE\n"}, "country"),
        ({"risk_score": 101}, "risk_score"),
        ({"risk_score": -1}, "risk_score"),
        ({"reference": ""}, "reference"),
        ({"reference": "a\x00b"}, "reference"),
        ({"reference": "a\nb"}, "reference"),
        ({"reference": "r" * 256}, "reference"),
        ({"reference": None}, "reference"),
        ({"metadata": {"note": "a\x00b"}}, "metadata.note"),
        ({"metadata": {"a\x00b": "note"}}, "metadata.(a key)"),
        ({"metadata": {"n": 1}}, "metadata.*"),
        ({"metadata": {str(n): "x" for n in range(21)}}, "metadata"),
        ({"return_url": "javascript:alert(1)"}, "return_url"),
        ({"return_url": "https://shop.example/\r\nSet-Cookie: a=b"}, "return_url"),
        ({"return_url": "https://"}, "return_url"),
        ({"statement_descriptor": "M\u00dcLLER"}, "statement_descriptor"),
        ({"capture": "later"}, "capture"),
        ({"recurring": "always"}, "recurring"),
        ({"off_session": "no"}, "off_session"),
        ({"payment_method_data": {"processor": "adyen", "data": {}}}, "payment_method"),
        ({"payment_method": None}, "payment_method"),
        ({"payment_method": "pm_\x00"}, "payment_method"),
        ({"merchant_account": ["ma_1"]}, "merchant_account"),
        ({"metadata": {"order": CARD}}, "metadata.order"),
        ({"metadata": {"order": f"on 2026-11-21 {CARD_SPACED} was"}}, "metadata.order"),
        ({"metadata": {CARD: "order"}}, "metadata.(a key)"),
        ({"reference": CARD}, "reference"),
        ({"reference": CARD_SPACED.replace(" ", "-")}, "reference"),
        ({"statement_descriptor": CARD}, "statement_descriptor"),
        ({"return_url": f"https://shop.example/?card={CARD}"}, "return_url"),
        ({"brand": CARD}, "brand"),
        ({"customer": CARD}, "customer"),
        ({"payment_method": CARD}, "payment_method"),
        ({"risk": {"device_id": CARD}}, "risk.device_id"),
        ({CARD: 1}, "(a key)"),
    ],
    ids=str,
)
async def test_a_field_that_is_wrong_is_named_and_never_repeated(
    home: House, changes: dict[str, Any], field: str
) -> None:
    answer = await send(home, msgspec.json.encode(body(home, **changes)))

    refused = "card_data_refused" if "4242" in str(changes) else "validation_failed"
    assert told(answer) == (422, refused, field)
    assert "4242" not in answer.text


@pytest.mark.parametrize("missing", ["amount", "currency", "reference"])
async def test_a_field_that_is_missing_is_named(home: House, missing: str) -> None:
    sent = {name: value for name, value in body(home).items() if name != missing}

    assert told(await send(home, msgspec.json.encode(sent))) == (422, "validation_failed", missing)


class TestUnreadable:
    @pytest.mark.fault_case(id="API-04")
    async def test_a_key_that_stands_twice_is_named(self, home: House) -> None:
        assert told(await send(home, raw(home, b'"amount":1'))) == (400, "malformed_request", "amount")

    async def test_a_key_that_stands_twice_in_another_spelling_is_found_too(self, home: House) -> None:
        assert told(await send(home, raw(home, rb'"\u0061mount":1'))) == (400, "malformed_request", "amount")

    async def test_a_key_that_stands_twice_deep_inside_is_named(self, home: House) -> None:
        twice = raw(home, b'"metadata":{"a":"1","a":"2"}')

        assert told(await send(home, twice)) == (400, "malformed_request", "a")

    @pytest.mark.fault_case(id="API-02")
    @pytest.mark.parametrize(
        "member",
        [
            b'"reference":"\xff\xfe"',
            b'"metadata":{"a":"\xc3"}',
            b'"metadata":{"a":"\xed\xa0\x80"}',
            rb'"metadata":{"a":"\ud800"}',
            rb'"metadata":{"\udfff":"a"}',
            b'"metadata":' + DEEP,
            b'"payment_method_data":{"processor":"adyen","data":{"a":' + DEEP + b"}}",
            b'"metadata":{"a":NaN}',
            b"'reference':'x'",
            b"",
        ],
        ids=["bad UTF-8", "cut UTF-8", "surrogate in UTF-8", "lone surrogate", "lone surrogate in a key", "deep",
             "deep where anything may stand", "NaN", "single quotes", "last comma"],
    )  # fmt: skip
    async def test_what_is_no_json_as_we_take_it_is_refused(self, home: House, member: bytes) -> None:
        assert told(await send(home, raw(home, member))) == (400, "malformed_request", None)

    @pytest.mark.fault_case(id="API-02")
    @pytest.mark.parametrize(
        "content", [b"", b" ", b"{", b"{}{}", DEEP, b"\xef\xbb\xbf{}"], ids=lambda one: str(one[:5])
    )
    async def test_what_is_no_json_at_all_is_refused(self, home: House, content: bytes) -> None:
        assert told(await send(home, content)) == (400, "malformed_request", None)

    @pytest.mark.parametrize("content", [b"null", b"[]", b'"text"', b"12"])
    async def test_what_is_no_object_is_refused(self, home: House, content: bytes) -> None:
        assert told(await send(home, content)) == (422, "validation_failed", "(body)")

    @pytest.mark.fault_case(id="API-06")
    async def test_300_kb_are_too_many(self, home: House) -> None:
        large = raw(home, b'"metadata":{"a":"' + b"x" * 300_000 + b'"}')

        assert told(await send(home, large)) == (413, "body_too_large", None)

    @pytest.mark.fault_case(id="API-06")
    async def test_300_kb_without_saying_so_beforehand_are_too_many(self, home: House) -> None:
        async def pieces() -> AsyncIterator[bytes]:
            for _ in range(300):
                yield b"x" * 1000

        headers = JSON | {"Idempotency-Key": new_id("key_")}
        answer = await home.hub.client.post("/v1/payments", content=pieces(), headers=headers)

        assert told(answer) == (413, "body_too_large", None)

    @pytest.mark.parametrize(
        "media_type",
        ["text/plain", "", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
         "application/json; charset=latin-1", "application/jsonx"],
    )  # fmt: skip
    async def test_what_does_not_say_it_is_json_is_not_read(self, home: House, media_type: str) -> None:
        answer = await send(home, msgspec.json.encode(body(home)), Content_Type=media_type)

        assert told(answer) == (415, "unsupported_media_type", None)


class TestKey:
    @pytest.mark.fault_case(id="IDE-06")
    async def test_a_missing_key_is_asked_for(self, home: House) -> None:
        answer = await home.hub.client.post("/v1/payments", json=body(home))

        assert told(answer) == (400, "idempotency_key_missing", None)

    @pytest.mark.parametrize(
        ("key", "code"),
        [
            (b"", "idempotency_key_missing"),
            (b"k" * 256, "idempotency_key_invalid"),
            ("schl\u00fcssel".encode(), "idempotency_key_invalid"),
            (b"a\tb", "idempotency_key_invalid"),
            (CARD.encode(), "idempotency_key_invalid"),
            (f"order {CARD_SPACED}".encode(), "idempotency_key_invalid"),
        ],
        ids=["empty", "256 characters", "not ASCII", "a tab", "a card number", "a card number inside"],
    )
    async def test_a_key_that_cannot_be_one_is_refused(self, home: House, key: bytes, code: str) -> None:
        headers = httpx.Headers([(b"Idempotency-Key", key)])

        answer = await home.hub.client.post("/v1/payments", json=body(home), headers=headers)

        assert told(answer) == (400, code, None)
        assert "4242" not in answer.text

    async def test_two_keys_are_one_too_many(self, home: House) -> None:
        headers = httpx.Headers([("Idempotency-Key", "a"), ("Idempotency-Key", "b")])

        answer = await home.hub.client.post("/v1/payments", json=body(home), headers=headers)

        assert told(answer) == (400, "idempotency_key_invalid", None)


class TestAddress:
    @pytest.mark.fault_case(id="PAN-01")
    @pytest.mark.parametrize("path", ["/v1/payments?reference=", "/v1/payments?cursor=", "/v1/refunds?payment="])
    async def test_a_card_number_in_a_query_names_its_parameter(self, home: House, path: str) -> None:
        answer = await home.hub.client.get(path + CARD)

        field = path.partition("?")[2].rstrip("=")
        assert told(answer) == (422, "card_data_refused", field)
        assert "4242" not in answer.text

    @pytest.mark.fault_case(id="PAN-01")
    @pytest.mark.parametrize(
        ("query", "field"),
        [(f"reference={CARD}&reference=a", "reference"), (CARD, "(a key)"), (f"{CARD}=", "(a key)")],
        ids=["before another of the same name", "as a name alone", "as a name without a value"],
    )
    async def test_a_card_number_in_a_query_is_found_wherever_it_stands(
        self, home: House, query: str, field: str
    ) -> None:
        answer = await home.hub.client.get(f"/v1/payments?{query}")

        assert told(answer) == (422, "card_data_refused", field)
        assert "4242" not in answer.text

    @pytest.mark.fault_case(id="PAN-01")
    @pytest.mark.parametrize("path", [f"/v1/payments/{CARD}", f"/v1/payments/{CARD}/capture", f"/v1/refunds/{CARD}"])
    async def test_a_card_number_in_a_path_is_refused_and_not_repeated(self, home: House, path: str) -> None:
        sent = home.hub.post(path, {}) if path.endswith("capture") else home.hub.get(path)
        answer = await sent

        assert told(answer) == (422, "card_data_refused", "(path)")
        assert CARD not in answer.text

    @pytest.mark.parametrize(
        "path",
        ["/v1/payments/%00", "/v1/payments?reference=%00", "/v1/refunds/%00", "/redirect/%00", "/return/%00",
         "/return/pay_x?s=%00", "/v1/payments/a%00b/timeline"],
    )  # fmt: skip
    async def test_nul_in_an_address_is_malformed(self, home: House, path: str) -> None:
        assert told(await home.hub.client.get(path)) == (400, "malformed_request", None)

    @pytest.mark.parametrize("path", ["/v1/payments/%ff", "/v1/payments?reference=%ff", "/return/%ff?s=%ff"])
    async def test_bytes_that_are_no_text_in_an_address_name_nothing(self, home: House, path: str) -> None:
        assert (await home.hub.client.get(path)).status_code in {200, 400, 404}

    async def test_an_address_of_nothing_is_a_problem_document_too(self, home: House) -> None:
        missing, wrong = await home.hub.get("/v1/nothing"), await home.hub.client.put("/v1/payments", json={})

        assert (told(missing), told(wrong)) == ((404, "not_found", None), (405, "method_not_allowed", None))


class TestSlow:
    @pytest.mark.fault_case(id="API-07")
    @pytest.mark.parametrize("path", ["/v1/payments", "/v1/payments/pay_x/refunds"])
    async def test_half_a_body_is_given_up_within_its_time(self, home: House, path: str) -> None:
        began = asyncio.get_running_loop().time()
        answer = await half_sent(home, path)

        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b'"code":"request_timeout"' in answer
        assert asyncio.get_running_loop().time() - began < 3


async def half_sent(home: House, path: str) -> bytes:
    """Announce a hundred bytes, send ten, and read what comes."""
    at = urlsplit(home.hub.url)
    reader, writer = await asyncio.open_connection(at.hostname, at.port)
    head = [
        f"POST {path} HTTP/1.1", f"Host: {at.netloc}", f"Authorization: {home.hub.client.headers['authorization']}",
        "Content-Type: application/json", "Idempotency-Key: half", "Content-Length: 100", "", '{"amount":',
    ]  # fmt: skip
    writer.write("\r\n".join(head).encode())
    try:
        async with asyncio.timeout(5):
            return await reader.read(4096)
    finally:
        writer.close()
