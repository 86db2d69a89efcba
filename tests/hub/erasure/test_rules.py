"""What is left of stored values without the person: they are still read, and say nothing of anybody."""

from datetime import UTC, datetime

import msgspec
import pytest

from adapters.contract import Authorize, FollowUp
from hub.erasure.rules import ERASED, is_erased, needles, without_person
from normalization.money import Currency, Money
from normalization.outcome import ActionRequired, Operation, Report
from normalization.tokens import CardFacts, ProcessorToken
from routing.facts import Chargeable, Facts

CANARY = "ada-lovelace"
CARD = CardFacts(brand="visa", last4="4242", bin="424242", exp_month=7, exp_year=2031, country="DE", fingerprint=CANARY)
MONEY = Money(4999, Currency.EUR)
AT = datetime(2026, 11, 22, 9, tzinfo=UTC)
TOKEN = ProcessorToken(processor="adyen", token=CANARY, customer_reference=CANARY)
KEPT = [
    Facts(
        livemode=False,
        money=MONEY,
        reference="invoice-1",
        chargeable=Chargeable(("stripe",)),
        hour_utc=9,
        risk={"device_id": CANARY},
        card=CARD,
        metadata={"note": CANARY},
    ),
    Authorize(
        operation=Operation.PURCHASE,
        operation_id="att_1",
        payment_id="pay_1",
        reference="invoice-1",
        money=MONEY,
        requested_at=AT,
        token=TOKEN,
        return_url=f"https://shop.example/{CANARY}",
        customer_reference=CANARY,
        network_transaction_id=CANARY,
    ),
    Report(
        kind=Operation.PURCHASE,
        tag="att_1",
        processor_reference="pi_1",
        money=MONEY,
        livemode=False,
        outcome=ActionRequired(method="POST", url=f"https://{CANARY}", fields={"a": CANARY}, continuation=CANARY),
        card=CARD,
        stored=TOKEN,
        tags={"note": CANARY},
    ),
]


@pytest.mark.parametrize("value", KEPT, ids=lambda value: type(value).__name__)
def test_a_stored_value_is_read_as_before_and_the_person_is_gone(value: Facts | Authorize | Report) -> None:
    left = without_person(msgspec.json.encode(value))

    read = msgspec.json.decode(left, type=type(value))
    assert (read.money, CANARY in str(read), "4242" in str(read)) == (MONEY, False, False)
    assert is_erased(left)
    assert not is_erased(msgspec.json.encode(value))


def test_what_routing_and_fees_go_by_stays() -> None:
    read = msgspec.json.decode(without_person(msgspec.json.encode(KEPT[0])), type=Facts)

    assert read.card == CardFacts(brand="visa", country="DE")
    assert (read.reference, read.chargeable) == ("invoice-1", Chargeable(("stripe",)))


def test_fields_at_the_top_are_forgotten_by_name_where_that_is_asked() -> None:
    refund = FollowUp(
        operation=Operation.REFUND,
        operation_id="ref_1",
        payment_id="pay_1",
        reference="invoice-1",
        money=MONEY,
        parent_reference="pi_1",
        requested_at=AT,
        reason=f"{CANARY} called",
    )

    left = msgspec.json.decode(without_person(msgspec.json.encode(refund), also=("reason",)), type=FollowUp)

    assert left == msgspec.structs.replace(refund, reason=None)


def test_what_is_no_object_goes_altogether() -> None:
    assert without_person(b'["ada"]') == ERASED


def test_messages_are_searched_by_words_that_are_nobody_elses() -> None:
    person = {"email": "ada@example.com", "name": "Ada", "reference": None, "metadata": {"note": "x" * 9}}

    assert needles(person, ["cus_9s6XKzkNRiz8i3", "1"]) == ["ada@example.com", "cus_9s6XKzkNRiz8i3"]
    assert needles({"name": "Ada Lo", "reference": "cust-1"}, ["12345"]) == ["Ada Lo", "cust-1"]


def test_the_callers_own_words_go_wherever_they_stand() -> None:
    told = {"amount": 4999, "lines": [{"description": CANARY, "customer_reference": CANARY, "exp_year": 2031}]}

    left = msgspec.json.decode(without_person(msgspec.json.encode(told)))

    assert left["lines"] == [{"description": None, "customer_reference": None, "exp_year": None}]
    assert left["amount"] == 4999
