"""The licences of what the packages need at run time, as the installed metadata says.

    python tools/licences.py            problems
    python tools/licences.py --list     also each library with its licence, and the packages or extras that need it

Licences of the GPL family are refused, for they would bind whoever ships our packages with them. The LGPL is admitted
for libraries of extras, which a user chooses to install.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib.metadata
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import distributions
from check_repo import ROOT, package_names

# Where the metadata name none: what the licence file beside them is.
STATED = {"eccodeslib": "Apache-2.0", "eckitlib": "Apache-2.0"}

_STRONG = re.compile(r"\bA?GPL|(?<!Lesser )General Public License|Affero", re.IGNORECASE)
_WEAK = re.compile(r"\bLGPL|Lesser General Public|Library General Public", re.IGNORECASE)


@dataclasses.dataclass
class Library:
    """A library that packages need: its licence, and by whom it is needed, extras as `name[extra]`."""

    licence: str
    needed_by: set[str]

    @property
    def optional(self) -> bool:
        """Whether only extras need it."""
        return all("[" in one for one in self.needed_by)


def licence_of(metadata: Any) -> str:
    """The licence that metadata name: the expression, else the classifiers, else the first line of the field."""
    expression = metadata.get("License-Expression")
    classifiers = [
        text.split(" :: ")[-1] for text in metadata.get_all("Classifier", []) if text.startswith("License ::")
    ]
    classifiers = [text for text in classifiers if text != "OSI Approved"]
    lines = (metadata.get("License") or "").strip().splitlines()
    return expression or " / ".join(classifiers) or (lines[0].strip() if lines else "")


def libraries(root: Path, find: Callable[[str], Any] = importlib.metadata.distribution) -> dict[str, Library]:
    """Everything that the packages of a tree need, directly or not, as far as it is installed, by name."""
    found: dict[str, Library] = {}
    siblings = {*package_names(root)}
    for name in sorted(siblings):
        table = distributions.project(root, name)
        wanted = {name: table.get("dependencies", [])}
        wanted |= {f"{name}[{extra}]": texts for extra, texts in table.get("optional-dependencies", {}).items()}
        for owner, texts in wanted.items():
            waiting, seen = [Requirement(text) for text in texts], set()
            while waiting:
                requirement = waiting.pop()
                key = canonicalize_name(requirement.name), tuple(sorted(requirement.extras))
                if key in seen:
                    continue
                seen.add(key)
                if key[0] in siblings:
                    waiting += _sibling(root, requirement)
                    continue
                try:
                    metadata = find(requirement.name).metadata
                except importlib.metadata.PackageNotFoundError:
                    continue  # for another system, or an extra that is not installed
                licence = STATED.get(key[0]) or licence_of(metadata)
                found.setdefault(key[0], Library(licence, set())).needed_by.add(owner)
                waiting += _needed(metadata.get_all("Requires-Dist", []), requirement.extras)
    return found


def _needed(texts: list[str], extras: set[str]) -> list[Requirement]:
    """Requirements that hold here, with the extras that were asked for."""
    environments = [{"extra": extra} for extra in ("", *extras)]
    wanted = [Requirement(text) for text in texts]
    return [one for one in wanted if one.marker is None or any(one.marker.evaluate(where) for where in environments)]


def _sibling(root: Path, requirement: Requirement) -> list[Requirement]:
    """What a package of this repository requires, with the extras that were asked for."""
    table = distributions.project(root, requirement.name)
    extras = table.get("optional-dependencies", {})
    texts = [*table.get("dependencies", []), *(text for extra in requirement.extras for text in extras[extra])]
    return [Requirement(text) for text in texts]


def check_licences(found: dict[str, Library]) -> list[str]:
    """What is wrong with the licences of libraries."""
    problems = []
    for name, library in sorted(found.items()):
        needed = f"needed by {', '.join(sorted(library.needed_by))}"
        if not library.licence:
            problems.append(f"{name}: names no licence, {needed}; look it up and add it to STATED in tools/licences.py")
        elif _WEAK.search(library.licence):
            if not library.optional:
                problems.append(f"{name}: {library.licence} is for extras only, {needed}")
        elif _STRONG.search(library.licence):
            problems.append(f"{name}: {library.licence} is refused, {needed}")
    return problems


def main(arguments: list[str] | None = None, *, root: Path = ROOT) -> int:
    """Print problems, or everything, and return the exit status."""
    parser = argparse.ArgumentParser(description="The licences of what the packages need at run time.")
    parser.add_argument("--list", action="store_true", help="also print each library with its licence")
    options = parser.parse_args(arguments)
    found = libraries(root)
    if options.list:
        for name, library in sorted(found.items()):
            print(f"{name:28} {library.licence:60.60} {', '.join(sorted(library.needed_by))}")
    problems = check_licences(found)
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
