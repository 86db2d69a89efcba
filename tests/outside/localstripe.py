"""The Stripe adapter once against localstripe, a server that nobody here wrote, in its own process and environment.

It is GPL-3.0: installed and run apart, never imported. Source: https://github.com/adrienverge/localstripe
"""

import asyncio
import contextlib
import socket
import venv
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import BasicAuth, ClientSession

from adapters.errors import AdapterError
from adapters.stripe.account import StripeCredentials
from adapters.stripe.adapter import StripeAdapter
from adapters.transport import Transport
from normalization.outcome import Approved, Pending
from normalization.tokens import ProcessorToken
from tests.adapters.stripe.asking import purchase, refund
from tests.outside.prism import FOLDER
from tests.outside.recording import recording
from tests.outside.report import MissingError, Report

VERSION = "1.15"
KEY = "sk_test_outside"
INSTALL_SECONDS_MAX = 300
TRIES_MAX = 100
NOT_THERE = frozenset({"return_url", "error_on_requires_action", "allowed_payment_method_types[0]"})
"""Parameters of Stripe's that localstripe refuses as unknown."""


async def run(findings: Report) -> None:
    """Charge and refund once.

    Raises:
        MissingError: when localstripe cannot be installed.
    """
    transport = Transport()
    async with _running() as url, recording(url, NOT_THERE) as kept, ClientSession(auth=BasicAuth(KEY)) as http:
        token = await _token(http, url)
        adapter = StripeAdapter(StripeCredentials(api_key=KEY, base_url=kept.url), transport, livemode=False)
        told, charged, refunded = "", False, False
        try:
            report = await adapter.authorize(purchase(token=token))
            charged = report.outcome == Approved()
            asked = refund(parent_reference=report.processor_reference)
            refunded = charged and isinstance((await adapter.follow_up(asked)).outcome, Approved | Pending)
        except AdapterError as failure:
            told = str(failure)
        findings.hold("a purchase at localstripe", good=charged, because=told)
        findings.hold("a refund at localstripe", good=refunded, because=told)
    await transport.close()


async def _token(http: ClientSession, url: str) -> ProcessorToken:
    card = {"type": "card", "card[number]": "4242424242424242", "card[exp_month]": "12", "card[exp_year]": "2030"}
    method = await _made(http, f"{url}/v1/payment_methods", {**card, "card[cvc]": "123"})
    customer = await _made(http, f"{url}/v1/customers", {"name": "Ada"})
    await _made(http, f"{url}/v1/payment_methods/{method}/attach", {"customer": customer})
    return ProcessorToken(processor="stripe", token=method, customer_reference=customer)


async def _made(http: ClientSession, url: str, form: dict[str, str]) -> str:
    async with http.post(url, data=form) as answer:
        return str((await answer.json())["id"])


async def _installed() -> Path:
    folder = FOLDER / "localstripe"
    program = folder / "bin" / "localstripe"
    if not program.exists():
        await asyncio.to_thread(venv.create, folder, with_pip=True)
        command = ("-m", "pip", "install", "--quiet", f"localstripe=={VERSION}.*")
        process = await asyncio.create_subprocess_exec(folder / "bin" / "python", *command, stdout=PIPE, stderr=STDOUT)
        told, _ = await asyncio.wait_for(process.communicate(), INSTALL_SECONDS_MAX)
        if process.returncode:
            raise MissingError(f"pip could not install localstripe:\n{told.decode(errors='replace')[-2000:]}")
    return program


@asynccontextmanager
async def _running() -> AsyncIterator[str]:
    program = await _installed()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ("--port", str(port), "--from-scratch")
    process = await asyncio.create_subprocess_exec(program, *command, stdout=DEVNULL, stderr=DEVNULL, cwd=FOLDER)
    try:
        for _ in range(TRIES_MAX):
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                break
            await asyncio.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()
