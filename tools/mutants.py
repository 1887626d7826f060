"""Deliberate faults, one line each, and whether the tests notice them.

    python tools/mutants.py --list                                    the faults, and how many tests are tried first
    python tools/mutants.py --out mutants.json                        make each in a copy of the tree and run the tests
    python tools/mutants.py --out mutants.json --again 12,40          only these once more
    python tools/mutants.py --out mutants.json --baseline             the tests that noticed, without any fault

Faults are chosen by a seed, equally many in each package, over its rooms and over kinds in turn: comparisons,
arithmetic, constants one too large, swapped arguments, left-out checks, negations. A fault is tried on the tests that
name its function or, if none does, functions that call it; if they pass, on the whole file that holds most of them.
Results are written as they come; a run goes on where one was stopped. Libraries are imported once and each fault is
tried in a fork of the process.
"""

from __future__ import annotations

import argparse
import ast
import collections
import contextlib
import copy
import dataclasses
import itertools
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

import structure

_COMPARISONS = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
}
_ARITHMETIC = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult}
_KINDS = ("comparison", "arithmetic", "constant", "arguments", "check", "negation")
_PRELOADED = """jax jax.numpy scipy.linalg scipy.special beartype jaxtyping equinox optax hypothesis xarray rich.console
tyro pytest""".split()


@dataclasses.dataclass(frozen=True)
class Mutant:
    """A fault: the text `before` at `line` and `column` of module `module` becomes `after`, in function `function`."""

    module: str
    file: str
    function: str
    kind: str
    line: int
    column: int
    before: str
    after: str

    def apply(self, source: str) -> str:
        """The source with the fault."""
        lines = source.splitlines(keepends=True)
        encoded = lines[self.line - 1].encode()  # columns of syntax trees count bytes
        end = self.column + len(self.before.encode())
        assert encoded[self.column : end] == self.before.encode()
        lines[self.line - 1] = (encoded[: self.column] + self.after.encode() + encoded[end:]).decode()
        return "".join(lines)


def changed(node: ast.AST) -> Iterator[tuple[str, ast.expr, ast.expr]]:
    """Kinds of faults that a node admits, each with the expression to replace and what takes its place."""
    new = copy.deepcopy(node)
    if isinstance(new, ast.Compare) and isinstance(node, ast.Compare) and type(new.ops[0]) in _COMPARISONS:
        new.ops[0] = _COMPARISONS[type(new.ops[0])]()
        yield "comparison", node, new
    elif isinstance(new, ast.BinOp) and isinstance(node, ast.BinOp) and type(new.op) in _ARITHMETIC:
        if not any(
            isinstance(side, ast.Constant | ast.JoinedStr) and not _number(side) for side in (new.left, new.right)
        ):
            new.op = _ARITHMETIC[type(new.op)]()
            yield "arithmetic", node, new
    elif isinstance(new, ast.Constant) and isinstance(node, ast.Constant) and _number(new):
        new.value += 1  # pyright: ignore[reportOperatorIssue]
        yield "constant", node, new
    elif isinstance(new, ast.Call) and isinstance(node, ast.Call) and len(new.args) > 1:
        if ast.dump(new.args[0]) != ast.dump(new.args[1]) and not any(isinstance(a, ast.Starred) for a in new.args[:2]):
            new.args[:2] = new.args[1::-1]
            yield "arguments", node, new
    elif isinstance(node, ast.If) and isinstance(node.body[-1], ast.Raise):
        yield "check", node.test, ast.Constant(False)
    elif isinstance(new, ast.UnaryOp) and isinstance(node, ast.UnaryOp) and isinstance(new.op, ast.Not | ast.USub):
        yield "negation", node, new.operand
    elif isinstance(new, ast.BoolOp) and isinstance(node, ast.BoolOp):
        new.op = ast.Or() if isinstance(new.op, ast.And) else ast.And()
        yield "negation", node, new


def _number(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and type(node.value) in (int, float)


def mutants_of(module: structure.Module, root: Path) -> list[Mutant]:
    """Every fault that can be made in the functions of a module, messages and annotations left out."""
    found = []
    for name, function in structure.functions(module):
        for node in _walk_code(function):
            for kind, old, new in changed(node):
                before = ast.get_source_segment(module.text, old)
                if before is None or old.end_lineno != old.lineno:
                    continue
                after = ast.unparse(ast.fix_missing_locations(new))
                if isinstance(old, ast.BinOp | ast.BoolOp | ast.UnaryOp):
                    after = f"({after})"
                file = module.path.relative_to(root).as_posix()
                found.append(Mutant(module.name, file, name, kind, old.lineno, old.col_offset, before, after))
    return found


def _walk_code(function: ast.AST) -> Iterator[ast.AST]:
    """Nodes of a function's statements, without nested functions, messages, annotations and slices of types."""
    waiting = list(getattr(function, "body", []))
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Raise | ast.JoinedStr | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("warn", "print", "isinstance", "lru_cache")):
            continue
        yield node
        waiting += [child for field, value in ast.iter_fields(node) if field != "annotation" for child in _nodes(value)]


def _nodes(value: object) -> list[ast.AST]:
    return [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, ast.AST)]


def choose(root: Path, package: str, count: int, seed: int) -> list[Mutant]:
    """`count` faults of a package, over its rooms and the kinds of faults in turn."""
    rng = random.Random(f"{seed} {package}")
    by_room: dict[str, list[Mutant]] = collections.defaultdict(list)
    for module in structure.modules(root, package).values():
        if not module.name.endswith(("__main__", "__about__", "__init__")):
            by_room[module.room] += mutants_of(module, root)
    rooms = sorted(room for room, faults in by_room.items() if faults)
    rng.shuffle(rooms)
    chosen: list[Mutant] = []
    for room, kind in zip(itertools.cycle(rooms), itertools.cycle(_KINDS), strict=False):
        if len(chosen) == count:
            return chosen
        taken = {one.function for one in chosen}
        faults = [one for one in by_room[room] if one.function not in taken]
        faults = [one for one in faults if one.kind == kind] or faults
        if faults:
            chosen.append(rng.choice(faults))
    return chosen


def choose_all(root: Path, count: int, seed: int) -> list[Mutant]:
    """`count` faults of each package."""
    return [one for package in structure.PACKAGES for one in choose(root, package, count, seed)]


class Tests:
    """The tests of a package, and which of them may notice a fault."""

    def __init__(self, root: Path, package: str):
        self.known = structure.modules(root, package)
        self.calls: dict[str, set[str]] = collections.defaultdict(set)  # words of functions by name
        for module in self.known.values():
            for name, node in structure.functions(module):
                self.calls[name.rpartition(".")[2]] |= _words(ast.get_source_segment(module.text, node) or "")
        self.tests: dict[str, dict[str, set[str]]] = {}  # words of tests by file and name
        for path in sorted((root / "packages" / package / "tests").glob("test_*.py")):
            text = path.read_text(encoding="utf-8")
            nodes = [node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)]
            words = {node.name: _words(ast.get_source_segment(text, node) or "") for node in nodes}
            helpers = {name: said for name, said in words.items() if not name.startswith("test_")}
            for said in words.values():
                said |= set().union(*(helpers[name] for name in said & set(helpers)))
            file = path.relative_to(root).as_posix()
            self.tests[file] = {name: said for name, said in words.items() if name.startswith("test_")}

    def stages(self, mutant: Mutant, most: int = 12) -> list[list[str]]:
        """Tests to try on a fault: those that name its function, then the whole file that names it most."""
        module = self.known[mutant.module]
        parts = mutant.function.removeprefix(f"{mutant.module}.").split(".")
        wanted = {part for part in parts if not part.startswith("__")}
        own = {node.name for node in module.tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
        stem = mutant.module.rpartition(".")[2].strip("_")
        for widened in (set(), set(), own, set(), set()):
            wanted |= widened
            found = {
                file: [name for name, said in tests.items() if said & wanted] for file, tests in self.tests.items()
            }
            files = sorted(
                (file for file in found if found[file]), key=lambda file: (stem not in file, -len(found[file]))
            )
            if files:
                picked = [f"{file}::{name}" for file in files for name in found[file]][:most]
                return [picked, [files[0]]]
            wanted |= {name for name, said in self.calls.items() if said & wanted}
        return []


def _words(text: str) -> set[str]:
    return set(re.findall(r"[A-Za-z_]\w+", text))


def attempt(tree: Path, mutant: Mutant | None, files: list[str], limit: float = 600) -> tuple[str, str]:
    """Run tests on a copy of the tree with a fault: "caught", "survived", "timeout" or an error, and what was said."""
    path = tree / mutant.file if mutant is not None else None
    source = path.read_text(encoding="utf-8") if path is not None else ""
    log = tree / "mutant.log"
    try:
        if path is not None and mutant is not None:
            _write(path, mutant.apply(source))
        child = os.fork()
        if child == 0:
            _run_tests(tree, files, log)
        status = _wait(child, limit)
    finally:
        if path is not None:
            _write(path, source)
    said = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    tail = " | ".join(line for line in said[-6:] if line.startswith(("FAILED", "ERROR", "E ")) or " in " in line)[:300]
    return {None: "timeout", 0: "survived", 1: "caught"}.get(status, f"error {status}"), tail


_clock = itertools.count(1_600_000_000)


def _write(path: Path, text: str) -> None:
    """Write a source with a time that no compiled file has seen."""
    path.write_text(text, encoding="utf-8")
    stamp = next(_clock)
    os.utime(path, (stamp, stamp))


def _run_tests(tree: Path, files: list[str], log: Path) -> None:
    """Become pytest in a process group of its own."""
    os.setsid()
    os.chdir(tree)
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(descriptor, stream)
    sources = [str(tree / "packages" / name / "src") for name in structure.PACKAGES]
    sys.path[:0] = sources
    os.environ["PYTHONPATH"] = os.pathsep.join(sources)
    import pytest

    code = 99
    try:
        # Plugins that are imported already would be a warning, and so an error.
        options = ["-W", "ignore::pytest.PytestAssertRewriteWarning", "-p", "no:cacheprovider", "-m", "not slow", "-xq"]
        code = int(pytest.main([*options, *files]))
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(code)


def _wait(child: int, limit: float) -> int | None:
    """The exit status of a child; None if it was ended at the limit."""
    end = time.monotonic() + limit
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.2)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


@contextlib.contextmanager
def _tree(root: Path) -> Iterator[Path]:
    """A copy of the tracked files of a tree, with libraries imported and compiled programs kept."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["JAX_COMPILATION_CACHE_DIR"] = f"{folder}/programs"
        os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
        for package in _PRELOADED:
            __import__(package)
        tree = Path(folder) / "tree"
        tree.mkdir()
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, check=True, capture_output=True, text=True).stdout
        for name in listed.split("\0"):
            if name and (root / name).is_file():
                (tree / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(root / name, tree / name)
        yield tree


def baseline(root: Path, out: Path) -> bool:
    """Whether the tests that noticed faults pass without any."""
    results = json.loads(out.read_text(encoding="utf-8"))
    said = [re.match(r"(?:FAILED|ERROR) (\S+?)(?:\[|\s|$)", one["said"]) for one in results.values()]
    names = sorted({found[1] for found in said if found})
    with _tree(root) as tree:
        verdict, tail = attempt(tree, None, names, limit=3600)
    print(f"{len(names)} tests without a fault: {'pass' if verdict == 'survived' else f'{verdict}: {tail}'}")
    return verdict == "survived"


def run(root: Path, out: Path, again: set[int], *, count: int, seed: int, limit: float) -> None:
    """Try the faults that have no result in `out` yet, and write each result there."""
    results: dict[str, dict] = json.loads(out.read_text(encoding="utf-8")) if out.exists() else {}
    with _tree(root) as tree:
        chosen = choose_all(tree, count, seed)
        tests = {package: Tests(tree, package) for package in structure.PACKAGES}
        for number, mutant in enumerate(chosen, 1):
            if str(number) in results and number not in again:
                continue
            start, verdict, tail, tried = time.monotonic(), "survived", "", []
            for names in tests[mutant.module.partition(".")[0]].stages(mutant):
                verdict, tail = attempt(tree, mutant, names, limit)
                tried += names
                if verdict != "survived":
                    break
            seconds = round(time.monotonic() - start)
            fault = dataclasses.asdict(mutant)
            results[str(number)] = {**fault, "result": verdict, "tests": tried, "said": tail, "seconds": seconds}
            out.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
            print(f"{number:3} {verdict:8} {seconds:4} s  {describe(mutant)}  {tail}", flush=True)
    counts = collections.Counter(one["result"] for one in results.values())
    print(", ".join(f"{number} {result}" for result, number in sorted(counts.items())))


def describe(mutant: Mutant) -> str:
    """A fault in one line."""
    return f"{mutant.module}:{mutant.line} {mutant.kind}: {mutant.before} → {mutant.after}"


def main(arguments: list[str] | None = None, *, root: Path = structure.ROOT) -> int:
    """Parse the command line, list or try the faults, and return the exit status."""
    parser = argparse.ArgumentParser(description="Deliberate faults, and whether the tests notice them.")
    parser.add_argument("--list", action="store_true", help="only list the faults")
    parser.add_argument("--out", type=Path, default=Path("mutants.json"), help="file of results (default: %(default)s)")
    parser.add_argument("--count", type=int, default=15, help="faults per package (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="chooses the faults (default: %(default)s)")
    parser.add_argument("--again", default="", help="numbers of faults to try once more, such as 3,17")
    parser.add_argument("--baseline", action="store_true", help="run the tests that noticed, without any fault")
    parser.add_argument("--limit", type=float, default=600, help="seconds for a test file (default: %(default)s)")
    options = parser.parse_args(arguments)
    if options.baseline:
        return 0 if baseline(root, options.out) else 1
    if options.list:
        chosen = choose_all(root, options.count, options.seed)
        tests = {package: Tests(root, package) for package in structure.PACKAGES}
        for number, mutant in enumerate(chosen, 1):
            first, *_ = [*tests[mutant.module.partition(".")[0]].stages(mutant), []]
            files = {Path(name.partition("::")[0]).name for name in first}
            print(f"{number:3} {describe(mutant)}  {len(first)} tests of {', '.join(sorted(files))}")
        return 0
    again = {int(word) for word in options.again.split(",") if word}
    run(root, options.out, again, count=options.count, seed=options.seed, limit=options.limit)
    return 0


if __name__ == "__main__":
    sys.exit(main())
