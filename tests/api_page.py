"""The tables of docs/api.md that the code writes: every route with its answers, and who may call it."""

import re
from functools import cache
from pathlib import Path
from typing import Any, Final

from hub.access.rules import ROLES, SCOPES
from hub.app import create_app
from hub.settings import Settings

PAGE: Final = Path(__file__).parent.parent / "docs" / "api.md"
ANYWHERE: Final = frozenset({"400", "401", "403", "422", "429", "500", "503"})
_MADE: Final = re.compile(r"(<!-- made: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


@cache
def document() -> dict[str, Any]:
    """The OpenAPI document as it is served; made once for all who read it."""
    return create_app(Settings()).openapi_schema.to_schema()


def routes() -> list[tuple[str, str, dict[str, Any]]]:
    """Method, path and OpenAPI operation of everything that is served."""
    return [
        (method.upper(), path, operation)
        for path, operations in document()["paths"].items()
        for method, operation in operations.items()
    ]


@cache
def api_page() -> str:
    """Write docs/api.md anew: what people wrote, with the tables between its marks made again."""
    tables = {"routes": _routes_table(), "scopes": _scopes_table()}
    return _MADE.sub(lambda mark: f"{mark[1]}\n{tables[mark[2]]}\n\n{mark[3]}", PAGE.read_text())


@cache
def prose() -> str:
    """The page without the tables that the code writes."""
    return _MADE.sub("", PAGE.read_text())


def _routes_table() -> str:
    rows = []
    for method, path, operation in routes():
        statuses = set(operation["responses"])
        shared = statuses >= ANYWHERE
        own = sorted(statuses - ANYWHERE if shared else statuses)
        words = ", ".join([*own, *["…"] * shared])
        rows.append(f"| `{method} {path}` | {_first_sentence(operation)} | {words} |")
    return "\n".join(["| route | what it does | answers |", "|---|---|---|", *rows])


def _first_sentence(operation: dict[str, Any]) -> str:
    told = str(operation.get("description") or operation.get("summary") or "")
    return told.partition("\n")[0].replace("|", "\\|")


def _scopes_table() -> str:
    rows = [
        f"| `{scope}` | {', '.join(role for role, scopes in ROLES.items() if scope in scopes)} |"
        for scope in sorted(SCOPES)
    ]
    return "\n".join(["| scope | roles that have it |", "|---|---|", *rows])
