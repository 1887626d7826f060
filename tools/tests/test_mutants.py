import ast
from pathlib import Path

import pytest

import mutants

SOURCE = '''"""Sums."""


def total(values: list[int], start: int = 0) -> float:
    """Sum of the values; é is two bytes."""
    if len(values) < 2:
        raise ValueError(f"at least {1 + 1}")
    return ("é", start + combine(values, start))[1]


def combine(values, start):
    return -sum(values) * 3
'''
TESTS = (
    "def helper():\n    return total([1, 2])\n\n\ndef test_total():\n    helper()\n\n\ndef test_other():\n    pass\n"
)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A package of one room, and a file of tests."""
    folder = tmp_path / "packages" / "low"
    for name, text in {"src/low/__init__.py": "", "src/low/_room/sums.py": SOURCE, "tests/test_sums.py": TESTS}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a < b", ["comparison a <= b"]),
        ("a == b", ["comparison a != b"]),
        ("a + b", ["arithmetic a - b"]),
        ("a / b", ["arithmetic a * b"]),
        ("'%s' + b", []),
        ("3", ["constant 4"]),
        ("True", []),
        ("f(a, b, c)", ["arguments f(b, a, c)"]),
        ("f(a, a)", []),
        ("f(*a, b)", []),
        ("not a", ["negation a"]),
        ("a and b", ["negation a or b"]),
    ],
)
def test_faults_of_an_expression(source: str, expected: list[str]):
    node = ast.parse(source, mode="eval").body
    assert [f"{kind} {ast.unparse(new)}" for kind, _, new in mutants.changed(node)] == expected


def test_faults_are_made_where_they_stand_and_messages_are_left_alone(repository: Path):
    module = mutants.structure.modules(repository, "low")["low._room.sums"]
    found = {(one.line, one.before, one.after): one for one in mutants.mutants_of(module, repository)}
    assert set(found) == {
        (6, "len(values) < 2", "len(values) <= 2"),
        (6, "len(values) < 2", "False"),
        (6, "2", "3"),
        (8, "start + combine(values, start)", "(start - combine(values, start))"),
        (8, "combine(values, start)", "combine(start, values)"),
        (8, "1", "2"),
        (12, "-sum(values) * 3", "(-sum(values) + 3)"),
        (12, "-sum(values)", "(sum(values))"),
        (12, "3", "4"),
    }
    fault = found[8, "combine(values, start)", "combine(start, values)"]
    assert fault.apply(SOURCE) == SOURCE.replace("combine(values, start))", "combine(start, values))")


def test_the_same_seed_chooses_the_same_faults(repository: Path):
    chosen = mutants.choose(repository, "low", 2, seed=0)
    assert chosen == mutants.choose(repository, "low", 2, seed=0)
    assert {one.function for one in chosen} == {"low._room.sums.total", "low._room.sums.combine"}


def test_tests_are_found_through_helpers_and_callers(repository: Path):
    tests = mutants.Tests(repository, "low")
    faults = {one.function: one for one in mutants.choose(repository, "low", 2, seed=0)}
    file = "packages/low/tests/test_sums.py"
    for name in ("total", "combine"):  # no test names `combine`, but `total` calls it
        assert tests.stages(faults[f"low._room.sums.{name}"]) == [[f"{file}::test_total"], [file]]
