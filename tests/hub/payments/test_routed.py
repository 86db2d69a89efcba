"""Why a payment went where it went: shown with it, and known at the processor."""

from pathlib import Path

from tests.hub.house import QUICK, house
from tests.hub.money import rows
from tests.hub.payments.test_failover import GOOD as TOKENS
from tests.hub.payments.test_failover import ROOMY, charge, pair


async def test_each_hop_says_why_it_followed_and_the_timeline_says_so_too(database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path, settings=ROOMY) as made:
        await pair(made, "stripe", dead=("stripe",))

        payment = (await charge(made, TOKENS)).json()

        assert [attempt["reason"] for attempt in payment["attempts"]] == [None, "not_sent"]
        entries = (await made.hub.get(f"/v1/payments/{payment['id']}/timeline")).json()["entries"]
        told = [entry["data"]["reason"] for entry in entries if entry["kind"] == "operation"]
        assert told == [None, "not_sent"]


async def test_figures_versions_and_rules_are_shown_and_travel_with_charge_and_refund(
    database_url: str, tmp_path: Path
) -> None:
    async with house(database_url, tmp_path, settings=QUICK) as made:
        accounts = [made.accounts["stripe-eu"], made.accounts["adyen-eu"]]
        use = {"strategy": "net_revenue", "accounts": accounts, "margin_bps": 300}
        rules = [{"name": "euro", "when": {"fact": "currency", "eq": "EUR"}, "use": use}]
        ruleset = (await made.hub.post("/v1/routing/rulesets", {"name": "main", "rules": rules})).json()["id"]
        await made.hub.post(f"/v1/routing/rulesets/{ruleset}/activate", {})

        payment = (await made.hub.charge(payment_method=made.payment_method)).json()
        refund = (await made.hub.post(f"/v1/payments/{payment['id']}/refunds", {"amount": 1})).json()

        routing = payment["routing"]
        assert (routing["ruleset"], routing["version"], routing["rule"]) == (ruleset, 1, "euro")
        assert {score["merchant_account"] for score in routing["scores"]} == set(accounts)
        assert routing["snapshot"] > 0
        sent = {
            row["id"]: bytes(row["request"]).decode() for row in await rows(made, "SELECT id, request FROM operations")
        }
        for operation in (payment["tag"], refund["tag"]):
            assert f'"ruleset":"{ruleset}","version":1,"rule":"euro"' in sent[operation]
        assert f'"attempt":"{payment["tag"]}"' in sent[refund["tag"]]
