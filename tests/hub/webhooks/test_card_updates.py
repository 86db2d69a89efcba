"""Cards that banks renewed and tokens that processors retired: told in any order and often, the same stands."""

from collections.abc import AsyncIterator
from itertools import permutations
from typing import Any

import pytest
import pytest_asyncio
from msgspec.structs import replace

from adapters.contract import TokenNews, TokenUpdate
from adapters.errors import OutcomeUnknownError
from hub.ids import new_id
from hub.merchants.service import Connected
from hub.webhooks.taking import take
from normalization.tokens import CardFacts, ProcessorToken
from tests.hub.house import House, house
from tests.hub.money import rows
from tests.hub.webhooks.kept import audited

pytestmark = pytest.mark.asyncio(loop_scope="module")
OLD, NEW, NEWEST = (CardFacts(last4=last4, exp_month=3, exp_year=year) for last4, year in
                    (("4242", 2027), ("1117", 2029), ("9995", 2031)))  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def made(module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """A house whose worker does not run; each test has a card of its own."""
    folder = tmp_path_factory.mktemp("house")
    async with house(module_database_url, folder, with_worker=False) as running:
        yield running


def account(made: House, name: str = "stripe-eu") -> Connected:
    connected = made.hub.parts.directory.connected(made.accounts[name])
    assert connected is not None
    return connected


async def told(made: House, token: str, card: CardFacts | None = None, *, retired: bool = False) -> str:
    """Let Stripe tell of a card, and say what became of it."""
    update = TokenUpdate(
        token=ProcessorToken(processor="stripe", token=token), livemode=False, card=card, retired=retired
    )
    return (await take(made.hub.parts.shell, account(made), update)).status


async def method(made: House, token: str, **more: Any) -> str:
    """Make a payment method whose card has the old facts."""
    tokens = [{"processor": "stripe", "token": token}, *more.pop("besides", [])]
    card = {"brand": "visa", "last4": OLD.last4, "exp_month": OLD.exp_month, "exp_year": OLD.exp_year}
    answer = await made.hub.post(
        "/v1/payment_methods", {"type": "card", "processor_tokens": tokens, "card": card} | more
    )
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def shown(made: House, method_id: str) -> dict[str, Any]:
    body: dict[str, Any] = (await made.hub.get(f"/v1/payment_methods/{method_id}")).json()
    return body


async def events(made: House, method_id: str) -> list[str]:
    wanted = "SELECT type FROM events WHERE object_id = :id ORDER BY id"
    return [row["type"] for row in await rows(made, wanted, id=method_id)]


async def version(made: House, method_id: str) -> int:
    (row,) = await rows(made, "SELECT version FROM payment_methods WHERE id = :id", id=method_id)
    return int(row["version"])


async def test_a_renewed_card_is_shown_told_and_charged_anew(made: House) -> None:
    token = new_id("pm_renewed_")
    one = await method(made, token)
    before = await version(made, one)

    assert await told(made, token, NEW) == "done"

    card = (await shown(made, one))["card"]
    assert card == {
        "brand": "visa", "last4": "1117", "exp_month": 3, "exp_year": 2029, "funding": None, "country": None,
    }  # fmt: skip
    assert await events(made, one) == ["payment_method.updated"]
    assert await version(made, one) == before + 1
    audit = (await audited(made.hub.parts.database, one))[-1]
    assert (audit["action"], audit["principal"]) == ("payment_method.updated", "hub")
    assert audit["details"] == {"processor": "stripe", "facts": ["last4", "exp_year"]}


async def test_the_event_has_the_payment_method_as_the_api_shows_it(made: House) -> None:
    token = new_id("pm_told_")
    one = await method(made, token)

    await told(made, token, NEW)

    (row,) = await rows(made, "SELECT data FROM events WHERE object_id = :id", id=one)
    shown_now = await made.hub.get(f"/v1/payment_methods/{one}")
    assert bytes(row["data"]) == shown_now.content


async def test_news_in_any_order_and_twice_end_with_the_newest_card(made: House) -> None:
    for order in permutations((OLD, NEW, NEWEST)):
        token = new_id("pm_order_")
        one = await method(made, token)

        for card in (*order, *order):
            assert await told(made, token, card) == "done"

        card = (await shown(made, one))["card"]
        assert (card["last4"], card["exp_year"]) == ("9995", 2031), order


async def test_the_same_news_again_changes_and_tells_nothing(made: House) -> None:
    token = new_id("pm_again_")
    one = await method(made, token)
    await told(made, token, NEW)
    before = await version(made, one)

    assert await told(made, token, NEW) == "done"

    assert (await version(made, one), len(await events(made, one))) == (before, 1)


async def test_every_payment_method_with_the_token_is_renewed(made: House) -> None:
    token = new_id("pm_shared_")
    both = [await method(made, token), await method(made, token)]

    await told(made, token, NEW)

    assert [(await shown(made, one))["card"]["exp_year"] for one in both] == [2029, 2029]


async def test_a_token_of_another_account_or_processor_is_none_of_theirs(made: House) -> None:
    token = new_id("pm_elsewhere_")
    tokens = [{"processor": "adyen", "token": token, "merchant_account": made.accounts["adyen-eu"]}]
    card = {"exp_year": OLD.exp_year}
    made_one = await made.hub.post("/v1/payment_methods", {"type": "card", "processor_tokens": tokens, "card": card})

    assert await told(made, token, NEW) == "unmatched"

    assert (await shown(made, made_one.json()["id"]))["card"]["exp_year"] == OLD.exp_year


class Describes:
    """An account whose processor says what card it is now, when asked; or does not answer."""

    def __init__(self, card: CardFacts | None) -> None:
        """Hold what it says."""
        self.card = card

    async def describe(self, token: ProcessorToken) -> CardFacts:
        """Say it."""
        if self.card is None:
            raise OutcomeUnknownError("stripe", f"no word about {token.processor}'s card")
        return self.card


async def test_a_change_without_the_facts_has_the_processor_asked_for_them(made: House) -> None:
    token = new_id("pm_asked_")
    one = await method(made, token)
    shell, real = made.hub.parts.shell, account(made)
    update = TokenUpdate(token=ProcessorToken(processor="stripe", token=token), livemode=False)

    with pytest.raises(LookupError, match="does not say"):
        await take(shell, replace(real, adapter=Describes(None)), update)
    assert (await shown(made, one))["card"]["exp_year"] == OLD.exp_year
    assert (await take(shell, replace(real, adapter=Describes(NEW)), update)).status == "done"

    assert (await shown(made, one))["card"]["exp_year"] == NEW.exp_year


async def test_a_stored_card_told_without_our_tag_is_found_by_the_payment_that_stored_it(made: House) -> None:
    paid = (await made.hub.charge(payment_method=made.payment_method, merchant_account=account(made).account.id)).json()
    known, unknown = new_id("pm_known_"), new_id("pm_unknown_")
    await method(made, known)

    async def news(token: str, parent: str | None) -> str:
        stored = ProcessorToken(processor="stripe", token=token)
        told_of = TokenNews(tag=None, parent_reference=parent, token=stored, livemode=False)
        return (await take(made.hub.parts.shell, account(made), told_of)).status

    assert await news(unknown, paid["processor_reference"]) == "ignored"  # It was to keep no card.
    assert await news(known, "pi_nobodys") == "done"
    assert await news(unknown, "pi_nobodys") == "unmatched"


async def test_a_token_that_is_not_known_yet_is_looked_for_again(made: House) -> None:
    token = new_id("pm_later_")
    assert await told(made, token, NEW) == "unmatched"
    assert await told(made, token, retired=True) == "unmatched"

    one = await method(made, token)

    assert await told(made, token, NEW) == "done"
    assert (await shown(made, one))["card"]["exp_year"] == 2029


async def test_a_retired_token_is_charged_no_more_and_the_other_processors_is(made: House) -> None:
    besides = [{"processor": "adyen", "token": "stored_visa", "customer_reference": "shopper-1"}]
    token = new_id("pm_retired_")
    one = await method(made, token, besides=besides)
    before = await version(made, one)

    assert await told(made, token, retired=True) == "done"

    assert (await shown(made, one))["processors"] == ["adyen"]
    assert await version(made, one) == before + 1
    assert await events(made, one) == ["payment_method.token_retired"]
    paid = (await made.hub.charge(payment_method=one)).json()
    assert (paid["status"], paid["processor"]) == ("captured", "adyen")
    audit = (await audited(made.hub.parts.database, one))[-1]
    assert (audit["action"], audit["details"]["processor"]) == ("payment_method.token_retired", "stripe")


async def test_a_charge_by_a_card_without_any_token_left_is_refused_and_says_so(made: House) -> None:
    token = "pm_card_visa"
    own = {"processor": "stripe", "token": token, "merchant_account": made.accounts["stripe-eu"]}
    answer = await made.hub.post("/v1/payment_methods", {"type": "card", "processor_tokens": [own]})
    one = answer.json()["id"]
    assert (await made.hub.charge(payment_method=one)).status_code == 201  # So that this process remembers the card.
    (row,) = await rows(made, "SELECT token FROM processor_tokens WHERE payment_method = :id", id=one)
    await told(made, row["token"], retired=True)

    refused = await made.hub.charge(payment_method=one)

    assert (refused.status_code, refused.json()["code"]) == (422, "no_merchant_account")
    assert "token" in refused.json()["detail"]
    made.payment_method = await made.method(stripe="pm_card_visa", adyen="stored_visa")


async def test_a_retired_token_stays_so_whatever_is_told_of_it_later(made: House) -> None:
    token = new_id("pm_gone_")
    one = await method(made, token)
    await told(made, token, retired=True)

    assert [await told(made, token, NEW), await told(made, token, retired=True)] == ["done", "done"]

    assert (await shown(made, one))["processors"] == []
    assert await events(made, one) == ["payment_method.token_retired"]


async def test_what_is_told_of_a_deleted_card_is_no_riddle(made: House) -> None:
    token = new_id("pm_deleted_")
    one = await method(made, token)
    assert (await made.hub.client.delete(f"/v1/payment_methods/{one}")).status_code == 204

    assert [await told(made, token, retired=True), await told(made, token, NEW)] == ["done", "done"]

    assert await events(made, one) == []
    kept = await rows(made, "SELECT * FROM retired_tokens WHERE payment_method = :id", id=one)
    assert token not in str(kept)


async def test_a_new_token_can_take_the_place_of_a_retired_one(made: House) -> None:
    token, successor = new_id("pm_first_"), new_id("pm_second_")
    one = await method(made, token)
    await told(made, token, retired=True)

    added = await made.hub.post(
        f"/v1/payment_methods/{one}/processor_tokens", {"processor": "stripe", "token": successor}
    )

    assert added.status_code == 201, added.text
    assert await told(made, token, retired=True) == "done"
    assert (await shown(made, one))["processors"] == ["stripe"]
