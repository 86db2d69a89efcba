"""`python -m hub.sandbox PROCESSOR`: one pretend processor in this process, until SIGTERM."""

import argparse
import asyncio
import json
import signal
import sys

from hub.sandbox.server import names, processor, serve


async def _run(name: str, book: str, port: int, *, as_json: bool) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    async with serve(processor(name), book, port) as sandbox:
        told = json.dumps({"processor": name, "url": sandbox.url}) if as_json else f"{name} sandbox: {sandbox.url}"
        sys.stdout.write(f"{told}\n")
        sys.stdout.flush()
        await ended.wait()


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m hub.sandbox", description=__doc__)
    parser.add_argument("processor", choices=names())
    parser.add_argument("--port", type=int, default=0, help="0 takes a free port")
    parser.add_argument("--book", required=True, help="the SQLite file that holds everything; made where missing")
    parser.add_argument("--json", action="store_true", help="print one JSON line when listening")
    asked = parser.parse_args()
    asyncio.run(_run(asked.processor, asked.book, asked.port, as_json=asked.json))


if __name__ == "__main__":
    main()
