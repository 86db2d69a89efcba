"""Run every part, or those named: exit 0 when all agree, 1 when one does not, 2 when something is missing."""

import asyncio
import sys

from tests.outside import adyen, localstripe, stripe
from tests.outside.report import MissingError, Part, Report

PARTS: dict[str, Part] = {"adyen": adyen.run, "stripe": stripe.run, "localstripe": localstripe.run}


async def _run(names: list[str]) -> int:
    worst = 0
    for name in names:
        report = Report(name)
        try:
            await PARTS[name](report)
        except MissingError as missing:
            report.say(f"not run. {missing}")
            worst = max(worst, 2)
            continue
        report.say(f"{report.tried} tried, {len(report.wrong)} wrong")
        worst = max(worst, int(bool(report.wrong) or report.tried == 0))
    return worst


def main() -> int:
    names = sys.argv[1:] or list(PARTS)
    if unknown := [name for name in names if name not in PARTS]:
        print(f"unknown part {unknown[0]!r}; there are: {', '.join(PARTS)}", file=sys.stderr)
        return 2
    return asyncio.run(_run(names))


if __name__ == "__main__":
    sys.exit(main())
