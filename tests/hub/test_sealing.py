import pytest

from hub.sealing import SealBrokenError, Sealer, head_bytes

NONCE = 12
WRAPPED = 48
OLD = {"k1": bytes(range(32))}
NEW = {"k2": bytes(range(1, 33)), **OLD}


def test_what_was_sealed_opens_for_its_own_row() -> None:
    sealer = Sealer(OLD)

    assert sealer.open(sealer.seal(b"sk_test", "merchant_accounts:ma_1"), "merchant_accounts:ma_1") == b"sk_test"


@pytest.mark.fault_case(id="SEC-01")
def test_a_sealed_value_copied_to_another_row_does_not_open() -> None:
    sealer = Sealer(OLD)
    sealed = sealer.seal(b"sk_test", "merchant_accounts:ma_1")

    with pytest.raises(SealBrokenError):
        sealer.open(sealed, "merchant_accounts:ma_2")


@pytest.mark.parametrize("at", [0, 1, 3, 10, 40, 70, -1])
def test_a_changed_byte_is_noticed(at: int) -> None:
    sealed = bytearray(Sealer(OLD).seal(b"sk_test", "row"))
    sealed[at] ^= 1

    with pytest.raises(SealBrokenError):
        Sealer(OLD).open(bytes(sealed), "row")


def test_equal_secrets_are_sealed_differently() -> None:
    sealer = Sealer(OLD)

    assert sealer.seal(b"same", "row") != sealer.seal(b"same", "row")


def test_no_two_values_are_sealed_or_wrapped_under_one_nonce() -> None:
    sealer = Sealer(OLD)
    values = [sealer.seal(b"same", "row") for _ in range(20)]
    heads = [head_bytes(value) for value in values]

    wrapping = {value[head - WRAPPED - NONCE : head - WRAPPED] for value, head in zip(values, heads, strict=True)}
    sealing = {value[head : head + NONCE] for value, head in zip(values, heads, strict=True)}
    rewrapped = {sealer.rewrap(values[0], "row")[: heads[0]] for _ in range(20)}

    assert (len(wrapping), len(sealing), len(rewrapped)) == (20, 20, 20)


def test_an_old_key_still_opens_and_rewrapping_frees_from_it() -> None:
    old = Sealer(OLD).seal(b"sk_test", "row")
    rotated = Sealer(NEW)

    rewrapped = rotated.rewrap(old, "row")

    assert rotated.open(old, "row") == b"sk_test"
    assert rotated.needs_rewrap(old)
    assert not rotated.needs_rewrap(rewrapped)
    assert Sealer({"k2": NEW["k2"]}).open(rewrapped, "row") == b"sk_test"


def test_a_missing_key_is_named() -> None:
    with pytest.raises(SealBrokenError, match="'k1', which HUB_KEYS does not hold"):
        Sealer({"k2": NEW["k2"]}).open(Sealer(OLD).seal(b"x", "row"), "row")


def test_fingerprints_are_equal_for_equal_data_also_after_a_new_key() -> None:
    (kept,) = Sealer(OLD).hmacs(b"data")

    assert kept in Sealer(NEW).hmacs(b"data")
    assert kept == Sealer({**OLD, **NEW}).hmacs(b"data")[0]
    assert kept not in Sealer(NEW).hmacs(b"other")


def test_what_was_fingerprinted_by_an_earlier_version_is_known_still() -> None:
    assert Sealer(OLD).hmacs(b"data") == ["94e13a752376f48bf87325cc124a638b8fe8d11f6e1d8857804ff35f4f25dd8a"]


def test_a_sealer_shows_no_key() -> None:
    assert repr(Sealer(NEW)) == "Sealer(k2, k1)"
