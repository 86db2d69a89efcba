"""What `hub dev` fills a new hub with, over the API itself; what is there already stays as it is.

The secrets here open nothing but the sandboxes.
"""

from collections.abc import Mapping
from typing import Any, Final

import aiohttp
from msgspec import Struct

from hub.sandbox.server import processor

Json = dict[str, Any]

CURRENCIES: Final = ("EUR", "USD", "GBP", "JPY", "KWD")
RULESET: Final = "main"
REQUEST_SECONDS: Final = 15


class SeedError(Exception):
    """The hub or a sandbox did not take what it was given; the message has its answer."""


class Sample(Struct, frozen=True, kw_only=True):
    """A sample merchant account; `at_processor` is its name there."""

    name: str
    processor: str
    at_processor: str
    currencies: tuple[str, ...] = CURRENCIES
    region: str | None = None
    risk_min: int = 0
    risk_max: int = 100

    def credentials(self, base_url: str) -> Json:
        """Write its credentials with the sandbox at *base_url* behind it."""
        return processor(self.processor).credentials(self.at_processor, base_url)

    def profile(self) -> Json:
        """Write which payments it takes and what it costs."""
        return {
            "region": self.region,
            "currencies": list(self.currencies),
            "risk_min": self.risk_min,
            "risk_max": self.risk_max,
            "fees": [self.fees()],
            "settlement_days": 2,
        }

    def fees(self) -> Json:
        """Write what a charge costs: the same words are said to the hub and to the processor."""
        return {"percent_bps": 140, "fixed_minor": 25 if set(self.currencies) <= {"EUR", "USD", "GBP"} else 0}


SAMPLES: Final = (
    Sample(
        name="stripe-eea", processor="stripe", at_processor="devStripeEea", currencies=("EUR",), region="EEA",
        risk_max=59,
    ),
    Sample(
        name="adyen-eea", processor="adyen", at_processor="DevAdyenEea", currencies=("EUR",), region="EEA", risk_max=59
    ),
    Sample(
        name="adyen-uk", processor="adyen", at_processor="DevAdyenUk", currencies=("GBP",), region="UK", risk_max=59
    ),
    Sample(
        name="stripe-us", processor="stripe", at_processor="devStripeUs", currencies=("USD",), region="US", risk_max=59
    ),
    Sample(name="stripe-world", processor="stripe", at_processor="devStripeWorld"),
    Sample(name="adyen-world", processor="adyen", at_processor="DevAdyenWorld"),
    Sample(name="adyen-high-risk", processor="adyen", at_processor="DevAdyenHighRisk", risk_min=60),
)  # fmt: skip
"""Every currency at both processors for payers from anywhere, and three regions with accounts of their own."""

PROCESSORS: Final = tuple(dict.fromkeys(sample.processor for sample in SAMPLES))
"""Whose sandboxes the samples need."""


def ruleset(ids: Mapping[str, str]) -> Json:
    """Write the sample rules over the accounts' *ids*."""

    def use(*names: str) -> Json:
        return {"strategy": "priority", "accounts": [ids[name] for name in names]}

    def local(currency: str, region: str) -> Json:
        return {"all": [{"fact": "currency", "eq": currency}, {"fact": "region", "eq": region}]}

    return {
        "name": RULESET,
        "rules": [
            {"name": "block", "when": {"fact": "risk_score", "gte": 95}, "refuse": "blocked_by_risk_rule"},
            {"name": "high-risk", "when": {"fact": "risk_score", "gte": 60}, "use": use("adyen-high-risk")},
            {"name": "eea-cards", "when": local("EUR", "EEA"), "use": use("stripe-eea", "adyen-eea")},
            {"name": "uk-cards", "when": local("GBP", "UK"), "use": use("adyen-uk", "stripe-world")},
            {"name": "us-cards", "when": local("USD", "US"), "use": use("stripe-us", "adyen-world")},
            {"name": "yen", "when": {"fact": "currency", "eq": "JPY"}, "use": use("adyen-world", "stripe-world")},
        ],
        "otherwise": use("stripe-world", "adyen-world"),
    }


async def seed(url: str, api_key: str, sandboxes: Mapping[str, str]) -> dict[str, str]:
    """Make the sample accounts and rules where they are missing, and point both sides at each other.

    *sandboxes* is processor to URL. Gives the accounts' ids by name.

    Raises:
        SeedError: when something of it is refused.
    """
    timeout = aiohttp.ClientTimeout(total=REQUEST_SECONDS)
    headers = {"Authorization": f"Bearer {api_key}"}
    async with aiohttp.ClientSession(timeout=timeout) as session:
        hub = _Door(session, url, headers)
        ids = await _accounts(hub, sandboxes)
        await _rules(hub, ids)
        for sample in SAMPLES:
            at = sandboxes[sample.processor]
            secret = sample.credentials(at)["webhook_secret"]
            told = {
                "webhook_url": f"{url}/webhooks/{ids[sample.name]}",
                "webhook_secret": secret,
                "fees": sample.fees(),
            }
            sandbox = _Door(session, at, {})
            await sandbox.ask("PUT", f"/_control/accounts/{sample.at_processor}", told)
    return ids


async def _accounts(hub: "_Door", sandboxes: Mapping[str, str]) -> dict[str, str]:
    standing = {account["name"]: account["id"] for account in await hub.listed("/v1/merchant_accounts")}
    for sample in SAMPLES:
        credentials = sample.credentials(sandboxes[sample.processor])
        if sample.name in standing:
            # The sandbox may have had to take another port than last time.
            changed = {"credentials": credentials}
            await hub.ask("PATCH", f"/v1/merchant_accounts/{standing[sample.name]}", changed)
        else:
            named = {"name": sample.name, "processor": sample.processor, "credentials": credentials}
            made = await hub.ask("POST", "/v1/merchant_accounts", {**named, **sample.profile()})
            standing[sample.name] = made["id"]
    return {sample.name: standing[sample.name] for sample in SAMPLES}


async def _rules(hub: "_Door", ids: Mapping[str, str]) -> None:
    """Activate the sample rules, unless some ruleset is there: then somebody has taken over."""
    standing = await hub.listed("/v1/routing/rulesets")
    if any(version["active"] for version in standing):
        return
    written = next((version["id"] for version in standing if version["name"] == RULESET), None)
    if written is None:
        written = (await hub.ask("POST", "/v1/routing/rulesets", ruleset(ids)))["id"]
    await hub.ask("POST", f"/v1/routing/rulesets/{written}/activate", {"rollout_percent": 100})


class _Door(Struct, frozen=True):
    session: aiohttp.ClientSession
    url: str
    headers: Json

    async def ask(self, method: str, path: str, body: Json | None = None) -> Json:
        async with self.session.request(method, self.url + path, json=body, headers=self.headers) as answer:
            if not answer.ok:
                raise SeedError(f"{method} {path} answered {answer.status}: {(await answer.text())[:500]}")
            told: Json = await answer.json(content_type=None)
            return told

    async def listed(self, path: str) -> list[Json]:
        found: list[Json] = []
        page = await self.ask("GET", f"{path}?limit=100")
        while True:
            found += page["data"]
            if page["next_cursor"] is None:
                return found
            page = await self.ask("GET", f"{path}?limit=100&cursor={page['next_cursor']}")
