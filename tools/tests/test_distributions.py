import io
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest

import distributions

README = "# low\n\n[Docs](https://example.org/docs) `[x](y)`\n\n```py\na[0](b)\n```\n"
METADATA = f"""Metadata-Version: 2.4
Name: low
Version: 0.1.0
Summary: A package
Project-URL: Documentation, https://example.org
Project-URL: Repository, https://example.org
Project-URL: Issues, https://example.org
Project-URL: Changelog, https://example.org
Author: Somebody
License-Expression: Apache-2.0
License-File: LICENSE
Keywords: sphere
Classifier: Typing :: Typed
Requires-Python: >=3.11
Requires-Dist: numpy
Description-Content-Type: text/markdown

{README}"""
SOURCE = {"low/__init__.py": "", "low/__about__.py": '__version__ = "0.1.0"\n', "low/py.typed": ""}
WHEEL = {
    **SOURCE,
    "low-0.1.0.dist-info/METADATA": METADATA,
    "low-0.1.0.dist-info/licenses/LICENSE": "a licence",
    "low-0.1.0.dist-info/entry_points.txt": "",
}
ARCHIVE = {
    **{f"src/{name}": text for name, text in SOURCE.items()},
    **dict.fromkeys(("CHANGELOG.md", "CITATION.cff", "LICENSE", "README.md", "pyproject.toml"), ""),
    "PKG-INFO": METADATA,
}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with one package, and no distributions yet."""
    folder = tmp_path / "packages" / "low"
    project = '[project]\nname = "low"\n[project.scripts]\nlow = "low:main"\n'
    files = {f"src/{name}": text for name, text in SOURCE.items()} | {"pyproject.toml": project, "README.md": README}
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    return tmp_path


def write_wheel(path: Path, files: dict[str, str]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


def write_archive(path: Path, files: dict[str, str]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(f"low-0.1.0/{name}")
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return path


def test_good_distributions_have_no_problems(repository: Path, tmp_path_factory: pytest.TempPathFactory):
    out = tmp_path_factory.mktemp("out")
    assert distributions.check_wheel(write_wheel(out / "low-0.1.0-py3-none-any.whl", WHEEL), repository, "low") == []
    assert distributions.check_source_archive(write_archive(out / "low-0.1.0.tar.gz", ARCHIVE), repository, "low") == []


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"low/py.typed": None}, "has no low/py.typed"),
        ({"low/notes.txt": ""}, "holds low/notes.txt, which does not belong in it"),
        ({"tests/test_low.py": ""}, "holds tests/test_low.py, which does not belong in it"),
        ({"low-0.1.0.dist-info/licenses/LICENSE": None}, "has no low-0.1.0.dist-info/licenses/LICENSE"),
        ({"low-0.1.0.dist-info/entry_points.txt": None}, "has no low-0.1.0.dist-info/entry_points.txt"),
        ({"METADATA": ("Author: Somebody\n", "")}, "has no Author"),
        ({"METADATA": ("Version: 0.1.0", "Version: 0.2.0")}, "Version is 0.2.0, not 0.1.0"),
        ({"METADATA": ("Expression: Apache-2.0", "Expression: MIT")}, "License-Expression is MIT, not Apache-2.0"),
        ({"METADATA": ("Project-URL: Issues, https://example.org\n", "")}, "has no project URL Issues"),
        ({"METADATA": ("text/markdown", "text/plain")}, "Description-Content-Type is not text/markdown"),
        ({"METADATA": ("# low", "# old")}, "its description is not the README"),
    ],
)
def test_each_fault_of_a_wheel_is_named(
    repository: Path, changes: dict, problem: str, tmp_path_factory: pytest.TempPathFactory
):
    files = dict(WHEEL)
    for name, change in changes.items():
        if name == "METADATA":
            files["low-0.1.0.dist-info/METADATA"] = METADATA.replace(*change)
        elif change is None:
            del files[name]
        else:
            files[name] = change
    wheel = write_wheel(tmp_path_factory.mktemp("out") / "low-0.1.0-py3-none-any.whl", files)
    assert f"low-0.1.0-py3-none-any.whl: {problem}" in distributions.check_wheel(wheel, repository, "low")


def test_a_wheel_of_another_version_is_named(repository: Path, tmp_path_factory: pytest.TempPathFactory):
    wheel = write_wheel(tmp_path_factory.mktemp("out") / "low-0.0.9-py3-none-any.whl", WHEEL)
    assert distributions.check_wheel(wheel, repository, "low") == [
        "low-0.0.9-py3-none-any.whl: is not named low-0.1.0-py3-none-any.whl"
    ]


def test_faults_of_a_source_archive_are_named(repository: Path, tmp_path_factory: pytest.TempPathFactory):
    files = {name: text for name, text in ARCHIVE.items() if name != "CITATION.cff"} | {"tests/test_low.py": ""}
    archive = write_archive(tmp_path_factory.mktemp("out") / "low-0.1.0.tar.gz", files)
    assert distributions.check_source_archive(archive, repository, "low") == [
        "low-0.1.0.tar.gz: holds tests/test_low.py, which does not belong in it",
        "low-0.1.0.tar.gz: has no CITATION.cff",
    ]


def test_wheels_that_differ_are_named(tmp_path: Path):
    first = write_wheel(tmp_path / "first.whl", {"a": "1", "b": "2", "c": "3"})
    second = write_wheel(tmp_path / "second.whl", {"a": "1", "b": "3", "d": "4"})
    assert distributions.compare_wheels(first, first) == []
    assert distributions.compare_wheels(first, second) == [
        "c: in one of two wheels only",
        "d: in one of two wheels only",
        "b: differs between wheels",
    ]


def test_links_that_die_on_an_index_are_found():
    text = (
        '[a](docs/a.md) ![b](images/b.png) <img src="c.svg"> [d](https://d.org) [e](#e)\n\n[f]: f.md\n\n'
        "```py\nx[0](y)\n```\n\n[g](http://g.org) `[h](i)`\n"
    )
    assert distributions.relative_links(text) == ["docs/a.md", "images/b.png", "c.svg", "f.md", "http://g.org"]
