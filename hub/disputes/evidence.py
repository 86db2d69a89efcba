"""Evidence as a caller sends it: a form with text, the ground that is claimed, and files; pure."""

import re
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Final, NoReturn

from msgspec import Struct
from multipart import (  # type: ignore[import-untyped] # it ships no types; what comes out of it is annotated
    MultipartError,
    MultipartSegment,
    PushMultipartParser,
    parse_options_header,
)

from adapters.abilities import EvidenceFile
from hub.errors import FieldError, ProblemError
from hub.pan import find_card_number

FILES_BYTES_MAX: Final = 20 * 1024 * 1024
BODY_BYTES_MAX: Final = FILES_BYTES_MAX + 256 * 1024
"""The files, and what stands around them."""
TEXT_MAX: Final = 20_000
WORD_MAX: Final = 255
PARTS_MAX: Final = 40
BEGINNINGS: Final[Mapping[str, tuple[bytes, ...]]] = {
    "application/pdf": (b"%PDF-",),
    "image/jpeg": (b"\xff\xd8\xff",),
    "image/png": (b"\x89PNG\r\n\x1a\n",),
    "image/tiff": (b"II*\x00", b"MM\x00*"),
}
"""What the files of each type begin with."""
_FILE: Final = re.compile(r"file(?:\[(?P<purpose>[a-zA-Z0-9_ .-]{1,100})\])?")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f]")
_NAME_SHOWN_MAX: Final = 64


class Evidence(Struct, frozen=True, kw_only=True):
    """What is to be handed in."""

    text: str | None = None
    defense: str | None = None
    files: tuple[EvidenceFile, ...] = ()


class Said(Struct, frozen=True, kw_only=True):
    """The same without what is in the files: what makes two requests the same."""

    text: str | None
    defense: str | None
    files: tuple[tuple[str, str, str | None, str], ...]


class _Part(Struct, frozen=True):
    name: str
    file_name: str | None
    content_type: str
    content: bytes


def read_evidence(content_type: str, body: bytes) -> Evidence:
    """Read a form.

    Raises:
        ProblemError: unsupported_media_type, malformed_request, validation_failed, card_data_refused, body_too_large;
            with the field where one is at fault.
    """
    kind, options = parse_options_header(content_type)
    if kind != "multipart/form-data" or not options.get("boundary"):
        raise ProblemError("unsupported_media_type", "send the evidence as multipart/form-data, with its boundary")
    texts: dict[str, str] = {}
    files: list[EvidenceFile] = []
    for part in _parts(options["boundary"], body):
        if part.name in {"text", "defense"}:
            if part.name in texts:
                _refuse(part.name, "stands twice; send it once")
            texts[part.name] = _text(part)
        elif named := _FILE.fullmatch(part.name):
            files.append(_file(part, named["purpose"]))
        else:
            name = part.name if find_card_number(part.name) is None and len(part.name) <= _NAME_SHOWN_MAX else "(a key)"
            _refuse(name, "is no field of this form; it takes text, defense, file and file[purpose]")
    if not texts and not files:
        _refuse("text", "is missing; send text, a defense or a file")
    if sum(len(file.content) for file in files) > FILES_BYTES_MAX:
        raise ProblemError("body_too_large", f"the files have more than {FILES_BYTES_MAX} bytes together")
    evidence = Evidence(text=texts.get("text"), defense=texts.get("defense"), files=tuple(files))
    _refuse_card_numbers(evidence)
    return evidence


def said_of(evidence: Evidence) -> Said:
    """Leave out what is in the files, but for its hash."""
    files = tuple((f.name, f.content_type, f.purpose, sha256(f.content).hexdigest()) for f in evidence.files)
    return Said(text=evidence.text, defense=evidence.defense, files=files)


def _parts(boundary: str, body: bytes) -> Iterator[_Part]:
    segment: MultipartSegment | None = None
    content = bytearray()
    try:
        with PushMultipartParser(
            boundary, content_length=len(body), max_segment_count=PARTS_MAX, strict=True
        ) as parser:
            for event in parser.parse(body):
                if isinstance(event, MultipartSegment):
                    segment, content = event, bytearray()
                elif event is not None:
                    content += event
                elif segment is not None:
                    kind = (segment.content_type or "").lower()
                    yield _Part(segment.name or "", segment.filename, kind, bytes(content))
    except (MultipartError, UnicodeDecodeError, LookupError, ValueError) as unreadable:
        detail = f"the body cannot be read as a form of at most {PARTS_MAX} parts"
        raise ProblemError("malformed_request", detail) from unreadable


def _text(part: _Part) -> str:
    try:
        text = part.content.decode()
    except UnicodeDecodeError:
        _refuse(part.name, "is not valid UTF-8")
    most, unfit = (TEXT_MAX, _CONTROL) if part.name == "text" else (WORD_MAX, _UNPRINTABLE)
    if part.file_name is not None:
        _refuse(part.name, "is a text; files go into the field file")
    if not text.strip():
        _refuse(part.name, "is empty; leave it out")
    if len(text) > most:
        _refuse(part.name, f"has {len(text)} characters; {most} is the most")
    if unfit.search(text):
        _refuse(part.name, "holds a control character; leave it out")
    return text


def _file(part: _Part, purpose: str | None) -> EvidenceFile:
    field = part.name
    if not part.file_name:
        _refuse(field, "has no file name; send it as a file")
    if len(part.file_name) > WORD_MAX or _UNPRINTABLE.search(part.file_name):
        _refuse(field, f"needs a name of 1 to {WORD_MAX} printable characters")
    beginnings = BEGINNINGS.get(part.content_type)
    if beginnings is None:
        _refuse(field, f"is of no type that is taken; send one of {', '.join(BEGINNINGS)}")
    if not part.content.startswith(beginnings):
        _refuse(field, f"does not begin as a file of the type {part.content_type} does")
    return EvidenceFile(name=part.file_name, content_type=part.content_type, content=part.content, purpose=purpose)


def _refuse_card_numbers(evidence: Evidence) -> None:
    """Look at everything but what is in the files, which the hub does not read."""
    said = {
        "text": evidence.text,
        "defense": evidence.defense,
        "file": [{"name": file.name, "purpose": file.purpose} for file in evidence.files],
    }
    if (path := find_card_number(said)) is not None:
        error = FieldError(path, "holds what looks like a card number; leave all but its last four digits out")
        raise ProblemError("card_data_refused", "a card number was sent; nothing of it was kept", errors=[error])


def _refuse(field: str, message: str) -> NoReturn:
    raise ProblemError(
        "validation_failed",
        "a field is not as this request needs it",
        errors=[FieldError(field or "(no name)", message)],
    )
