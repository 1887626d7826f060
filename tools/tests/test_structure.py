import ast
from pathlib import Path

import pytest

import structure

LOW = '''
def work(a, b):
    """Work.

    Example:
        >>> work(1, 2)
    """
    return a if a or b else b
'''
HIGH = """
from typing import TYPE_CHECKING

from .. import _low
from .._low import work

if TYPE_CHECKING:
    from .other import Other


class Thing:
    def act(self, a):
        return work(a, a)
"""
PACKAGE = {
    "__init__.py": "from ._low import work\nfrom .room.high import Thing\n__all__ = ['Thing', 'work']\n",
    "_low.py": LOW,
    "room/__init__.py": "",
    "room/high.py": HIGH,
    "room/other.py": "from .high import Thing\n\n\nclass Other(Thing):\n    pass\n",
}


@pytest.fixture
def known(tmp_path: Path) -> dict[str, structure.Module]:
    """A package of two rooms."""
    for name, text in PACKAGE.items():
        path = tmp_path / "packages/small/src/small" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return structure.modules(tmp_path, "small")


def test_rooms_imports_and_cycles(known: dict[str, structure.Module]):
    edges = {name: {one.target for one in structure.imports(module, {*known})} for name, module in known.items()}
    assert edges["small.room.high"] == {"small._low", "small.room.other"}
    assert edges["small"] == {"small._low", "small.room.high"}
    assert known["small.room.high"].room == "room"
    assert known["small"].room == known["small._low"].room == "·"
    assert structure.cycles(edges) == [["small.room.high", "small.room.other"]]
    hard = {
        name: {one.target for one in structure.imports(module, {*known}) if not one.typing}
        for name, module in known.items()
    }
    assert structure.cycles(hard) == []
    heights = structure.storeys(hard)
    assert (heights["small._low"], heights["small.room.high"], heights["small.room.other"]) == (0, 1, 2)


def test_counts_of_functions(known: dict[str, structure.Module]):
    found = {name: node for module in known.values() for name, node in structure.functions(module)}
    work, act = found["small._low.work"], found["small.room.high.Thing.act"]
    assert (structure.argument_count(work), structure.argument_count(act)) == (2, 1)
    assert (structure.code_lines(work), structure.branch_count(work), structure.branch_count(act)) == (1, 3, 1)


def test_public_names_and_their_examples(known: dict[str, structure.Module]):
    public = structure.public_names(known["small"], known)
    assert structure.without_example({k: v for k, v in public.items() if "room" not in k}) == [
        "small.Thing",
        "small.Thing.act",
    ]


def test_equal_lines_are_found_once(known: dict[str, structure.Module]):
    lines = "\n".join(f"value_{i} = {i}" for i in range(9))
    twins = [
        structure.Module(name, Path(f"{name}.py"), f"{above}{lines}\n", known["small"].tree)
        for name, above in (("a", ""), ("b", "first = 1\n"))
    ]
    assert structure.duplicates(twins) == [("a:1", "b:2")]
    prose = f'"""Twins.\n{lines}\n"""\n'
    twins = [structure.Module(name, Path(f"{name}.py"), prose, ast.parse(prose)) for name in ("a", "b")]
    assert structure.duplicates(twins) == []


def test_the_table_of_this_repository(capsys: pytest.CaptureFixture[str]):
    assert structure.main([]) == 0
    told = capsys.readouterr().out
    assert [line.partition(":")[0] for line in told.splitlines() if not line.startswith(" ")] == [*structure.PACKAGES]
