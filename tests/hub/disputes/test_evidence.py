"""The form that brings evidence: what is wrong is told by the field, and nothing of it is kept."""

from typing import Any

import httpx
import pytest

from hub.disputes.evidence import FILES_BYTES_MAX, TEXT_MAX, read_evidence, said_of
from hub.errors import ProblemError

PDF = ("receipt.pdf", b"%PDF-1.7", "application/pdf")
CARD = "4242 4242 4242 4242"


def form(**sent: Any) -> tuple[str, bytes]:
    """A form as a client sends it: its Content-Type and body."""
    request = httpx.Request("POST", "http://hub.example", **sent)
    return request.headers["content-type"], request.read()


def problem_of(content_type: str, body: bytes) -> tuple[str, list[str]]:
    with pytest.raises(ProblemError) as raised:
        read_evidence(content_type, body)
    return raised.value.code, [error.field for error in raised.value.errors or ()]


def test_texts_and_files_are_read_with_what_each_file_shows() -> None:
    files = [("file", PDF), ("file[shipping documentation]", ("a.png", b"\x89PNG\r\n\x1a\n", "image/png"))]

    read = read_evidence(*form(data={"text": "the payer had it\nfor ü days", "defense": "D1"}, files=files))

    assert (read.text, read.defense) == ("the payer had it\nfor ü days", "D1")
    assert [(f.name, f.purpose, f.content) for f in read.files] == [
        ("receipt.pdf", None, b"%PDF-1.7"),
        ("a.png", "shipping documentation", b"\x89PNG\r\n\x1a\n"),
    ]


def test_the_same_form_with_another_boundary_is_the_same_wish() -> None:
    sent: dict[str, Any] = {"data": {"text": "it"}, "files": {"file": PDF}}

    assert said_of(read_evidence(*form(**sent))) == said_of(read_evidence(*form(**sent)))


def test_other_content_under_the_same_name_is_another_wish() -> None:
    one, other = (
        read_evidence(*form(files={"file": ("a.pdf", content, "application/pdf")}))
        for content in (b"%PDF-1", b"%PDF-2")
    )

    assert said_of(one) != said_of(other)


@pytest.mark.parametrize(
    ("sent", "code", "field"),
    [
        ({"files": {"proof": PDF}}, "validation_failed", "proof"),
        ({"files": {"file": ("a.pdf", b"MZ", "application/pdf")}}, "validation_failed", "file"),
        ({"files": {"file": ("a.exe", b"MZ", "application/x-msdownload")}}, "validation_failed", "file"),
        ({"files": {"file[receipt]": ("a.pdf", b"", "application/pdf")}}, "validation_failed", "file[receipt]"),
        ({"files": {"text": PDF}}, "validation_failed", "text"),
        ({"data": {"file": "%PDF-1"}, "files": {"file": PDF}}, "validation_failed", "file"),
        ({"data": {"text": " "}, "files": {"file": PDF}}, "validation_failed", "text"),
        ({"data": {"text": "x" * (TEXT_MAX + 1)}, "files": {"file": PDF}}, "validation_failed", "text"),
        ({"data": {"text": "a\0b"}, "files": {"file": PDF}}, "validation_failed", "text"),
        ({"data": {"defense": "a\nb"}, "files": {"file": PDF}}, "validation_failed", "defense"),
        ({"data": {"text": ["a", "b"]}, "files": {"file": PDF}}, "validation_failed", "text"),
        ({"data": {"text": f"paid with {CARD}"}, "files": {"file": PDF}}, "card_data_refused", "text"),
        ({"files": {"file": (f"{CARD}.pdf", *PDF[1:])}}, "card_data_refused", "file[0].name"),
        ({"files": {CARD: PDF}}, "validation_failed", "(a key)"),
    ],
)
def test_what_is_wrong_is_told_by_its_field(sent: dict[str, Any], code: str, field: str) -> None:
    assert problem_of(*form(**sent)) == (code, [field])


def test_more_than_twenty_mebibytes_in_all_are_refused() -> None:
    half = b"%PDF-" + b" " * (FILES_BYTES_MAX // 2)
    files = [("file", (f"{n}.pdf", half, "application/pdf")) for n in range(2)]

    assert problem_of(*form(files=files)) == ("body_too_large", [])


def test_an_empty_form_says_what_is_missing() -> None:
    assert problem_of("multipart/form-data; boundary=x", b"--x--\r\n") == ("validation_failed", ["text"])


@pytest.mark.parametrize("content_type", ["application/json", "multipart/form-data", ""])
def test_another_content_type_is_refused(content_type: str) -> None:
    assert problem_of(content_type, b"{}") == ("unsupported_media_type", [])


@pytest.mark.parametrize("body", [b"", b"{}", b"--x\r\nContent", b"--x\r\n\r\n--x--"])
def test_what_is_no_form_is_refused(body: bytes) -> None:
    assert problem_of("multipart/form-data; boundary=x", body) == ("malformed_request", [])


def test_a_form_of_too_many_parts_is_refused() -> None:
    files = [("file", PDF)] * 50

    assert problem_of(*form(files=files)) == ("malformed_request", [])
