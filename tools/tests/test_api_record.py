from pathlib import Path

import pytest

import api_record
import structure

SOURCES = {
    "__init__.py": '"""Low."""\n\nfrom . import shapes as shapes\nfrom ._deep import Thing as Thing, make as make\n',
    "_deep/__init__.py": "from ._thing import LIMIT as LIMIT, Thing as Thing, make as make\n",
    "_deep/_thing.py": (
        "LIMIT: int = 3\n\n\nclass Thing(dict):\n    size: int = 2\n    _own: int\n\n"
        "    @classmethod\n    def of(cls, size: int):\n        pass\n\n    def _hidden(self):\n        pass\n\n\n"
        "def make(size: int, *, deep: bool = False) -> Thing:\n    return Thing()\n"
    ),
    "shapes.py": "SIDES = 4\n\n\ndef area(a, b=1):\n    return a * b\n\n\ndef _round(x):\n    return x\n",
}
RECORD = """command low
extra plot
class low.Thing(dict)
    size: int = 2
    @classmethod def of(cls, size: int)
def low.make(size: int, *, deep: bool=False) -> Thing
module low.shapes
constant low.shapes.SIDES
def low.shapes.area(a, b=1)
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A package with a room, a public module and a record."""
    folder = tmp_path / "packages" / "low"
    for name, text in SOURCES.items():
        path = folder / "src" / "low" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    extras = '[project.scripts]\nlow = "low:main"\n[project.optional-dependencies]\nplot = ["matplotlib"]\n'
    (folder / "pyproject.toml").write_text(f'[project]\nname = "low"\n{extras}')
    (folder / "api.txt").write_text(RECORD)
    return tmp_path


@pytest.mark.parametrize("package", structure.PACKAGES)
def test_the_interface_is_as_recorded(package: str):
    differing = api_record.difference(structure.ROOT, package)
    assert not differing, f"{differing}\nif this is meant: python tools/api_record.py --write, and the changelog"


def test_each_public_name_is_recorded_with_its_signature(repository: Path):
    assert api_record.record(repository, "low") == RECORD
    assert api_record.main([], root=repository) == 0


@pytest.mark.parametrize(
    ("file", "old", "new", "line"),
    [
        (
            "_deep/_thing.py",
            "deep: bool = False",
            "deep: bool = True",
            "+def low.make(size: int, *, deep: bool=True)",
        ),
        ("_deep/_thing.py", "size: int = 2", "length: int = 2", "-    size: int = 2"),
        ("__init__.py", ", make as make", "", "-def low.make("),
        ("shapes.py", "_round", "rounded", "+def low.shapes.rounded(x)"),
    ],
)
def test_a_change_is_shown_with_the_command_that_records_it(
    repository: Path, file: str, old: str, new: str, line: str, capsys: pytest.CaptureFixture[str]
):
    path = repository / "packages/low/src/low" / file
    path.write_text(path.read_text().replace(old, new))
    assert api_record.main([], root=repository) == 1
    said = capsys.readouterr().out
    assert line in said
    assert "python tools/api_record.py --write" in said
    assert api_record.main(["--write"], root=repository) == 0
    assert api_record.main([], root=repository) == 0
