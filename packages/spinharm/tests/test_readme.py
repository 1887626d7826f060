"""The Python of the READMEs and of the documentation runs as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import jax
import pytest

from spinharm import Grid, SpinTransform

PACKAGE = Path(__file__).resolve().parents[1]
PAGES = [
    page
    for page in (PACKAGE.parents[1] / "README.md", PACKAGE / "README.md", *sorted((PACKAGE / "docs").glob("*.md")))
    if page.is_file()
]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: Path) -> list[str]:
    """The Python blocks of a page, each after as many empty lines as stand before it, for honest line numbers."""
    text = page.read_text(encoding="utf-8")
    return ["\n" * text.count("\n", 0, found.start(1)) + found[1] for found in BLOCK.finditer(text)]


def test_pages_with_examples_are_found():
    with_examples = {page.name for page in PAGES if blocks(page)}
    assert {"README.md", "quickstart.md", "conventions.md", "grids.md", "methods.md"} <= with_examples


@pytest.mark.parametrize(
    "page", [page for page in PAGES if blocks(page)], ids=lambda page: f"{page.parent.name}/{page.name}"
)
def test_examples_run(page, capsys):
    namespace: dict[str, object] = {"__name__": "example"}
    former = jax.config.read("jax_enable_x64")
    try:
        # As users have it; the tests at large are stricter.
        with jax.numpy_dtype_promotion("standard"):
            for block in blocks(page):
                exec(compile(block, str(page), "exec"), namespace)
    finally:
        jax.config.update("jax_enable_x64", former)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page.parent.name}/{page.name}")
def test_links_to_files_lead_somewhere(page):
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    targets = [target for target in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in target]
    missing = [
        target for target in targets if target.split("#")[0] and not (page.parent / target.split("#")[0]).exists()
    ]
    assert not missing


def test_memory_in_the_documentation_is_what_transforms_say():
    text = (PACKAGE / "docs" / "methods.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+)×(\d+) (.*?) \| \d+ \| (.*?) \|$", text, flags=re.MULTILINE)
    assert len(rows) == 6
    for nlat, nlon, kind, cells in rows:
        if kind == "Gauss–Legendre":
            grid = Grid.gauss_legendre(int(nlat), int(nlon))
        else:
            grid = Grid.equiangular(int(nlat), int(nlon), poles=kind == "with poles")
        for method, cell in zip(("tables", "recursion", "torus"), cells.split("|"), strict=True):
            if cell.strip():
                transform = SpinTransform(grid, method=method, memory_limit=2**40)
                digits = len(cell.strip().partition(".")[2])
                assert round(transform.table_bytes() / 2**20, digits) == float(cell), (nlat, method)
