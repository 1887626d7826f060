"""Tables of results, for the terminal and for pages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

Rows = list[dict[str, Any]]


def table(rows: Rows) -> str:
    """Rows of one benchmark as aligned text."""
    names = list(rows[0])
    cells = [[f"{row[name]:.3g}" if isinstance(row[name], float) else str(row[name]) for name in names] for row in rows]
    widths = [max(len(name), *(len(line[i]) for line in cells)) for i, name in enumerate(names)]
    return "\n".join("  ".join(c.rjust(w) for c, w in zip(line, widths, strict=True)) for line in [names, *cells])


def markdown(rows: Rows, number: str = ".1e") -> str:
    """Rows as a Markdown table, fractions in the given format."""

    def cell(value: Any) -> str:
        return "—" if value is None else f"{value:{number}}" if isinstance(value, float) else str(value)

    names = list(rows[0])
    lines = [names, ["---"] * len(names), *([cell(row[name]) for name in names] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def machine_sentence(facts: dict[str, Any]) -> str:
    """What `_timing.machine` found, as a sentence."""
    versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
    devices = "" if facts["devices"] == ["cpu"] else f", {' and '.join(facts['devices'])}"
    computer = f"{facts['processor']}, {facts['cores']} cores, {facts['memory [GiB]']} GiB{devices}, {facts['system']}"
    when = f"{facts['date']} at commit {facts['commit']}"
    return f"Measured on {when} on {computer}; Python {facts['python']}, {versions}."


def _split(page: Path, name: str) -> tuple[str, str, str, str]:
    """What stands before the table of that name, the lines around it, and what stands after."""
    begin, end = f"<!-- begin {name} -->\n", f"<!-- end {name} -->"
    before, found, rest = page.read_text(encoding="utf-8").partition(begin)
    _, also, after = rest.partition(end)
    if not (found and also):
        raise ValueError(f"{page} must have the lines {begin.strip()} and {end}")
    return before, begin, end, after


def check(page: Path, name: str) -> None:
    """See that the page has a place for that name.

    Raises:
        ValueError: It has none.
    """
    _split(page, name)


def write(page: Path, name: str, text: str) -> None:
    """Put text between the two lines of that name."""
    before, begin, end, after = _split(page, name)
    page.write_text(before + begin + "\n" + text + "\n\n" + end + after, encoding="utf-8")
