"""Check the rules of this repository that no linter knows.

    python tools/check_repo.py                         every rule
    python tools/check_repo.py --tag spinharm-v0.1.0   also that the tag names the version of a package

It prints what is wrong and exits with 1 if anything is.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from packaging.requirements import Requirement

from addresses import check_addresses
from rooms import check_contributing, check_rooms

ROOT = Path(__file__).resolve().parents[1]
TOP_LEVEL = {"packages", "tools", "pyproject.toml", "README.md", "LICENSE"}
PACKAGE_FILES = (
    "README.md",
    "CHANGELOG.md",
    "CITATION.cff",
    "LICENSE",
    "src/{name}/py.typed",
    "src/{name}/__about__.py",
)

_VERSION = re.compile(r'^__version__ = "(?P<version>\d+\.\d+\.\d+)"$', re.MULTILINE)
_HEADING = re.compile(r"^## \[(?P<version>[^\]]+)\]", re.MULTILINE)


def package_names(root: Path) -> list[str]:
    """Names of the packages in the workspace, sorted."""
    return sorted(path.parent.name for path in root.glob("packages/*/pyproject.toml"))


def about_path(root: Path, name: str) -> Path:
    """The file that holds the version of package `name`."""
    return root / "packages" / name / "src" / name / "__about__.py"


def read_version(root: Path, name: str) -> str:
    """Version in a package's `__about__.py`, as MAJOR.MINOR.PATCH.

    Raises:
        ValueError: The file has no such line.
    """
    path = about_path(root, name)
    found = _VERSION.search(path.read_text(encoding="utf-8"))
    if found is None:
        raise ValueError(f'{path} must hold a line `__version__ = "MAJOR.MINOR.PATCH"`')
    return found["version"]


def package_requirements(root: Path, name: str) -> list[Requirement]:
    """Everything that package `name` requires, extras included."""
    pyproject = root / "packages" / name / "pyproject.toml"
    project = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]
    texts = [*project.get("dependencies", [])]
    for extra in project.get("optional-dependencies", {}).values():
        texts += extra
    return [Requirement(text) for text in texts]


def sibling_requirements(root: Path, name: str) -> list[Requirement]:
    """What package `name` requires of the other packages in the workspace, extras included."""
    siblings = {*package_names(root)} - {name}
    return [requirement for requirement in package_requirements(root, name) if requirement.name in siblings]


def repository_files(root: Path) -> list[PurePosixPath]:
    """Files of the working tree that git tracks or would add, relative to `root`."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout
    return [PurePosixPath(name) for name in listed.split("\0") if name and (root / name).is_file()]


def check_top_level(root: Path) -> list[str]:
    """Only the agreed names and dot-files stand at the top."""
    names = {path.parts[0] for path in repository_files(root)}
    strangers = sorted(name for name in names - TOP_LEVEL if not name.startswith("."))
    return [f"{name}: not allowed at the top level, which holds {sorted(TOP_LEVEL)}" for name in strangers]


def check_test_folders(root: Path) -> list[str]:
    """No `__init__.py` below a `tests` folder: with two of them pytest runs one package's tests twice."""
    return [
        f"{path}: remove it, with it pytest imports the tests of the wrong package"
        for path in repository_files(root)
        if path.name == "__init__.py" and "tests" in path.parts
    ]


def check_package_files(root: Path) -> list[str]:
    """Every package has the files that a user of its wheel relies on."""
    names = package_names(root)
    wanted = [f"packages/{name}/{file.format(name=name)}" for name in names for file in PACKAGE_FILES]
    return [f"{file}: missing" for file in wanted if not (root / file).is_file()]


def check_licenses(root: Path) -> list[str]:
    """Every package ships the same licence as the repository."""
    text = (root / "LICENSE").read_bytes()
    copies = [root / "packages" / name / "LICENSE" for name in package_names(root)]
    return [
        f"{copy.relative_to(root)}: differs from LICENSE at the top"
        for copy in copies
        if copy.is_file() and copy.read_bytes() != text
    ]


def check_sibling_bounds(root: Path) -> list[str]:
    """Bounds between packages admit the versions that stand in this tree."""
    problems = []
    for name in package_names(root):
        for requirement in sibling_requirements(root, name):
            current = read_version(root, requirement.name)
            if not requirement.specifier.contains(current, prereleases=True):
                file = f"packages/{name}/pyproject.toml"
                problems.append(f"{file}: requires {requirement}, but {requirement.name} is {current}")
    return problems


def check_lower_bounds(root: Path) -> list[str]:
    """A dependency has one lower bound wherever it is named: tests with the oldest versions then try that one."""
    groups = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8")).get("dependency-groups", {})
    declared = {"pyproject.toml": [Requirement(text) for text in groups.get("test", [])]}
    siblings = {*package_names(root)}
    for name in sorted(siblings):
        declared[f"packages/{name}/pyproject.toml"] = package_requirements(root, name)
    bounds: dict[str, dict[str, list[str]]] = {}
    for file, requirements in declared.items():
        for requirement in requirements:
            if requirement.name not in siblings:
                lowest = [part.version for part in requirement.specifier if part.operator in (">=", "==", "~=")]
                bounds.setdefault(requirement.name, {}).setdefault(lowest[0] if lowest else "none", []).append(file)
    return [
        f"{name}: has {len(by_bound)} lower bounds, "
        + ", ".join(f"{bound} in {' and '.join(sorted({*files}))}" for bound, files in sorted(by_bound.items()))
        for name, by_bound in sorted(bounds.items())
        if len(by_bound) > 1
    ]


def check_changelogs(root: Path) -> list[str]:
    """Each changelog has a section, and its newest release, if there is one yet, is the present version."""
    problems = []
    for name in package_names(root):
        file = f"packages/{name}/CHANGELOG.md"
        if not (root / file).is_file():
            continue  # reported by check_package_files
        current = read_version(root, name)
        headings = _HEADING.findall((root / file).read_text(encoding="utf-8"))
        newest = next((heading for heading in headings if heading != "Unreleased"), current)
        if not headings:
            problems.append(f"{file}: has no section `## [Unreleased]` or `## [{current}]`")
        elif newest != current:
            problems.append(f"{file}: newest release is {newest}, but __about__ is {current}")
    return problems


def check_citations(root: Path) -> list[str]:
    """Each citation names the present version of its package."""
    return [
        f"packages/{name}/CITATION.cff: has no line `version: {read_version(root, name)}`"
        for name in package_names(root)
        if (file := root / "packages" / name / "CITATION.cff").is_file()
        and f"version: {read_version(root, name)}" not in file.read_text(encoding="utf-8").splitlines()
    ]


def check_type_checked_paths(root: Path) -> list[str]:
    """Pyright passes silently over a folder that is not there, so its paths must exist."""
    settings = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["pyright"]
    paths = [*settings["include"], *settings.get("extraPaths", [])]
    missing = [path for path in paths if not (root / path).exists()]
    return [f"pyproject.toml: pyright is told to check {path}, which does not exist" for path in missing]


CHECKS: tuple[Callable[[Path], list[str]], ...] = (
    check_top_level,
    check_test_folders,
    check_package_files,
    check_licenses,
    check_sibling_bounds,
    check_lower_bounds,
    check_changelogs,
    check_citations,
    check_type_checked_paths,
    check_rooms,
    check_contributing,
    check_addresses,
)


def check_tag(root: Path, tag: str) -> list[str]:
    """A release tag is `<package>-v<version>`, and the version is the package's."""
    names = package_names(root)
    name, _, version = tag.rpartition("-v")
    if name not in names:
        return [f"tag {tag!r}: must be <package>-v<version> with a package of {names}"]
    current = read_version(root, name)
    return [] if version == current else [f"tag {tag!r}: version of {name} is {current}"]


def main(arguments: list[str] | None = None, *, root: Path = ROOT) -> int:
    """Run every check, print the problems, and return the exit status."""
    parser = argparse.ArgumentParser(description="Check the rules of this repository that no linter knows.")
    parser.add_argument("--tag", help="a release tag that must name the version of a package")
    options = parser.parse_args(arguments)
    problems = [problem for check in CHECKS for problem in check(root)]
    if options.tag is not None:
        problems += check_tag(root, options.tag)
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
