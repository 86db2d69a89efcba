"""Bytes changed as nobody would mean them: what a fuzzer without coverage does, the same for one seed each time."""

from random import Random
from typing import Final

NASTY: Final = (
    b"\x00", b"\xff\xfe", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\\u0000", b"\\ud800", b"1e999", b"-0", b"9" * 400,
    b"NaN", b"null", b"true", b"[]", b"{}", b'""', b"[" * 2_000, b'{"a":' * 600, b"\r\n", b"\r", b",", b'"', b"'",
    b"<!DOCTYPE a>", b"&#0;", b"<![CDATA[", b"]]>", b"=", b"4242424242424242", b"2026-02-30",
    b"9999-12-31T23:59:59-12:00", b"0.1e-7",
    "\N{ARABIC-INDIC DIGIT THREE}".encode(), "\N{RIGHT-TO-LEFT OVERRIDE}".encode(), b"%00", b"../", b"${x}", b"'; --",
    b"-9223372036854775809", b"1_000", b" 12", b"0x10", b"Infinity", b"\t", b"\x1b[31m", b"x" * 70_000,
)  # fmt: skip
CHANGES_MAX: Final = 4


def mutated(seeds: tuple[bytes, ...], random: Random) -> bytes:
    """Change one of *seeds* in a few places."""
    made = bytearray(random.choice(seeds))
    for _ in range(random.randint(1, CHANGES_MAX)):
        at = random.randrange(len(made) + 1)
        to = min(len(made), at + random.choice((0, 1, 2, 8, 40)))
        match random.randrange(6):
            case 0:
                made[at:to] = random.choice(NASTY)
            case 1:
                made[at:to] = random.randbytes(random.randint(1, 6))
            case 2:
                del made[at:to]
            case 3:
                made[at:at] = made[at:to] * random.choice((1, 2, 50))
            case 4:
                other = random.choice(seeds)
                begin = random.randrange(len(other) + 1)
                made[at:to] = other[begin : begin + 60]
            case _:
                if at < len(made):
                    made[at] ^= 1 << random.randrange(8)
    return bytes(made)
