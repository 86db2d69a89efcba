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


def test_skipped_paths_are_not_looked_at() -> None:
    body = {"data": {"encryptedCardNumber": VISA, "note": "x"}}

    assert find_card_number(body, skip=lambda path: path.startswith("data.encrypted")) is None


def test_masking_keeps_six_and_four_and_counts() -> None:
    assert mask(f"card {VISA} and 4111 1111 1111 1111.") == ("card 411111******1111 and 411111******1111.", 2)


def test_text_without_a_number_is_not_changed() -> None:
    assert mask("order 12345678901234567890") == ("order 12345678901234567890", 0)


def test_the_cheap_look_never_misses() -> None:
    assert may_hold_card_number(b'{"note": "4111 1111 1111 1111"}')
    assert not may_hold_card_number(b'{"amount": 99999999999, "reference": "invoice-1042"}')
