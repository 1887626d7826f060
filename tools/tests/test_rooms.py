from pathlib import Path

import pytest

import rooms

HIGH = '"""High.\n\nMay import: `_base`, `_low`.\n"""\n'
PACKAGE = {
    "__init__.py": "from ._high.roof import roof\n",
    "_base.py": "",
    "_low/__init__.py": '"""Low.\n\nMay import: nothing of this package.\n"""\n',
    "_low/floor.py": "def floor(): ...\n",
    "_high/__init__.py": HIGH,
    "_high/roof.py": "from .. import _base\nfrom .._low.floor import floor\n\ndef roof(): ...\n",
}


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A package of two rooms that keeps the rules."""
    for name, text in PACKAGE.items():
        write(tmp_path, name, text)
    return tmp_path


def write(root: Path, name: str, text: str) -> None:
    path = root / "packages/small/src/small" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_rooms_that_say_what_they_import_pass(house: Path):
    assert rooms.check_rooms(house) == []


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("_high/__init__.py", '"""High."""\n', "last paragraph must be a sentence"),
        ("_high/__init__.py", HIGH.replace("`_base`, ", ""), "does not say that it may import _base"),
        ("_high/__init__.py", HIGH.replace("`_low`", "`_low`, `_cellar`"), "may import _cellar, which it does not"),
        ("_low/floor.py", "from .._high.roof import roof\n", "rooms import each other: _high ↔ _low"),
        ("_low/floor.py", "from .. import _low\nfrom .._high import roof\n", "modules import each other"),
        ("_high/wall.py", "from .._low.floor import _hidden\n", "small._high.wall → small._low.floor _hidden"),
    ],
)
def test_each_rule_finds_what_breaks_it(house: Path, name: str, text: str, problem: str):
    write(house, name, text)
    assert any(problem in found for found in rooms.check_rooms(house))


def test_a_room_without_a_word_or_with_too_many_modules_is_named(house: Path):
    write(house, "_new/one.py", "")
    for index in range(rooms.MOST_MODULES):
        write(house, f"_low/module{index}.py", "")
    found = rooms.check_rooms(house)
    assert "small/_new: has no __init__.py that says what it is for and what it may import" in found
    assert "packages/small/src/small/_low: holds 13 modules, more than 12; part it" in found


def test_the_page_for_contributors_names_rooms_and_files_that_exist(house: Path):
    page = house / ".github/CONTRIBUTING.md"
    page.parent.mkdir()
    page.write_text("`_low`: floors. `_high`: roofs, in `_high/roof.py`.\n")
    assert rooms.check_contributing(house) == []
    page.write_text("`_low`: floors, in `_low/wall.py`.\n")
    assert rooms.check_contributing(house) == [
        ".github/CONTRIBUTING.md: says nothing of packages/small/src/small/_high",
        ".github/CONTRIBUTING.md: names _low/wall.py, which is not there",
    ]
