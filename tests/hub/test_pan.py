import pytest

from hub.pan import find_card_number, is_card_number, mask, may_hold_card_number

VISA = "4111111111111111"


@pytest.mark.parametrize(
    "number",
    [VISA, "4222222222222", "5555555555554444", "2223003122003222", "378282246310005", "30569309025904",
     "3530111333300000", "6011111111111117", "6200000000000005", "6304000000000000"],
)  # fmt: skip
def test_numbers_of_every_network_are_known(number: str) -> None:
    assert is_card_number(number)


def complete(prefix: str, length: int) -> str:
    """Make the number of so many digits that begins so and whose check digit fits."""
    body = prefix.ljust(length - 1, "0")
    doubled = (int(digit) * (2 - place % 2) for place, digit in enumerate(reversed(body)))
    return body + str(-sum(each // 10 + each % 10 for each in doubled) % 10)


def test_every_network_is_known_from_its_first_number_to_its_last() -> None:
    edges = {
        13: "4 50 56 59 61 63 64 66 69",
        14: "300 305 3095 36 38 39",
        15: "34 37",
        16: "4 51 55 2221 2720 3528 3589 6011 644 649 65 60 62 2200 2204 9792",
        18: "4",
        19: "4 300 305 3095 36 38 39 3528 3589 6011 644 649 65 60 62 2200 2204 50 56 59 61 63 64 66 69",
    }
    numbers = [complete(prefix, length) for length, prefixes in edges.items() for prefix in prefixes.split()]

    assert [number for number in numbers if not is_card_number(number)] == []
    assert [number for number in numbers if not may_hold_card_number(f"no. {number}".encode())] == []


def test_what_begins_right_before_or_behind_a_network_or_is_of_another_length_is_no_card() -> None:
    beside = {
        12: "4 50 69",
        14: "4 306 3094 3096 35 62",
        15: "33 51 2221 3528 62 9792",
        16: "1 2199 2205 2220 2721 306 33 34 3527 3590 70 8 9791 9793",
        17: "4 51",
        18: "60 9792",
        19: "51 2720 34 9792",
        20: "4 62",
    }
    numbers = [complete(prefix, length) for length, prefixes in beside.items() for prefix in prefixes.split()]

    assert [number for number in numbers if is_card_number(number)] == []


@pytest.mark.fault_case(id="PAN-04")
@pytest.mark.parametrize(
    "number",
    ["4111111111111112", "1111111111111117", "411111111111", "41111111111111111111", "8415718415718415",
     "20261121220315"],
)  # fmt: skip
def test_other_numbers_are_left_alone(number: str) -> None:
    assert find_card_number(number) is None


@pytest.mark.fault_case(id="PAN-01")
@pytest.mark.parametrize(
    "text",
    ["4111 1111 1111 1111", "4111-1111-1111-1111", "card4111111111111111!", "on 2026-11-21 4111111111111111 paid"],
)
def test_spaces_dashes_and_words_hide_nothing(text: str) -> None:
    assert find_card_number(text) == ""


def test_the_field_is_named_and_never_its_content() -> None:
    assert find_card_number({"metadata": {"lines": ["a", {"note": VISA}]}}) == "metadata.lines[1].note"


def test_a_number_as_a_key_is_found_and_not_repeated() -> None:
    assert find_card_number({"metadata": {VISA: "x"}}) == "metadata.(a key)"


def test_whole_numbers_are_looked_at() -> None:
    assert find_card_number({"amount": int(VISA)}) == "amount"
    assert find_card_number({"amounts": (1, int(VISA))}) == "amounts[1]"


def test_skipped_paths_are_not_looked_at() -> None:
    body = {"data": {"encryptedCardNumber": VISA, "note": "x"}}

    assert find_card_number(body, skip=lambda path: path.startswith("data.encrypted")) is None


def test_masking_keeps_six_and_four_and_counts() -> None:
    assert mask(f"card {VISA} and 4111 1111 1111 1111.") == ("card 411111******1111 and 411111******1111.", 2)


def test_a_number_that_ends_in_another_one_is_masked_once() -> None:
    assert mask("no. 406 4111111111111111.") == ("no. 406411*********1111.", 1)


def test_text_without_a_number_is_not_changed() -> None:
    assert mask("order 12345678901234567890") == ("order 12345678901234567890", 0)


def test_the_cheap_look_never_misses() -> None:
    assert may_hold_card_number(b'{"note": "4111 1111 1111 1111"}')
    assert may_hold_card_number(b'{"note": "4-2-2-2-2-2-2-2-2-2-2-2-2"}')
    assert not may_hold_card_number(b'{"amount": 99999999999, "reference": "invoice-1042"}')
