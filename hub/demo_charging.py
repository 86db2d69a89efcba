"""The demo's first half: charges and where they go, declines, challenges."""

from typing import Final

from msgspec import Struct
from rich.table import Table

from hub.demo_payer import follow
from hub.demo_shop import Json, Reply, Shop, step

STRIPE_CARD: Final = "pm_card_visa"
ADYEN_CARD: Final = "stored_visa"
HOME: Final = "https://shop.example/thanks"
"""Where the shop wants its payers back; nobody serves it, the payer only has to be sent there."""

_DECIMALS: Final = {"JPY": 0, "KWD": 3}


class Sale(Struct, frozen=True, kw_only=True):
    """A charge and where it must go; `left_out` has the reason of every account that is not tried, by name."""

    amount: int
    currency: str
    country: str
    account: str
    processor: str
    rule: str
    left_out: dict[str, str]
    risk_score: int | None = None


SALES: Final = (
    Sale(
        amount=4999, currency="EUR", country="DE", account="stripe-eea", processor="stripe", rule="eea-cards",
        left_out={
            "adyen-uk": "currency", "stripe-us": "currency", "stripe-world": "not_in_rule",
            "adyen-world": "not_in_rule", "adyen-high-risk": "risk_score",
        },
    ),
    Sale(
        amount=2500, currency="GBP", country="GB", account="adyen-uk", processor="adyen", rule="uk-cards",
        left_out={
            "stripe-eea": "currency", "adyen-eea": "currency", "stripe-us": "currency",
            "adyen-world": "not_in_rule", "adyen-high-risk": "risk_score",
        },
    ),
    Sale(
        amount=12_000, currency="USD", country="US", account="stripe-us", processor="stripe", rule="us-cards",
        left_out={
            "stripe-eea": "currency", "adyen-eea": "currency", "adyen-uk": "currency",
            "stripe-world": "not_in_rule", "adyen-high-risk": "risk_score",
        },
    ),
    Sale(
        amount=5000, currency="JPY", country="JP", account="adyen-world", processor="adyen", rule="yen",
        left_out={
            "stripe-eea": "currency", "adyen-eea": "currency", "adyen-uk": "currency", "stripe-us": "currency",
            "adyen-high-risk": "risk_score",
        },
    ),
    Sale(
        amount=12_340, currency="KWD", country="KW", account="stripe-world", processor="stripe", rule="otherwise",
        left_out={
            "stripe-eea": "currency", "adyen-eea": "currency", "adyen-uk": "currency", "stripe-us": "currency",
            "adyen-high-risk": "risk_score",
        },
    ),
    Sale(
        amount=7500, currency="EUR", country="FR", account="adyen-high-risk", processor="adyen", rule="high-risk",
        risk_score=72,
        left_out={
            "stripe-eea": "risk_score", "adyen-eea": "risk_score", "adyen-uk": "currency", "stripe-us": "currency",
            "stripe-world": "not_in_rule", "adyen-world": "not_in_rule",
        },
    ),
)  # fmt: skip
"""Five currencies, six accounts, two processors."""


async def charge(
    shop: Shop, reference: str, method: str, sale: Sale, *, key: str | None = None, **fields: object
) -> Reply:
    """Send a charge; its key is the reference unless *key* says otherwise."""
    body: Json = {
        "amount": sale.amount,
        "currency": sale.currency,
        "country": sale.country,
        "reference": reference,
        "payment_method": method,
        **({} if sale.risk_score is None else {"risk_score": sale.risk_score}),
        **fields,
    }
    return await shop.send("POST", "/v1/payments", body, key=key or reference)


def decimal(minor: int, currency: str) -> str:
    """Write minor units the way people do."""
    digits = _DECIMALS.get(currency, 2)
    return f"{minor / 10**digits:,.{digits}f} {currency}"


async def sell(shop: Shop) -> list[Json]:
    """Charge in five currencies; each must go to its account, for the reason it should."""
    step(shop, "Charges", "One call each; rules pick the merchant account, and say why the others were left out.")
    method = await shop.payment_method(stripe=STRIPE_CARD, adyen=ADYEN_CARD)
    table = Table("amount", "payer", "account", "processor", "rule", "left out because of", title_justify="left")
    sold = []
    for sale in SALES:
        reply = await charge(shop, f"order-{sale.currency}-{sale.account}", method, sale)
        what = f"charge of {decimal(sale.amount, sale.currency)} from {sale.country}"
        shop.expect(f"{what}: HTTP status", reply.status, 201)
        payment = reply.json
        shop.expect(f"{what}: status", payment["status"], "captured")
        shop.expect(f"{what}: amount_captured", payment["amount_captured"], sale.amount)
        shop.expect(f"{what}: currency", payment["currency"], sale.currency)
        shop.expect(f"{what}: account", shop.place.account_name(payment["merchant_account"]), sale.account)
        shop.expect(f"{what}: processor", payment["processor"], sale.processor)
        shop.expect(f"{what}: rule", payment["routing"]["rule"], sale.rule)
        shop.expect(f"{what}: left out", _left_out(shop, payment), sale.left_out)
        shop.expect(f"{what}: charges at the processors", await shop.charges(payment["tag"]), 1)
        table.add_row(
            decimal(payment["amount_captured"], payment["currency"]), f"{sale.country}, risk {sale.risk_score or '-'}",
            sale.account, payment["processor"], payment["routing"]["rule"], _by_reason(_left_out(shop, payment)),
        )  # fmt: skip
        sold.append(payment)
    shop.console.print(table)
    shop.expect("accounts charged", len({payment["merchant_account"] for payment in sold}), len(SALES))
    return sold


def _left_out(shop: Shop, payment: Json) -> dict[str, str]:
    considered = payment["routing"]["considered"]
    return {shop.place.account_name(c["merchant_account"]): c["reason"] for c in considered if not c["eligible"]}


def _by_reason(left_out: dict[str, str]) -> str:
    reasons = sorted(set(left_out.values()))
    return "\n".join(
        f"{reason}: {', '.join(name for name, why in left_out.items() if why == reason)}" for reason in reasons
    )


async def be_declined(shop: Shop) -> None:
    """Two cards are refused, one at each processor: one vocabulary, the raw code beside it."""
    step(shop, "Declines", "A decline is an answer, not an error: what happened, whose move it is, what to do next.")
    table = Table("processor", "code", "category", "advice", "theirs", "for the payer")
    cases = (
        (SALES[0], {"stripe": "pm_card_visa_chargeDeclinedInsufficientFunds"}, "stripe",
         "insufficient_funds", "soft", "after_delay"),
        (SALES[1], {"adyen": "stored_stolen"}, "adyen", "lost_or_stolen_card", "fraud", "never"),
    )  # fmt: skip
    for sale, token, processor, code, category, advice in cases:
        method = await shop.payment_method(**token)
        reply = await charge(shop, f"declined-{code}", method, sale)
        shop.expect(f"{code}: HTTP status", reply.status, 201)
        payment = reply.json
        shop.expect(f"{code}: status", payment["status"], "failed")
        shop.expect(f"{code}: processor", payment["processor"], processor)
        told = payment["decline"]
        shop.expect(f"{code}: code", told["code"], code)
        shop.expect(f"{code}: category", told["category"], category)
        shop.expect(f"{code}: advice", told["advice"], advice)
        shop.expect(f"{code}: attempts", len(payment["attempts"]), 1)
        shop.expect(f"{code}: charges at the processors", await shop.charges(payment["tag"]), 0)
        raw = f"{told['processor_code']} (network {told['network_code'] or '-'})"
        table.add_row(payment["processor"], told["code"], told["category"], told["advice"], raw, told["message"])
    shop.console.print(table)


async def be_challenged(shop: Shop) -> None:
    """A payer proves who they are, at both processors: by a link, and by a form that the hub serves."""
    step(shop, "3D Secure", "The payer follows the redirects: bank, hub, shop. Only then is the payment captured.")
    table = Table("amount", "processor", "the payer's way", "payment")
    cases = (
        (SALES[0], {"stripe": "pm_card_authenticationRequired"}, "stripe"),
        (SALES[1], {"adyen": "stored_3ds_post"}, "adyen"),
    )
    for sale, token, processor in cases:
        method = await shop.payment_method(**token)
        reply = await charge(shop, f"challenged-{processor}", method, sale, return_url=f"{HOME}?shop=1")
        payment = reply.json
        what = f"3D Secure at {processor}"
        shop.expect(f"{what}: HTTP status", reply.status, 201)
        shop.expect(f"{what}: status before", payment["status"], "requires_action")
        shop.expect(f"{what}: charges before", await shop.charges(payment["tag"]), 0)
        way = await follow(shop.http, payment["next_action"]["url"], HOME)
        shop.expect(f"{what}: back at the shop", way[-1], f"{HOME}?shop=1&payment={payment['id']}")
        shop.expect(f"{what}: over /return", any(f"/return/{payment['id']}" in url for url in way), wanted=True)
        after = await shop.payment(payment["id"])
        shop.expect(f"{what}: status after", after["status"], "captured")
        shop.expect(f"{what}: amount_captured", after["amount_captured"], sale.amount)
        shop.expect(f"{what}: charges after", await shop.charges(payment["tag"]), 1)
        places = [_place(shop, url) for url in way]
        steps = [place for n, place in enumerate(places) if n == 0 or places[n - 1] != place]
        status = f"{payment['status']} -> {after['status']}"
        table.add_row(decimal(sale.amount, sale.currency), processor, " -> ".join(steps), status)
    shop.console.print(table)


def _place(shop: Shop, url: str) -> str:
    if url.startswith(shop.place.url):
        return f"hub /{url.removeprefix(shop.place.url).lstrip('/').partition('/')[0]}"
    return "shop" if url.startswith(HOME) else "bank"
