"""Where one word more or less of Adyen's decides: whether it acted, on what, and how much of it."""

import asyncio
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from adapters.adyen.adapter import AdyenAdapter
from adapters.adyen.amounts import DECIMALS
from adapters.errors import OutcomeUnknownError, WebhookRejectedError
from normalization.money import EXPONENT, Currency, Money
from normalization.outcome import Approved, Declined, Operation, Pending, Report
from tests.adapters.adyen.asked import capture, follow_up, purchase
from tests.adapters.adyen.notified import item, opened, signed, told_by
from tests.adapters.adyen.scripted import Answer, ScriptedAdyen, paid, received, refused

LATER = b"HTTP/1.1 500 x\r\ntransient-error: true\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}"
SIX_EUROS = {"value": 600, "currency": "EUR"}


async def test_who_may_have_acted_and_is_not_reached_any_more_leaves_the_outcome_unknown(
    connect: Callable[..., AdyenAdapter],
) -> None:
    async def answer_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        server.close()
        writer.write(LATER)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer_once, "127.0.0.1", 0)
    adapter = connect(base_url=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")

    with pytest.raises(OutcomeUnknownError):
        await adapter.authorize(purchase())


async def test_a_yes_is_not_asked_for_again_whatever_header_it_bears(
    adyen: ScriptedAdyen, adapter: AdyenAdapter
) -> None:
    adyen.will_answer(Answer(paid().body, 200, {"transient-error": "true"}))

    assert (await adapter.authorize(purchase())).outcome == Approved()
    assert len(adyen.sent) == 1


async def test_of_a_purchase_authorised_in_part_that_part_is_captured(
    adyen: ScriptedAdyen, connect: Callable[..., AdyenAdapter]
) -> None:
    adyen.will_answer(paid("PartiallyAuthorised", amount=SIX_EUROS), received())

    report = await connect(capture="manual").authorize(purchase())

    assert adyen.sent[1].body["amount"] == SIX_EUROS
    assert (report.outcome, report.money) == (Pending(), Money(600, Currency.EUR))


async def test_what_is_neither_captured_nor_let_go_is_no_refusal(
    adyen: ScriptedAdyen, connect: Callable[..., AdyenAdapter]
) -> None:
    manual = connect(capture="manual")
    adyen.will_answer(paid(), refused(422, "137"), refused(422, "167"))

    with pytest.raises(OutcomeUnknownError, match="neither captured nor released"):
        await manual.authorize(purchase())

    adyen.will_answer(paid(), refused(422, "137"), received())
    report = await manual.authorize(purchase(operation_id="att_2"))
    assert isinstance(report.outcome, Declined)
    assert [sent.key for sent in adyen.sent[3:]] == ["att_2", "att_2:capture", "att_2:release"]


@pytest.mark.parametrize("unit", [(Currency.ISK, 5, 500), (Currency.CLP, 7, 700), (Currency.IDR, 900, 9)])
async def test_what_is_captured_and_given_back_is_counted_in_adyens_unit_too(
    unit: tuple[Currency, int, int], adyen: ScriptedAdyen, adapter: AdyenAdapter
) -> None:
    currency, minor, sent = unit
    money = Money(minor, currency)
    adyen.will_answer(received(), received())

    await adapter.follow_up(capture(money=money))
    await adapter.follow_up(follow_up(Operation.REFUND, "ref_1", money=money))

    assert [one.body["amount"] for one in adyen.sent] == [{"value": sent, "currency": currency}] * 2


@pytest.mark.parametrize("operation", [Operation.CAPTURE, Operation.VOID, Operation.REFUND])
async def test_every_follow_up_has_a_key_of_its_own(
    operation: Operation, adyen: ScriptedAdyen, adapter: AdyenAdapter
) -> None:
    adyen.will_answer(received(), received())

    for id_ in ("one", "two"):
        await adapter.follow_up(follow_up(operation, id_))

    assert [(one.key, one.body["reference"]) for one in adyen.sent] == [("one", "one"), ("two", "two")]


async def test_another_amount_or_currency_is_told_as_it_is(adyen: ScriptedAdyen, adapter: AdyenAdapter) -> None:
    adyen.will_answer(paid(amount={"value": 600, "currency": "USD"}))

    assert (await adapter.authorize(purchase())).money == Money(600, Currency.USD)


def test_no_signed_field_holds_what_joins_them(adapter: AdyenAdapter) -> None:
    for field in ("pspReference", "originalReference", "eventCode"):
        with pytest.raises(WebhookRejectedError):
            opened(adapter, signed(item(**{field: "A:B"})))


def test_a_step_of_ours_is_known_by_an_attempt_of_ours(adapter: AdyenAdapter) -> None:
    foreign = item("CAPTURE", pspReference="MOD1", originalReference="PSP1", merchantReference="order-7:capture")

    (report,) = told_by(adapter, signed(foreign))

    assert isinstance(report, Report)
    assert (report.kind, report.tag) == (Operation.CAPTURE, None)


@pytest.mark.parametrize("livemode", [True, False])
def test_what_is_told_is_of_the_mode_of_its_account(livemode: bool, connect: Callable[..., AdyenAdapter]) -> None:  # noqa: FBT001 - the mode
    (delivery,) = opened(connect(), signed(item()))

    (report,) = connect().read_delivery(replace(delivery, livemode=livemode))

    assert isinstance(report, Report)
    assert report.livemode is livemode


def test_adyens_units_are_isos_but_for_four() -> None:
    unlike = {currency: digits for currency, digits in DECIMALS.items() if digits != EXPONENT[currency]}

    assert unlike == {Currency.CLP: 2, Currency.CVE: 0, Currency.IDR: 0, Currency.ISK: 2}
