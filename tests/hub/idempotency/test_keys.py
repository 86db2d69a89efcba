"""What a key is, and what a request is answered whose key stands already."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from litestar.datastructures import Headers
from msgspec.structs import replace

from hub.errors import ProblemError
from hub.idempotency.keyed import fingerprint, key_of
from hub.idempotency.service import settle
from hub.idempotency.store import Key, Stored
from hub.payments.asked import CaptureRequest, RefundRequest

BODY = RefundRequest(amount=100)
KEY = Key(key="once", fingerprint=b"asked", location="/v1/payments/pay_2")
FIRST = Stored(fingerprint=b"asked", location="/v1/payments/pay_1", operation_id="att_1", status=201, answer=b"{}")


def asked(*given: str) -> Key:
    request = SimpleNamespace(headers=Headers([(b"Idempotency-Key", one.encode("latin-1")) for one in given]))
    return key_of(cast("Any", request), BODY, "POST /v1/refunds", "/v1/refunds/ref_1")


@pytest.mark.parametrize("given", ["a", "x" * 255, "with space", "0"])
def test_up_to_255_visible_characters_are_a_key(given: str) -> None:
    assert asked(given).key == given


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ((), "idempotency_key_missing"),
        (("",), "idempotency_key_missing"),
        (("  ",), "idempotency_key_missing"),
        (("x" * 256,), "idempotency_key_invalid"),
        (("one", "two"), "idempotency_key_invalid"),
        (("one", "one"), "idempotency_key_invalid"),
        (("a\x07b",), "idempotency_key_invalid"),
        (("caf\xe9",), "idempotency_key_invalid"),
        (("order-4111111111111111",), "idempotency_key_invalid"),
    ],
)
def test_anything_else_is_none(given: tuple[str, ...], code: str) -> None:
    with pytest.raises(ProblemError) as refused:
        asked(*given)

    assert refused.value.code == code


def test_a_request_is_told_from_another_by_what_it_says_and_where_it_goes() -> None:
    same = fingerprint(RefundRequest(amount=100), "POST /v1/payments/pay_1/refunds")

    assert fingerprint(BODY, "POST /v1/payments/pay_1/refunds") == same
    assert fingerprint(replace(BODY, amount=101), "POST /v1/payments/pay_1/refunds") != same
    assert fingerprint(BODY, "POST /v1/payments/pay_2/refunds") != same
    assert fingerprint(CaptureRequest(), "POST /v1/payments/pay_1/capture") != fingerprint(
        CaptureRequest(final=False), "POST /v1/payments/pay_1/capture"
    )


def test_a_key_that_was_answered_answers_the_same_again_and_says_so() -> None:
    reply = settle(FIRST, KEY)

    assert (reply.status, reply.body, reply.location, reply.replayed) == (201, b"{}", "/v1/payments/pay_1", True)


def test_what_the_same_request_was_known_by_before_is_the_same_request() -> None:
    rotated = replace(KEY, fingerprint=b"now", also=(b"before", b"asked"))

    assert settle(FIRST, rotated).replayed


@pytest.mark.parametrize("under_way", [{"status": None}, {"answer": None}, {"status": None, "answer": None}])
def test_a_key_that_is_under_way_is_to_be_sent_again_later(under_way: dict[str, None]) -> None:
    with pytest.raises(ProblemError) as refused:
        settle(replace(FIRST, **under_way), KEY)

    assert (refused.value.code, refused.value.retry_after) == ("idempotency_in_progress", 2)


@pytest.mark.parametrize("stands", [FIRST, replace(FIRST, status=None, answer=None)])
def test_another_request_under_a_key_is_refused_also_while_the_first_is_under_way(stands: Stored) -> None:
    with pytest.raises(ProblemError) as refused:
        settle(stands, replace(KEY, fingerprint=b"another", also=(b"older",)))

    assert refused.value.code == "idempotency_key_reused"
