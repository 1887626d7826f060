"""For the tests of docstrings: their examples run as they stand and print what they say.

An example imports what it uses, so that a reader can copy it.
"""

from __future__ import annotations

import ast
import doctest
from collections.abc import Callable
from pathlib import Path

import pytest

import doc_pages
import structure

_OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def examples(package: str, root: Path = structure.ROOT) -> list[doctest.DocTest]:
    """The examples in the docstrings of a package: one for each docstring that has any."""
    parser = doctest.DocTestParser()
    found = []
    for name, module in structure.modules(root, package).items():
        classes = ((f"{name}.{node.name}", node) for node in ast.walk(module.tree) if isinstance(node, ast.ClassDef))
        for owner, node in [(name, module.tree), *classes, *structure.functions(module)]:
            text = ast.get_docstring(node)  # pyright: ignore[reportArgumentType]
            if text and ">>> " in text:
                line = getattr(node, "lineno", 1)
                found.append(parser.get_doctest(text, {"__name__": "example"}, owner, str(module.path), line))
    return found


def run(example: doctest.DocTest) -> str:
    """What an example does otherwise than it says; empty if all is well."""
    report: list[str] = []
    with doc_pages.settings_of_users():
        doctest.DocTestRunner(verbose=False, optionflags=_OPTIONS).run(example, out=report.append)
    return "".join(report)


def missing(package: str, root: Path = structure.ROOT) -> list[str]:
    """Public names of a package without an example."""
    known = structure.all_modules(root)
    return structure.without_example(structure.public_names(known[package], known))


def tests(package: str) -> tuple[Callable[..., None], Callable[..., None]]:
    """Two tests for a module to name: each public name has an example, and each example runs."""

    def names_have_examples() -> None:
        assert missing(package) == []

    @pytest.mark.parametrize("example", [pytest.param(one, id=one.name) for one in examples(package)])
    def docstrings(example: doctest.DocTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        failed = run(example)
        assert not failed, failed

    return names_have_examples, docstrings
