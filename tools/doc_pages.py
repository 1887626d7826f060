"""For the tests of READMEs and documentation: their Python runs as it stands, their links lead somewhere."""

from __future__ import annotations

import contextlib
import doctest
import io
import re
import shlex
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import jax
import pytest

_BLOCK = re.compile(r"^```python\n(.*?)^```$(?:\n\n```text\n(.*?)^```$)?", re.MULTILINE | re.DOTALL)
_STEP = re.compile(r"^```(python|sh)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def pages(package: Path) -> list[Path]:
    """The README of a package and the pages of its documentation."""
    return [page for page in (package / "README.md", *sorted((package / "docs").rglob("*.md"))) if page.is_file()]


def label(page: Path) -> str:
    """A page's folder and name, as the name of a test."""
    return f"{page.parent.name}/{page.name}"


def blocks(page: Path) -> list[tuple[str, str | None]]:
    """The Python blocks of a page, each after as many empty lines as stand before it, for honest line numbers.

    With what the block prints, if a block of `text` follows it at once.
    """
    text = page.read_text(encoding="utf-8")
    return [("\n" * text.count("\n", 0, found.start(1)) + found[1], found[2]) for found in _BLOCK.finditer(text)]


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
    """Run a page's blocks one after the other in one namespace, which is returned; they print what the page says."""
    namespace: dict[str, object] = {"__name__": "example"}
    with settings_of_users():
        for block, expected in blocks(page):
            _run_block(page, block, expected, namespace)
    return namespace


def _run_block(page: Path, block: str, expected: str | None, namespace: dict[str, object]) -> None:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        # Without the `from __future__` of this module.
        exec(compile(block, str(page), "exec", dont_inherit=True), namespace)
    if expected is not None:
        alike = doctest.OutputChecker().check_output(
            expected, printed.getvalue(), doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
        )
        assert alike, f"{page} prints {printed.getvalue()!r}, not {expected!r}"


def run_in_order(page: Path, programs: dict[str, str]) -> list[str]:
    """Run a page's Python and its commands in the order of the page, as a reader would, and return the commands.

    Args:
        page: The page.
        programs: Beginnings of commands that are run, and options that make them smaller. Others are not run.

    Raises:
        subprocess.CalledProcessError: A command failed.
    """
    expected = dict(blocks(page))
    namespace: dict[str, object] = {"__name__": "example"}
    text = page.read_text(encoding="utf-8")
    done = []
    for step in _STEP.finditer(text):
        if step[1] == "python":
            block = "\n" * text.count("\n", 0, step.start(2)) + step[2]
            with settings_of_users():
                _run_block(page, block, expected[block], namespace)
            continue
        for line in step[2].replace("\\\n", " ").splitlines():
            smaller = next((options for start, options in programs.items() if line.startswith(start)), None)
            if smaller is not None:
                subprocess.run(shlex.split(line, comments=True) + shlex.split(smaller), check=True, capture_output=True)
                done.append(line)
    return done


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
