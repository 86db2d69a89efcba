"""dj-stripe beside the hub: the same events to its own view and default handler, in an environment of its own.

It does everything within the request: verify, keep, ask Stripe for the object, store what it reads of it. The hub does
that in two steps, so what stands beside it is both of them, one after the other.
"""

import asyncio
import os
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from benchmarks.load import Slice
from benchmarks.stage import WEBHOOK_SECRET, Stage, Target
from tests.processes import accepts

VERSION: Final = "2.11.0"
PACKAGES: Final = (f"dj-stripe=={VERSION}", "psycopg[binary]==3.3.9", "gunicorn==27.0.1")
HOME: Final = Path(__file__).parent.parent / ".venv-djstripe"
ENDPOINT: Final = uuid.UUID(int=7)
API_KEY: Final = "sk_test_" + "bench" * 5
PROCESSES: Final = 2
THREADS: Final = 16
WORDS: Final = "Django's threads, two processes of sixteen: as many requests at once as the load has"


def environment() -> Path:
    """Make dj-stripe's virtual environment where it is not there yet; give its programs.

    Raises:
        subprocess.CalledProcessError: where its packages cannot be had.
    """
    programs = HOME / "bin"
    if not (HOME / VERSION).exists():
        subprocess.run((sys.executable, "-m", "venv", "--clear", HOME), check=True)
        install = (programs / "python", "-m", "pip", "--disable-pip-version-check", "install", "--quiet", *PACKAGES)
        subprocess.run(install, check=True)
        (HOME / VERSION).touch()
    return programs


def serving(stage: Stage) -> Target:
    """Start dj-stripe over a database of its own."""
    programs = environment()
    settings = {
        "DJSTRIPE_DATABASE_URL": asyncio.run(stage.postgres.fresh_database()),
        "DJSTRIPE_PROCESSOR_URL": stage.processor_url,
        "DJSTRIPE_API_KEY": API_KEY,
        "DJSTRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET,
        "DJSTRIPE_API_VERSION": "2026-10-28.endive",
        "DJSTRIPE_ENDPOINT": str(ENDPOINT),
        "PYTHONPATH": str(Path(__file__).parent),
    }
    subprocess.run((programs / "python", "-m", "djstripe_site"), env=os.environ | settings, check=True)
    words = ("djstripe_site:application", "--workers", str(PROCESSES), "--threads", str(THREADS), "--keep-alive", "30")
    told = tuple(f"{name}={value}" for name, value in settings.items())
    server = stage.start(
        "djstripe",
        lambda port: ("env", *told, str(programs / "gunicorn"), *words, "--bind", f"127.0.0.1:{port}"),
        accepts,
    )
    return Target(
        name="dj-stripe",
        port=server.port,
        path=f"/stripe/webhook/{ENDPOINT}/",
        headers={},
        body="",
        pids=(server.pid,),
    )


def measure(stage: Stage, events: Slice) -> float:
    """Have dj-stripe take *events*; give how many it is done with in a second.

    Raises:
        SystemExit: when it refuses one.
    """
    target = serving(stage)
    told = stage.load.drive(replace(events, port=target.port, path=target.path))
    if set(told.statuses) != {200}:
        raise SystemExit(f"dj-stripe answered {dict(told.statuses)}, such as: {told.sample}")
    return told.answers / told.counted_s
