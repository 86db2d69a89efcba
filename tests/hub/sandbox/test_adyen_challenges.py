"""The pretend Adyen asks the payer first, by link, by form or natively, and believes only what came back."""

import base64
import re
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from Adyen.exceptions import AdyenAPIUnprocessableEntity

from tests.hub.sandbox.adyen_shop import BY_REDIRECT, RETURN_URL, Json, Shop, named, payment, shop, stored

BY_LINK = BY_REDIRECT | stored("stored_3ds_redirect")
BY_FORM = BY_REDIRECT | stored("stored_3ds_post")


@pytest.fixture
async def merchant(tmp_path: Path) -> AsyncIterator[Shop]:
    async with shop(tmp_path / "book.db") as opened:
        yield opened


async def pressed(merchant: Shop, asked: Json, button: str) -> str:
    """Open the page by link, press a button, and return the redirectResult of where it leads."""
    page = await merchant.http.get(asked["action"]["url"])
    async with merchant.http.post(action_of(await page.text(), button, merchant), allow_redirects=False) as left:
        assert left.status == 303
        back = left.headers["Location"]
        assert back.startswith(RETURN_URL)
        return parse_qs(urlsplit(back).query)["redirectResult"][0]


async def pressed_form(merchant: Shop, asked: Json, button: str) -> dict[str, str]:
    """Post MD and PaReq as a browser would, press a button, and return the fields posted back."""
    action = asked["action"]
    page = await merchant.http.post(action["url"], data=action["data"])
    left = await merchant.http.post(action_of(await page.text(), button, merchant))
    html = await left.text()
    assert f'action="{RETURN_URL}"' in html.replace("&amp;", "&")
    return dict(re.findall(r'name="(\w+)" value="([^"]+)"', html))


def action_of(html: str, button: str, merchant: Shop) -> str:
    found = re.search(rf'<form id="{button}" method="post" action="([^"]+)"', html)
    assert found is not None
    return merchant.sandbox.url + found[1]


def proof(status: str, ticket: str) -> str:
    told = {"transStatus": status, "authorisationToken": ticket}
    return base64.b64encode(msgspec.json.encode(told)).decode()


class TestByLink:
    async def test_a_payer_who_completes_is_charged_once(self, merchant: Shop) -> None:
        asked = await merchant.pay(**BY_LINK)
        before = await merchant.money("att_1")

        reply = await merchant.details(redirectResult=await pressed(merchant, asked, "complete"))

        assert (asked["resultCode"], asked["action"]["method"]) == ("RedirectShopper", "GET")
        assert before["charges"] == 0
        assert (reply["resultCode"], reply["pspReference"]) == ("Authorised", asked["pspReference"])
        assert (await merchant.money("att_1"))["captured"] == 1000
        assert (await merchant.event("AUTHORISATION"))["success"] == "true"

    async def test_a_payer_who_fails_is_refused(self, merchant: Shop) -> None:
        asked = await merchant.pay(**BY_LINK)

        reply = await merchant.details(redirectResult=await pressed(merchant, asked, "fail"))

        assert (reply["resultCode"], reply["refusalReasonCode"]) == ("Refused", "11")
        assert (await merchant.money("att_1"))["charges"] == 0
        assert (await merchant.event("AUTHORISATION"))["success"] == "false"

    async def test_the_same_details_again_are_704_without_the_key(self, merchant: Shop) -> None:
        asked = await merchant.pay(**BY_LINK)
        brought = await pressed(merchant, asked, "complete")
        first = await merchant.details(key="att_1:details", redirectResult=brought)

        assert await merchant.details(key="att_1:details", redirectResult=brought) == first
        with pytest.raises(AdyenAPIUnprocessableEntity) as raised:
            await merchant.details(redirectResult=brought)
        assert raised.value.error_code == "704"
        assert (await merchant.money("att_1"))["charges"] == 1

    async def test_made_up_details_charge_nothing(self, merchant: Shop) -> None:
        asked = await merchant.pay(**BY_LINK)
        page = asked["action"]["url"].rsplit("/", 1)[1]

        for made_up in ("nothing", page):
            with pytest.raises(AdyenAPIUnprocessableEntity):
                await merchant.details(redirectResult=made_up)
        assert (await merchant.money("att_1"))["charges"] == 0

    async def test_a_page_is_answered_once(self, merchant: Shop) -> None:
        asked = await merchant.pay(**BY_LINK)
        await pressed(merchant, asked, "fail")

        again = await merchant.http.get(asked["action"]["url"])

        assert again.status == 410

    async def test_the_tokens_outcome_still_counts_after_the_challenge(self, merchant: Shop) -> None:
        order = {"card": "4212345678901237", "outcome": "NOT_ENOUGH_BALANCE"}
        await merchant.control("PUT", "/tokens/tok_1", order)
        asked = await merchant.pay(**BY_REDIRECT | stored("tok_1"))

        reply = await merchant.details(redirectResult=await pressed(merchant, asked, "complete"))

        assert reply["refusalReasonCode"] == "12"

    async def test_a_payment_given_up_meanwhile_is_not_charged(self, merchant: Shop) -> None:
        asked = await merchant.pay(**BY_LINK)
        brought = await pressed(merchant, asked, "complete")
        await merchant.cancel_by_reference("att_1")

        reply = await merchant.details(redirectResult=brought)

        assert reply["resultCode"] == "Cancelled"
        assert (await merchant.event("TECHNICAL_CANCEL"))["success"] == "true"
        assert (await merchant.money("att_1"))["charges"] == 0

    async def test_a_fault_meets_the_completion_by_the_payments_reference(self, merchant: Shop) -> None:
        match = {"operation": "complete", "reference": "att_1"}
        asked = await merchant.pay(**BY_LINK)
        brought = await pressed(merchant, asked, "complete")
        await merchant.control("POST", "/faults", {"fault": "rate_limited", "match": match})

        url, body = f"{merchant.sandbox.url}/v72/payments/details", {"details": {"redirectResult": brought}}
        async with merchant.http.post(url, json=body, headers={"x-api-key": "k"}) as answer:
            assert answer.status == 429
        assert (await merchant.details(redirectResult=brought))["resultCode"] == "Authorised"


class TestByForm:
    @pytest.mark.parametrize(("button", "result"), [("complete", "Authorised"), ("fail", "Refused")])
    async def test_brings_md_and_pares_back(self, merchant: Shop, button: str, result: str) -> None:
        asked = await merchant.pay(**BY_FORM)

        fields = await pressed_form(merchant, asked, button)
        reply = await merchant.details(**fields)

        assert asked["action"]["method"] == "POST"
        assert {"MD", "PaReq"} <= set(asked["action"]["data"])
        assert set(fields) == {"MD", "PaRes"}
        assert reply["resultCode"] == result


class TestNative:
    async def test_identifies_then_challenges_then_charges(self, merchant: Shop) -> None:
        identify = await merchant.pay(paymentMethod=named("A", "4917610000000000"))
        challenge = await merchant.details(threeDSResult=proof("Y", identify["action"]["token"]))
        reply = await merchant.details(threeDSResult=proof("Y", challenge["action"]["token"]))

        codes = [told["resultCode"] for told in (identify, challenge, reply)]
        assert codes == ["IdentifyShopper", "ChallengeShopper", "Authorised"]

    async def test_refuses_a_payer_who_failed(self, merchant: Shop) -> None:
        identify = await merchant.pay(paymentMethod=named("A", "4917610000000000"))
        challenge = await merchant.details(threeDSResult=proof("Y", identify["action"]["token"]))

        reply = await merchant.details(threeDSResult=proof("N", challenge["action"]["token"]))

        assert reply["refusalReasonCode"] == "11"


class TestWhetherToAsk:
    async def test_never_refuses_what_the_bank_wants_asked(self, merchant: Shop) -> None:
        reply = await merchant.pay(**BY_LINK | {"authenticationData": {"attemptAuthentication": "never"}})

        assert (reply["resultCode"], reply["refusalReasonCode"]) == ("Refused", "38")

    async def test_nobody_is_asked_off_session(self, merchant: Shop) -> None:
        reply = await merchant.pay(**BY_LINK, shopperInteraction="ContAuth")

        assert (reply["resultCode"], reply["refusalReasonCode"]) == ("Refused", "38")

    async def test_always_asks_with_any_card_and_lifts_a_soft_decline(self, merchant: Shop) -> None:
        wanted = {"attemptAuthentication": "always", "threeDSRequestData": {"nativeThreeDS": "disabled"}}
        card = named("AUTHENTICATION_REQUIRED")
        refused = await merchant.pay(paymentMethod=card)
        asked = await merchant.pay(paymentMethod=card, channel="Web", authenticationData=wanted, reference="att_2")

        reply = await merchant.details(redirectResult=await pressed(merchant, asked, "complete"))

        assert refused["refusalReasonCode"] == "38"
        assert reply["resultCode"] == "Authorised"

    async def test_says_what_the_payment_is(self, merchant: Shop) -> None:
        asked = await merchant.pay(**BY_LINK)
        page = await merchant.http.get(asked["action"]["url"])

        assert payment()["reference"] in await page.text()
