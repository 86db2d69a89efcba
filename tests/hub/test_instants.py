"""Instants are told apart from all else by their names, in every body of the API."""

from typing import Any

import msgspec

from hub.app import create_app
from hub.settings import Settings

NOT_SO = {
    "BacktestBody.from",
    "BacktestBody.to",
    "BacktestRequest.from",
    "BacktestRequest.to",
    "DecidingShown.since",
    "DeclineBody.retry_after",
    "ReplayWanted.received_after",
    "ShadowShown.since",
    "Balances.as_of",
    "BalancesCompared.as_of",
    "reporting_statement_showing_StatementBody.until",
}
"""Bounds of a stretch of time, as parameters have them, what says as the header Retry-After does, and "as of"."""


def test_an_instant_ends_in_at() -> None:
    api: dict[str, Any] = create_app(Settings()).openapi_schema.to_schema()
    instants = {
        f"{name}.{field}"
        for name, schema in api["components"]["schemas"].items()
        for field, told in schema.get("properties", {}).items()
        if b"date-time" in msgspec.json.encode(told)
    }

    assert len(instants) > 20
    assert {one for one in instants if one.rpartition(".")[2] != "at" and not one.endswith("_at")} == NOT_SO
