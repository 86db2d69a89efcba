import pytest

from adapters.adyen.amounts import from_wire, to_wire
from adapters.adyen.wire import Amount
from normalization.money import Currency, InexactAmountError, Money


@pytest.mark.fault_case(id="CUR-01")
@pytest.mark.fault_case(id="CUR-02")
@pytest.mark.fault_case(id="CUR-04")
@pytest.mark.fault_case(id="CUR-06")
@pytest.mark.parametrize(
    ("minor", "currency", "value"),
    [
        (1999, Currency.EUR, 1999),
        (500, Currency.JPY, 500),
        (5124, Currency.KWD, 5124),
        (5, Currency.ISK, 500),
        (5, Currency.CLP, 500),
        (1_000_000, Currency.IDR, 10_000),
        (100, Currency.CVE, 1),
        (7, Currency.UGX, 7),
    ],
)
def test_money_is_counted_in_adyen_s_unit_and_back(minor: int, currency: Currency, value: int) -> None:
    money = Money(minor, currency)
    assert to_wire(money) == Amount(value=value, currency=currency.value)
    assert from_wire(to_wire(money)) == money


@pytest.mark.fault_case(id="CUR-06")
@pytest.mark.parametrize("money", [Money(50, Currency.IDR), Money(101, Currency.CVE)])
def test_what_adyen_cannot_hold_is_refused_and_not_rounded(money: Money) -> None:
    with pytest.raises(InexactAmountError):
        to_wire(money)


@pytest.mark.parametrize("amount", [Amount(value=150, currency="ISK"), Amount(value=1, currency="CNH")])
def test_what_the_hub_cannot_hold_is_refused_and_not_rounded(amount: Amount) -> None:
    with pytest.raises(ValueError, match=r"ISK|CNH"):
        from_wire(amount)
