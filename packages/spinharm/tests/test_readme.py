"""The Python of the READMEs and of the documentation runs as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import doc_pages
from spinharm import Grid, SpinTransform

PACKAGE = Path(__file__).resolve().parents[1]

test_pages_with_examples_are_found, test_examples_run, test_links_to_files_lead_somewhere = doc_pages.tests(
    [PACKAGE.parents[1] / "README.md", *doc_pages.pages(PACKAGE)],
    {"README.md", "quickstart.md", "conventions.md", "grids.md", "methods.md"},
)


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
                transform = SpinTransform(grid, spins=(1,), method=method, memory_limit=2**40)
                digits = len(cell.strip().partition(".")[2])
                assert round(transform.table_bytes() / 2**20, digits) == float(cell), (nlat, method)
