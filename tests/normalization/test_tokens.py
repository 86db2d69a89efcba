"""Which of a payment method's tokens an account charges: one that it can, its own before the processor's."""

import pytest

from normalization.tokens import ProcessorToken, token_for


def token(name: str, account: str | None = None, processor: str = "stripe") -> ProcessorToken:
    return ProcessorToken(processor=processor, token=name, merchant_account=account)


GENERAL, OWN, OTHERS = token("general"), token("own", "ma_1"), token("others", "ma_2")
ELSEWHERE = token("elsewhere", None, "adyen")


@pytest.mark.parametrize(
    ("tokens", "charged"),
    [
        ([GENERAL, OWN], OWN),
        ([OWN, GENERAL], OWN),
        ([OTHERS, GENERAL], GENERAL),
        ([ELSEWHERE, OTHERS], None),
        ([token("ma_1", "ma_1", "adyen")], None),
        ([], None),
    ],
)
def test_an_account_charges_its_own_token_then_its_processors_and_no_other(
    tokens: list[ProcessorToken], charged: ProcessorToken | None
) -> None:
    assert token_for(tokens, "stripe", "ma_1") == charged
