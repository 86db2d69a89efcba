"""docs/declines.md and a page for each processor under docs/declines/, written from the tables that decide."""

import re
from collections.abc import Iterable
from datetime import timedelta
from functools import partial
from itertools import starmap
from pathlib import Path
from typing import Final

from hub.app import known_adapters
from normalization.declines import MEANING, DeclineCode
from normalization.networks import CAPS, MASTERCARD_ADVICE, VISA_NEVER_SINCE, Cap, visa_category
from normalization.reasons import in_words
from normalization.responses import RESPONSES

PAGE: Final = Path(__file__).parent.parent / "docs" / "declines.md"
_MADE: Final = re.compile(r"(<!-- made: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def declines_page() -> str:
    """Write docs/declines.md anew: what people wrote, with the tables between its marks made again."""
    by_code = sorted(RESPONSES, key=lambda row: (row[1], row[0] or ""))
    tables = {
        "codes": _table("code | category | advice | else | wait | elsewhere", map(_code_row, DeclineCode)),
        "responses": _table("network | code | means | Visa's category", starmap(_response_row, by_code)),
        "advice": _table("advice | says | is", map(_advice_row, MASTERCARD_ADVICE)),
        "caps": _table("network | at most | in | of one amount | since | until", map(_cap_row, CAPS)),
    }
    return _MADE.sub(lambda mark: f"{mark[1]}\n{tables[mark[2]]}\n\n{mark[3]}", PAGE.read_text())


def processor_page(processor: str) -> str:
    """Write docs/declines/<processor>.md."""
    codes = known_adapters()[processor].decline_codes
    rows = (f"| `{code}` | `{meaning}` |" for code, meaning in sorted(codes.items()))
    return _PROCESSOR.format(processor=processor, table=_table("code | means", rows))


_PROCESSOR: Final = """# Declines: {processor}

What the processor's own codes mean by themselves; the [network's code and advice](../declines.md) may say more. A code
that is not here is a `generic_decline`, keeps what was told and is listed by `hub doctor`.

{table}
"""
PAGES: Final = {"docs/declines.md": declines_page} | {
    f"docs/declines/{name}.md": partial(processor_page, name)
    for name, adapter in known_adapters().items()
    if adapter.decline_codes
}


def _table(head: str, rows: Iterable[str]) -> str:
    return "\n".join([f"| {head} |", "|---" * len(head.split(" | ")) + "|", *rows])


def _code_row(code: DeclineCode) -> str:
    meaning = MEANING[code]
    wait = "" if meaning.delay_hours is None else in_words(timedelta(hours=meaning.delay_hours))
    alternatives = ", ".join(f"`{advice}`" for advice in meaning.alternatives)
    elsewhere = "setting" if code is DeclineCode.INSUFFICIENT_FUNDS else "yes" if meaning.failover else "no"
    return f"| `{code}` | `{meaning.category}` | `{meaning.advice}` | {alternatives} | {wait} | {elsewhere} |"


def _response_row(network: str | None, code: str) -> str:
    category = str(visa_category(code)) if network in {None, "visa"} else ""
    since = f", since {VISA_NEVER_SINCE[code]}; 2 before" if code in VISA_NEVER_SINCE and category else ""
    return f"| {network or ''} | {code} | `{RESPONSES[network, code]}` | {category}{since} |"


def _advice_row(advice: str) -> str:
    row = MASTERCARD_ADVICE[advice]
    parts = [
        "a stop" if row.never else "",
        f"a wait of {in_words(row.wait)}" if row.wait else "",
        f"`{row.code}` where the codes say no more than no" if row.code else "",
    ]
    return f"| {advice} | {row.text} | {'; '.join(filter(None, parts)) or 'a word on the card'} |"


def _cap_row(cap: Cap) -> str:
    amount = "yes" if cap.same_amount else "of any"
    return (
        f"| {cap.network} | {cap.count} {cap.counted} | {in_words(cap.within)} | {amount} "
        f"| {cap.since or ''} | {cap.until or ''} |"
    )
