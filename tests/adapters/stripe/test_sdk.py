"""What the adapter switches off in Stripe's SDK under private names; another version of it may have others."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE

import pytest
import stripe
from stripe import _api_requestor, _util

REQUEST = """
import asyncio, stripe
from adapters.stripe.client import Client
from adapters.transport import Transport

async def main():
    transport = Transport()
    client = Client("sk_test_abc", "http://127.0.0.1:1", transport)
    try:
        await client.act("/v1/refunds", {"metadata": {"secret": "4"}}, "ref_1")
    except Exception as failure:
        print(type(failure).__name__)
    finally:
        await transport.close()

asyncio.run(main())
"""


async def said(environment: dict[str, str], program: str) -> tuple[str, str]:
    """Run a program of its own, since the SDK reads the environment when it is imported."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdout=PIPE, stderr=PIPE, env={**os.environ, **environment}
    )
    out, err = await process.communicate()
    return out.decode(), err.decode()


def test_it_is_the_version_that_was_read() -> None:
    assert stripe.VERSION == "16.1.0"
    assert stripe.api_version == "2026-10-28.endive"
    assert stripe.DEFAULT_UPLOAD_API_BASE == "https://files.stripe.com"


@pytest.mark.parametrize("name", ["log_info", "log_debug"])
def test_the_sdk_still_logs_by_that_name(name: str) -> None:
    assert getattr(_util, name).__module__ == "stripe._util"
    assert getattr(_api_requestor, name).__module__ == "adapters.stripe.client"


async def test_a_request_is_not_printed_even_where_the_sdk_is_told_to() -> None:
    out, err = await said({"STRIPE_LOG": "debug"}, REQUEST)

    assert (out.strip(), err) == ("NotSentError", "")


async def test_the_agent_that_the_hub_runs_under_is_not_told() -> None:
    agents = "import stripe; from stripe._api_requestor import _APIRequestor as r; print(r.AI_AGENTS[0][0])"
    variable = (await said({}, agents))[0].strip()
    told = "import os, adapters.stripe; from stripe._api_requestor import _APIRequestor as r; "

    out, _ = await said({variable: "1"}, told + "print(repr(r._detect_ai_agent(os.environ)))")

    assert out.strip() == "''"
