"""Rooms, storeys, imports and sizes of the four packages.

    python tools/structure.py            tables of every package
    python tools/structure.py --list     also each function, name and pair of modules that a count is of

A room is a folder of a package, `·` the package's own folder. The storey of a module is the length of the longest chain
of imports below it within its package. Imports for types alone count for cycles, not for storeys.
"""

from __future__ import annotations

import argparse
import ast
import collections
import dataclasses
import itertools
import re
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("spinharm", "spinnn", "molsphere", "wxsphere")
MOST_ARGUMENTS, MOST_LINES, MOST_BRANCHES, DUPLICATE = 7, 60, 15, 6
_BRANCHES = (ast.If, ast.For, ast.While, ast.ExceptHandler, ast.IfExp, ast.BoolOp, ast.comprehension, ast.match_case)
_PROMPT = re.compile(r"^ *(?:>>>|\.\.\.) .*$", re.MULTILINE)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclasses.dataclass(frozen=True)
class Import:
    """`names` of module `target`, imported by module `source`; `typing` if only types are wanted."""

    source: str
    target: str
    names: tuple[str, ...]
    typing: bool


@dataclasses.dataclass(frozen=True)
class Module:
    """A module: its dotted name, its text and its syntax tree."""

    name: str
    path: Path
    text: str
    tree: ast.Module

    @property
    def package(self) -> str:
        """Name of the distribution."""
        return self.name.partition(".")[0]

    @property
    def room(self) -> str:
        """Name of the folder below the package's, `·` if it has none."""
        parts = self.name.split(".")
        folders = parts if self.path.name == "__init__.py" else parts[:-1]
        return folders[1] if len(folders) > 1 else "·"


def modules(root: Path, package: str) -> dict[str, Module]:
    """All modules of a package by dotted name."""
    found = {}
    source = root / "packages" / package / "src"
    for path in sorted((source / package).rglob("*.py")):
        parts = path.relative_to(source).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        text = path.read_text(encoding="utf-8")
        found[name] = Module(name, path, text, ast.parse(text))
    return found


def all_modules(root: Path) -> dict[str, Module]:
    """The modules of every package in a tree by dotted name."""
    packages = sorted(path.name for path in root.glob("packages/*") if (path / "src" / path.name).is_dir())
    return dict(itertools.chain.from_iterable(modules(root, name).items() for name in packages))


def imports(module: Module, known: set[str]) -> list[Import]:
    """What a module imports of the known modules, anywhere in it."""
    typed = {
        id(node)
        for block in ast.walk(module.tree)
        if isinstance(block, ast.If) and ast.unparse(block.test).endswith("TYPE_CHECKING")
        for node in ast.walk(block)
    }
    found = []
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            found += [Import(module.name, a.name, (), id(node) in typed) for a in node.names if a.name in known]
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(module, node)
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                target, names = (inner, ()) if inner in known else (base, (alias.name,))
                if target in known:
                    found.append(Import(module.name, target, names, id(node) in typed))
    return found


def _absolute(module: Module, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    parts = module.name.split(".")
    folder = parts if module.path.name == "__init__.py" else parts[:-1]
    return ".".join([*folder[: len(folder) - node.level + 1], *((node.module or "").split(".") if node.module else [])])


def cycles(edges: dict[str, set[str]]) -> list[list[str]]:
    """Groups of modules that import each other (strongly connected components of more than one)."""
    reach = {name: _reachable(edges, name) for name in edges}
    groups = {
        tuple(sorted(other for other in reach[name] if name in reach.get(other, ())))
        for name in edges
        if name in reach[name]
    }
    return [list(group) for group in sorted(groups)]


def _reachable(edges: dict[str, set[str]], start: str) -> set[str]:
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        for target in edges.get(waiting.pop(), ()):
            if target not in seen:
                seen.add(target)
                waiting.append(target)
    return seen


def storeys(edges: dict[str, set[str]]) -> dict[str, int]:
    """Length of the longest chain of imports below each module; modules of a cycle stand on one storey."""
    heights = dict.fromkeys(edges, 0)
    for _ in edges:
        higher = {name: 1 + max((heights[t] for t in edges[name] if t in heights), default=-1) for name in edges}
        if higher == heights:
            break
        heights = higher
    return heights


def functions(module: Module) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Every function and method of a module with its dotted name."""

    def walk(node: ast.AST, prefix: str) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, (*_FUNCTIONS, ast.ClassDef)):
                name = f"{prefix}.{child.name}"
                if isinstance(child, _FUNCTIONS):
                    yield name, child
                yield from walk(child, name)
            else:
                yield from walk(child, prefix)

    return walk(module.tree, module.name)


def argument_count(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Named arguments without `self` and `cls`."""
    given = function.args
    names = [one.arg for one in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
    return len(names) - (bool(names) and names[0] in ("self", "cls"))


def code_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function's body without its docstring."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return function.end_lineno - body[0].lineno + 1 if body and function.end_lineno else 0


def branch_count(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """One and the number of places where a function parts, without functions inside it."""
    count = 1
    waiting: list[ast.AST] = [*function.body]
    while waiting:
        node = waiting.pop()
        if isinstance(node, _FUNCTIONS):
            continue
        count += len(node.values) - 1 if isinstance(node, ast.BoolOp) else isinstance(node, _BRANCHES)
        waiting.extend(ast.iter_child_nodes(node))
    return count


def duplicates(found: list[Module]) -> list[tuple[str, str]]:
    """Places, `module:line`, of equal runs of six lines of code; a longer run counts once."""
    seen: dict[tuple[str, ...], tuple[str, int]] = {}
    pairs: dict[tuple[str, str, int], tuple[str, str]] = {}
    for module in found:
        prose = _prose(module.tree)
        lines = [(i, line.strip()) for i, line in enumerate(module.text.splitlines(), 1) if i not in prose]
        lines = [
            (i, line) for i, line in lines if len(line) > 3 and not line.startswith(("#", '"""', "import ", "from "))
        ]
        for k in range(len(lines) - DUPLICATE + 1):
            run = lines[k : k + DUPLICATE]
            key, place = tuple(line for _, line in run), (module.name, run[0][0])
            first = seen.setdefault(key, place)
            if first != place:
                # Runs that overlap have one distance between their places.
                pairs.setdefault(
                    (first[0], place[0], place[1] - first[1]), (f"{first[0]}:{first[1]}", f"{place[0]}:{place[1]}")
                )
    return sorted(pairs.values())


def _prose(tree: ast.Module) -> set[int]:
    """Numbers of the lines of docstrings."""
    texts = [node for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)]
    return {line for node in texts for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)}


def public_names(top: Module, known: dict[str, Module]) -> dict[str, ast.AST]:
    """Functions and classes that a package exports, and public methods of the classes, by name."""
    found: dict[str, ast.AST] = {}
    exporters = [m for m in known.values() if m.package == top.package and _is_public(m.name)]
    for module in exporters:
        listed = _all_names(module.tree)
        for one in imports(module, set(known)):
            for name in one.names:
                node = _definition(known[one.target], name)
                if node is not None and (name in listed if listed else not name.startswith("_")):
                    found[f"{module.name}.{name}"] = node
        for node in module.tree.body:
            if isinstance(node, (*_FUNCTIONS, ast.ClassDef)) and not node.name.startswith("_"):
                found[f"{module.name}.{node.name}"] = node
    members = {
        f"{name}.{child.name}": child
        for name, node in found.items()
        if isinstance(node, ast.ClassDef)
        for child in node.body
        if isinstance(child, _FUNCTIONS) and not child.name.startswith("_")
    }
    return found | members


def _is_public(name: str) -> bool:
    return not any(part.startswith("_") for part in name.split("."))


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def _all_names(tree: ast.Module) -> set[str]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets):
            return {str(item.value) for item in getattr(node.value, "elts", ()) if isinstance(item, ast.Constant)}
    return set()


def _definition(module: Module, name: str) -> ast.AST | None:
    for node in module.tree.body:
        if isinstance(node, (*_FUNCTIONS, ast.ClassDef)) and node.name == name:
            return node
    return None


def without_example(public: dict[str, ast.AST]) -> list[str]:
    """Public names whose docstring shows no example; a method needs none of its own where its class's calls it."""
    examples = {name: "\n".join(_PROMPT.findall(_docstring(node))) for name, node in public.items()}
    return [
        name
        for name, code in examples.items()
        if not code and f".{name.rpartition('.')[2]}" not in examples.get(name.rpartition(".")[0], "")
    ]


def _docstring(node: ast.AST) -> str:
    documented = isinstance(node, (*_FUNCTIONS, ast.ClassDef))
    return (ast.get_docstring(node) or "") if documented else ""


def private_imports(own: dict[str, Module], known: dict[str, Module]) -> list[str]:
    """Imports by the modules of a package of another package's private modules, or of private names of another room."""
    return [
        f"{one.source} → {one.target} {', '.join(one.names)}"
        for module in own.values()
        for one in imports(module, set(known))
        if (one.target not in own and not _is_public(one.target))
        or ((one.target not in own or module.room != own[one.target].room) and any(map(_is_private, one.names)))
    ]


def describe(root: Path, package: str, known: dict[str, Module], listing: bool) -> list[str]:
    """The lines printed for a package."""
    own = {name: module for name, module in known.items() if module.package == package}
    edges = [one for module in own.values() for one in imports(module, set(known))]
    inner = [one for one in edges if one.target in own and one.target != one.source]
    graph = {name: {one.target for one in inner if one.source == name} for name in own}
    hard = {name: {one.target for one in inner if one.source == name and not one.typing} for name in own}
    lengths = {name: module.text.count("\n") for name, module in own.items()}
    longest = max(lengths, key=lambda name: lengths[name])
    rooms = collections.Counter(module.room for module in own.values())
    between = collections.Counter(
        (own[name].room, own[target].room)
        for name, targets in graph.items()
        for target in targets
        if own[name].room != own[target].room
    )
    named = [(name, node) for module in own.values() for name, node in functions(module)]
    public = public_names(own[package], known)
    measured = {
        f"functions with more than {MOST_ARGUMENTS} arguments": [
            f"{name} {argument_count(node)}" for name, node in named if argument_count(node) > MOST_ARGUMENTS
        ],
        f"functions over {MOST_LINES} lines": [
            f"{name} {code_lines(node)}" for name, node in named if code_lines(node) > MOST_LINES
        ],
        f"functions with a branch count above {MOST_BRANCHES}": [
            f"{name} {branch_count(node)}" for name, node in named if branch_count(node) > MOST_BRANCHES
        ],
        f"duplicated runs of {DUPLICATE} lines": [" = ".join(pair) for pair in duplicates(list(own.values()))],
        "public names without an example": without_example(public),
        "cycles": [" ↔ ".join(group) for group in cycles(graph)],
        "private imports between rooms or packages": private_imports(own, known),
    }
    lines = [
        f"{package}: {len(own)} modules, median {statistics.median(lengths.values()):.0f} lines, longest {longest} "
        f"{lengths[longest]}, {1 + max(storeys(hard).values())} storeys, {sum(map(len, graph.values()))} imports, "
        f"{len(public)} public names",
        "  rooms: " + ", ".join(f"{room} {count}" for room, count in sorted(rooms.items())),
        "  imports between rooms: " + (", ".join(f"{a}→{b} {n}" for (a, b), n in sorted(between.items())) or "none"),
    ]
    for what, places in measured.items():
        lines.append(f"  {what}: {len(places)}")
        lines += [f"    {place}" for place in places] if listing else []
    return lines


def main(arguments: list[str] | None = None, *, root: Path = ROOT) -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description="Rooms, storeys, imports and sizes of the four packages.")
    parser.add_argument("--list", action="store_true", help="also what each count is of")
    options = parser.parse_args(arguments)
    known = all_modules(root)
    for name in PACKAGES:
        print("\n".join(describe(root, name, known, options.list)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
