"""The recorded public interface of each package: every public name with its signature, in `packages/*/api.txt`.

    python tools/api_record.py            what differs between the records and the sources
    python tools/api_record.py --write    make the records anew

A test compares them, so that no name or argument changes unseen: what a change of a record takes away breaks somebody's
code and belongs in the changelog. Only syntax is read; defaults and annotations stand as they are written.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import sys
from collections.abc import Iterator
from pathlib import Path

import distributions
import structure

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_SPECIAL = ("__init__", "__call__")
_SHOWN = ("property", "classmethod", "staticmethod")


def record(root: Path, package: str) -> str:
    """The public interface of a package as text: commands and extras, then each public name in order."""
    known = structure.modules(root, package)
    project = distributions.project(root, package)
    lines = [f"command {name}" for name in sorted(project.get("scripts", {}))]
    lines += [f"extra {name}" for name in sorted(project.get("optional-dependencies", {}))]
    entries: dict[str, list[str]] = {}
    for module in known.values():
        if not any(part.startswith("_") for part in module.name.split(".")):
            for name, node in _exported(module, known):
                entries[f"{module.name}.{name}"] = list(_entry(f"{module.name}.{name}", node))
    return "\n".join([*lines, *(line for name in sorted(entries) for line in entries[name])]) + "\n"


def _exported(module: structure.Module, known: dict[str, structure.Module]) -> Iterator[tuple[str, ast.AST]]:
    """Public names of a module, each with the node that defines it: what it imports `as` the same name, and its own."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            for alias in node.names:
                if alias.asname == alias.name and not alias.name.startswith("_"):
                    yield alias.name, _find(module, alias.name, known)
    for node in module.tree.body:
        for name in _defined(node):
            if not name.startswith("_"):
                yield name, node


def _defined(node: ast.AST) -> list[str]:
    """Names that a statement defines."""
    if isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
        return [node.name]
    if isinstance(node, ast.Assign) and ast.unparse(node.value).startswith("TypeVar("):
        return []
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return [target.id for target in targets if isinstance(target, ast.Name)]


def _find(module: structure.Module, name: str, known: dict[str, structure.Module]) -> ast.AST:
    """The node that defines a name that a module holds, looked up along imports; the module's tree if there is none."""
    for node in module.tree.body:
        if name in _defined(node):
            return node
    for one in structure.imports(module, set(known)):
        if name in one.names and one.target != module.name:
            return _find(known[one.target], name, known)
        if not one.names and one.target == f"{module.name}.{name}":
            return known[one.target].tree
    return module.tree


def _entry(name: str, node: ast.AST) -> Iterator[str]:
    """The lines of a name: a function's signature, a class with its fields and methods, a constant, or a module."""
    if isinstance(node, _FUNCTIONS):
        yield f"def {name}{_signature(node)}"
    elif isinstance(node, ast.ClassDef):
        bases = ", ".join(map(ast.unparse, node.bases))
        yield f"class {name}({bases})" if bases else f"class {name}"
        for child in node.body:
            if isinstance(child, _FUNCTIONS) and (child.name in _SPECIAL or not child.name.startswith("_")):
                kinds = [f"@{ast.unparse(one)} " for one in child.decorator_list if ast.unparse(one) in _SHOWN]
                yield f"    {''.join(kinds)}def {child.name}{_signature(child)}"
            elif isinstance(child, ast.AnnAssign) and not ast.unparse(child.target).startswith("_"):
                default = f" = {ast.unparse(child.value)}" if child.value is not None else ""
                yield f"    {ast.unparse(child.target)}: {ast.unparse(child.annotation)}{default}"
    elif isinstance(node, ast.AnnAssign):
        yield f"constant {name}: {ast.unparse(node.annotation)}"
    elif isinstance(node, ast.Assign):
        yield f"constant {name}"
    else:
        yield f"module {name}"


def _signature(node: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    returned = f" -> {ast.unparse(node.returns)}" if node.returns is not None else ""
    return f"({ast.unparse(node.args)}){returned}"


def difference(root: Path, package: str) -> str:
    """How the interface of a package differs from its record; empty if it does not."""
    path = root / "packages" / package / "api.txt"
    old = path.read_text(encoding="utf-8") if path.is_file() else ""
    names = "recorded", "in the sources"
    return "\n".join(
        difflib.unified_diff(old.splitlines(), record(root, package).splitlines(), *names, n=0, lineterm="")
    )


def main(arguments: list[str] | None = None, *, root: Path = structure.ROOT) -> int:
    """Print the differences, or write the records, and return the exit status."""
    parser = argparse.ArgumentParser(description="The recorded public interface of each package.")
    parser.add_argument("--write", action="store_true", help="make the records anew")
    options = parser.parse_args(arguments)
    status = 0
    for package in sorted(path.parent.name for path in root.glob("packages/*/pyproject.toml")):
        if differing := difference(root, package):
            print(f"packages/{package}/api.txt:\n{differing}")
            status = 1
        if options.write:
            (root / "packages" / package / "api.txt").write_text(record(root, package), encoding="utf-8")
    if status and not options.write:
        print("if this is meant: python tools/api_record.py --write, and say it in the changelog")
    return 0 if options.write else status


if __name__ == "__main__":
    sys.exit(main())
