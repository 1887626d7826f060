"""The Python of the READMEs and of the documentation runs as it stands."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

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


def test_the_error_of_the_vorticity_is_below_what_the_readme_says():
    text = (PACKAGE / "README.md").read_text(encoding="utf-8")
    (example,) = (code for code in re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL) if "vorticity" in code)
    bound = re.search(r"less than (\S+) in float32", example)
    assert bound is not None
    names: dict[str, Any] = {}
    exec(example, names)
    error = abs(names["vorticity"] - names["exact"]).max() / abs(names["exact"]).max()
    assert 0 < error < float(bound[1])
