"""Which tokens a caller may bring, and whose cards a caller reaches."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from hub.access.rules import Caller
from hub.errors import ProblemError
from hub.merchants.service import Directory
from hub.payment_methods.describing import TokenDesk
from hub.payment_methods.service import Stored
from normalization.tokens import ProcessorToken

CALLER = Caller(
    key_id="key_1", principal="shop", role=None, scopes=frozenset(), livemode=False,
    merchant_accounts=frozenset({"ma_1", "ma_2", "ma_live", "ma_adyen"}),
)  # fmt: skip


FACTS = {
    "ma_1": (False, "stripe"),
    "ma_3": (False, "stripe"),
    "ma_live": (True, "stripe"),
    "ma_adyen": (False, "adyen"),
}


class Accounts:
    """A directory of four accounts."""

    def connected(self, account_id: str) -> Any:
        """Find one."""
        facts = FACTS.get(account_id)
        if facts is None:
            return None
        return SimpleNamespace(account=SimpleNamespace(livemode=facts[0], processor=facts[1]))


DESK = TokenDesk(registrations={"stripe": cast("Any", None)}, directory=cast("Directory", Accounts()))


def token(account: str | None, processor: str = "stripe") -> ProcessorToken:
    return ProcessorToken(processor=processor, token="pm_1", merchant_account=account)


@pytest.mark.parametrize(
    ("tokens", "fields"),
    [
        ([token(None)], []),
        ([token("ma_1")], []),
        ([token(None), token("ma_1")], []),
        ([token(None, "paypal")], ["processor_tokens[0].processor"]),
        ([token("ma_nowhere")], ["processor_tokens[0].merchant_account"]),
        ([token(None), token("ma_live")], ["processor_tokens[1].merchant_account"]),
        ([token("ma_adyen")], ["processor_tokens[0].merchant_account"]),
        ([token("ma_3")], ["processor_tokens[0].merchant_account"]),
        ([token("ma_1"), ProcessorToken(processor="stripe", token="pm_2", merchant_account="ma_1")],
         ["processor_tokens"]),
    ],
    ids=["all", "one", "both", "processor", "nowhere", "mode", "other processor", "not the callers", "twice"],
)  # fmt: skip
def test_a_token_is_of_an_account_of_its_processor_and_mode_that_the_caller_reaches(
    tokens: list[ProcessorToken], fields: list[str]
) -> None:
    if not fields:
        DESK.check(CALLER, tokens, path="processor_tokens[{}].")
        return

    with pytest.raises(ProblemError) as refused:
        DESK.check(CALLER, tokens, path="processor_tokens[{}].")

    assert [error.field for error in refused.value.errors or ()] == fields


@pytest.mark.parametrize(
    ("accounts", "reached"),
    [([], True), ([None], True), (["ma_1"], True), (["ma_3"], False), (["ma_3", "ma_4"], False),
     (["ma_3", "ma_2"], True), (["ma_3", None], True)],
)  # fmt: skip
def test_a_card_is_there_for_who_reaches_an_account_that_can_charge_it(
    accounts: list[str | None],
    reached: bool,  # noqa: FBT001 - the case
) -> None:
    stored = Stored(row=cast("Any", {}), tokens=[token(account) for account in accounts])

    assert stored.reached_by(CALLER) is reached
