"""The rules of rooms, the folders of a package: what each may import, how many modules it holds, nothing private.

A room's `__init__` says in its docstring what the room is for and, in its last paragraph, what it may import:

    May import: `_checks`, `_conventions`.

The names are rooms of the same package and modules of the package's own folder. `check_rooms` holds the sentence to
what is imported, so that it neither lies nor lags behind.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import structure

MOST_MODULES = 12

_SENTENCE = re.compile(r"^May import: (?P<names>.*)\.\s*\Z", re.MULTILINE | re.DOTALL)


def check_rooms(root: Path) -> list[str]:
    """Each room imports what its docstring says, in no circle, and nothing private; none holds too many modules."""
    known = structure.all_modules(root)
    problems = []
    for package in sorted({module.package for module in known.values()}):
        own = {name: module for name, module in known.items() if module.package == package}
        edges = [
            one
            for module in own.values()
            for one in structure.imports(module, set(known))
            if one.target in own and one.target != one.source
        ]
        rooms = sorted({module.room for module in own.values()} - {"·"})
        for room in rooms:
            problems += _room_problems(root, package, room, own, edges)
        graph = {name: {one.target for one in edges if one.source == name} for name in own}
        problems += [f"{package}: modules import each other: {' ↔ '.join(group)}" for group in structure.cycles(graph)]
        between: dict[str, set[str]] = {room: set() for room in rooms}
        for one in edges:
            pair = own[one.source].room, own[one.target].room
            if pair[0] in between and pair[1] in between and pair[0] != pair[1]:
                between[pair[0]].add(pair[1])
        problems += [f"{package}: rooms import each other: {' ↔ '.join(group)}" for group in structure.cycles(between)]
        problems += structure.private_imports(own, known)
    return problems


def _room_problems(
    root: Path, package: str, room: str, own: dict[str, structure.Module], edges: list[structure.Import]
) -> list[str]:
    init = own.get(f"{package}.{room}")
    if init is None:
        return [f"{package}/{room}: has no __init__.py that says what it is for and what it may import"]
    file = init.path.relative_to(root)
    modules = [name for name, module in own.items() if module.room == room and name != init.name]
    problems = []
    if len(modules) > MOST_MODULES:
        problems.append(f"{file.parent}: holds {len(modules)} modules, more than {MOST_MODULES}; part it")
    found = _SENTENCE.search(ast.get_docstring(init.tree) or "")
    if found is None:
        return [*problems, f"{file}: the docstring's last paragraph must be a sentence `May import: ….`"]
    said = {*re.findall(r"`([^`]+)`", found["names"])}
    done = {_place(own[one.target]) for one in edges if own[one.source].room == room} - {room}
    problems += [f"{file}: says it may import {name}, which it does not" for name in sorted(said - done)]
    problems += [f"{file}: does not say that it may import {name}, as it does" for name in sorted(done - said)]
    return problems


def _place(module: structure.Module) -> str:
    """The room of a module, or its own name if it stands in the package's folder."""
    return module.name.split(".")[1] if module.room == "·" and "." in module.name else module.room


def check_contributing(root: Path) -> list[str]:
    """The page for contributors names every room, and no file that is not there."""
    page = root / ".github" / "CONTRIBUTING.md"
    text = page.read_text(encoding="utf-8") if page.is_file() else ""
    folders = [path.parent for path in root.glob("packages/*/src/*/*/__init__.py")]
    problems = [
        f"{page.relative_to(root)}: says nothing of {folder.relative_to(root)}"
        for folder in sorted(folders)
        if f"`{folder.name}`" not in text
    ]
    files = {path.as_posix() for path in root.glob("packages/*/src/**/*.py")}
    named = re.findall(r"`([\w/]+\.py)`", text)
    tests = {path.name for path in root.glob("packages/*/tests/*.py")}
    missing = [name for name in named if name not in tests and not any(file.endswith(f"/{name}") for file in files)]
    return problems + [
        f"{page.relative_to(root)}: names {name}, which is not there" for name in missing if not (root / name).is_file()
    ]
