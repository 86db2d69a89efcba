"""People read whole units: no sentence has an amount in it as the hub counts, "13165 EUR" for 131.65."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
MINOR = {
    "hub/exceptions/rules.py": "about the field `transfer.amount` of a request, in its unit",
    "hub/payments/asking.py": "about the field `amount` of a request, in its unit",
    "hub/settlement/bank_files.py": "a key, which nobody reads",
    "hub/settlement/camt.py": "a key, which nobody reads",
}
"""Where minor units stand in a text nevertheless, and why."""


def test_every_sentence_has_its_amounts_in_whole_units() -> None:
    modules = [path for path in (ROOT / "hub").rglob("*.py") if "sandbox" not in path.parts]

    found = {str(path.relative_to(ROOT)): shown for path in modules if (shown := sorted(minor_in_texts(path)))}

    assert {module: shown for module, shown in found.items() if module not in MINOR} == {}
    assert set(MINOR) <= set(found), "nothing is there any more to be left as it is"


def minor_in_texts(path: Path) -> Iterator[str]:
    """Name every amount in minor units that is put into a text as it is, be it by a template's name for it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FormattedValue):
            name = ast.unparse(node.value)
            if name.rpartition(".")[2].split("_")[-1] == "minor" or ".minor" in name.partition("(")[0]:
                yield name
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and "_minor}" in node.value:
            yield node.value
