"""Card numbers: found in what callers send, so that it is refused, and masked in what processors send.

Pure. A card number is 13 to 19 digits, single spaces or dashes between them allowed, that begin as an issuer's do, have
a length that issuer uses, and end in a valid check digit (ISO/IEC 7812-1 annex B).
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

DIGITS_MIN: Final = 13
DIGITS_MAX: Final = 19

# Source: the public issuer identification ranges of the networks, as of November 2026. Ranges that begin with 8 are
# left out: the oldest Adyen references are 16 digits that begin so, and no card that Stripe or Adyen takes does.
_ISSUERS: Final[tuple[tuple[int, int, int, frozenset[int]], ...]] = (
    # first, last, digits compared, lengths
    (4, 4, 1, frozenset({13, 16, 18, 19})),  # Visa
    (51, 55, 2, frozenset({16})),  # Mastercard
    (2221, 2720, 4, frozenset({16})),  # Mastercard
    (34, 34, 2, frozenset({15})),  # American Express
    (37, 37, 2, frozenset({15})),
    (300, 305, 3, frozenset(range(14, 20))),  # Diners Club
    (3095, 3095, 4, frozenset(range(14, 20))),
    (36, 36, 2, frozenset(range(14, 20))),
    (38, 39, 2, frozenset(range(14, 20))),
    (3528, 3589, 4, frozenset(range(16, 20))),  # JCB
    (6011, 6011, 4, frozenset(range(16, 20))),  # Discover
    (644, 649, 3, frozenset(range(16, 20))),
    (65, 65, 2, frozenset(range(16, 20))),  # Discover, RuPay, Elo
    (60, 60, 2, frozenset({16, 19})),  # RuPay, Hipercard
    (62, 62, 2, frozenset(range(16, 20))),  # UnionPay
    (2200, 2204, 4, frozenset(range(16, 20))),  # Mir
    (9792, 9792, 4, frozenset({16})),  # Troy
    (50, 50, 2, frozenset(range(13, 20))),  # Maestro, Elo, Verve
    (56, 59, 2, frozenset(range(13, 20))),  # Maestro
    (61, 61, 2, frozenset(range(13, 20))),
    (63, 64, 2, frozenset(range(13, 20))),
    (66, 69, 2, frozenset(range(13, 20))),
)
_RUN: Final = re.compile(r"[0-9](?:[ -]?[0-9]){12,}")
_DIGITS_IN_BYTES: Final = re.compile(rb"[0-9]{13}")
_GROUP: Final = re.compile(r"[0-9]+")
_DOUBLED: Final = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)


def may_hold_card_number(raw: bytes) -> bool:
    """Tell cheaply whether *raw* has enough digits in a row that a closer look is worth it."""
    return _DIGITS_IN_BYTES.search(raw.translate(None, b" -")) is not None


def is_card_number(digits: str) -> bool:
    """Whether *digits* (0 to 9 only) could be a card number."""
    if not DIGITS_MIN <= len(digits) <= DIGITS_MAX:
        return False
    known = any(first <= int(digits[:n]) <= last and len(digits) in sizes for first, last, n, sizes in _ISSUERS)
    return known and _check_digit_fits(digits)


def find_card_number(
    value: Any,  # noqa: ANN401 - any decoded JSON
    *,
    skip: Callable[[str], bool] = lambda _path: False,
) -> str | None:
    """Find where in *value* a card number stands: the path of the field (`metadata.note`), "" for *value* itself.

    Looks at strings, whole numbers and keys at every depth; a key that holds one is not repeated in the path.
    *skip* names paths that are not looked at.
    """
    waiting = [("", value)]
    while waiting:
        path, found = waiting.pop()
        if path and skip(path):
            continue
        if isinstance(found, Mapping):
            for key, inner in found.items():
                if _holds_one(str(key)):
                    return f"{path}.(a key)" if path else "(a key)"
                waiting.append((f"{path}.{key}" if path else str(key), inner))
        elif isinstance(found, (list, tuple)):
            waiting.extend((f"{path}[{position}]", inner) for position, inner in enumerate(found))
        elif isinstance(found, (str, int)) and not isinstance(found, bool) and _holds_one(str(found)):
            return path
    return None


def mask(text: str) -> tuple[str, int]:
    """Keep the first six and last four digits of every card number in *text*; also says how many there were."""
    count = 0
    for start, end, digits in list(_card_numbers(text))[::-1]:
        text = text[:start] + digits[:6] + "*" * (len(digits) - 10) + digits[-4:] + text[end:]
        count += 1
    return text, count


def _holds_one(text: str) -> bool:
    return len(text) >= DIGITS_MIN and next(_card_numbers(text), None) is not None


def _card_numbers(text: str) -> Iterator[tuple[int, int, str]]:
    """Give start, end and digits of card numbers, the longest at each place, none overlapping.

    A number begins and ends where a group of digits does: a date before it hides nothing, and a part of a longer
    number is none.
    """
    for run in _RUN.finditer(text):
        groups = [group.span() for group in _GROUP.finditer(text, *run.span())]
        at = 0
        while at < len(groups):
            found = _longest(text, groups[at : at + DIGITS_MAX])
            if found:
                start, (end, digits, taken) = groups[at][0], found
                yield start, end, digits
                at += taken
            else:
                at += 1


def _longest(text: str, groups: list[tuple[int, int]]) -> tuple[int, str, int] | None:
    """Find the longest card number that the first of *groups* begins: its end, its digits, how many groups it took."""
    best = None
    digits = ""
    for taken, (start, end) in enumerate(groups, 1):
        digits += text[start:end]
        if len(digits) > DIGITS_MAX:
            break
        if is_card_number(digits):
            best = (end, digits, taken)
    return best


def _check_digit_fits(digits: str) -> bool:
    values = [int(digit) for digit in reversed(digits)]
    return (sum(values[::2]) + sum(_DOUBLED[value] for value in values[1::2])) % 10 == 0
