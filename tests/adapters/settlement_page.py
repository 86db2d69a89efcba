"""The table of a processor's page that says what each type of a settlement line is."""

from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def shown(processor: str) -> set[tuple[str, str]]:
    """Every type that the page names, beside what it becomes."""
    page = (ROOT / f"docs/adapters/{processor}.md").read_text()
    _, _, section = page.partition("## Settlement reports\n")
    rows = [row.split("|") for row in section.partition("\n## ")[0].splitlines() if row.count("|") == 3]
    return {(name.strip(" `"), kind.strip(" `")) for _, names, kind, _ in rows for name in names.split(",")}
