"""For the tests of READMEs and documentation: their Python runs as it stands, their links lead somewhere."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import jax
import pytest

_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def pages(package: Path) -> list[Path]:
    """The README of a package and the pages of its documentation."""
    return [page for page in (package / "README.md", *sorted((package / "docs").rglob("*.md"))) if page.is_file()]


def label(page: Path) -> str:
    """A page's folder and name, as the name of a test."""
    return f"{page.parent.name}/{page.name}"


def blocks(page: Path) -> list[str]:
    """The Python blocks of a page, each after as many empty lines as stand before it, for honest line numbers."""
    text = page.read_text(encoding="utf-8")
    return ["\n" * text.count("\n", 0, found.start(1)) + found[1] for found in _BLOCK.finditer(text)]


@contextlib.contextmanager
def settings_of_users() -> Iterator[None]:
    """JAX as users have it, and as it was before when the block ends; the tests at large are stricter."""
    former = jax.config.read("jax_enable_x64")
    try:
        with jax.numpy_dtype_promotion("standard"):
            yield
    finally:
        jax.config.update("jax_enable_x64", former)


def run(page: Path) -> dict[str, object]:
    """Run a page's blocks one after the other in one namespace, which is returned."""
    namespace: dict[str, object] = {"__name__": "example"}
    with settings_of_users():
        for block in blocks(page):
            # Without the `from __future__` of this module.
            exec(compile(block, str(page), "exec", dont_inherit=True), namespace)
    return namespace


def missing_links(page: Path) -> list[str]:
    """Links to files that are not there."""
    text = _FENCED.sub("", page.read_text(encoding="utf-8"))
    targets = [target for target in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in target]
    return [target for target in targets if target.split("#")[0] and not (page.parent / target.split("#")[0]).exists()]


def tests(pages: list[Path], named: set[str]) -> tuple[Callable[..., None], ...]:
    """Three tests for a module to name: pages of these names have examples, examples run, links lead somewhere."""
    with_examples = [page for page in pages if blocks(page)]

    def pages_with_examples() -> None:
        missing = named - {page.name for page in with_examples}
        assert not missing, missing

    @pytest.mark.parametrize("page", with_examples, ids=label)
    def examples(page: Path, capsys: pytest.CaptureFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        run(page)

    @pytest.mark.parametrize("page", pages, ids=label)
    def links(page: Path) -> None:
        missing = missing_links(page)
        assert not missing, missing

    return pages_with_examples, examples, links
