import os
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pytest_strict

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("spinharm", "spinnn", "molsphere", "wxsphere")
SHAPED = """
from jaxtyping import Array, Float

def same(x: Float[Array, " n"], y: Float[Array, " n"]):
    return x
"""
TESTS = """
import importlib
import warnings

import jax.numpy as jnp
import pytest
from jaxtyping import TypeCheckError

@pytest.mark.parametrize("name", ["spinharm", "spinnn", "molsphere", "wxsphere"])
def test_shapes(name):
    same = importlib.import_module(name).same
    same(jnp.ones(2), jnp.ones(2))
    with pytest.raises(TypeCheckError):
        same(jnp.ones(2), jnp.ones(3))

def test_warning():
    warnings.warn("careful")

def test_data(sphere_data):
    pass
"""

COMPILATION = """
import os

import jax

def test_with_few_optimizations(quick_compilation):
    assert jax.config.read("jax_disable_most_optimizations")
    assert os.environ["JAX_DISABLE_MOST_OPTIMIZATIONS"] == "1"
"""
SLOW = """
import os

import jax
import pytest

@pytest.mark.slow
def test_computes_for_long(quick_compilation):
    assert not jax.config.read("jax_disable_most_optimizations")
    assert os.environ["JAX_DISABLE_MOST_OPTIMIZATIONS"] == "0"
"""


def test_implicit_promotion_raises():
    with pytest.raises(ValueError, match=r"dtypes .*int32.* no available implicit dtype promotion path"):
        jnp.add(jnp.ones(2, jnp.int32), jnp.ones(2, jnp.float32))


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="the flag makes CPU devices only")
def test_there_are_two_devices():
    assert jax.device_count() == 2


def test_rng_follows_the_seed(rng: np.random.Generator, pytestconfig: pytest.Config):
    expected = np.random.default_rng(pytestconfig.getoption("seed"))
    np.testing.assert_array_equal(rng.normal(size=3), expected.normal(size=3))


def test_x64_starts_with_the_fixture(request: pytest.FixtureRequest):
    assert jnp.ones(2).dtype == jnp.float32
    request.getfixturevalue("x64")
    assert jnp.ones(2).dtype == jnp.float64


def test_x64_ends_with_the_test():
    assert jnp.ones(2).dtype == jnp.float32


def test_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("SPHERE_DATA", raising=False)
    assert pytest_strict.data_folder(tmp_path / "repository") == tmp_path / "shared" / "data"
    monkeypatch.setenv("SPHERE_DATA", str(tmp_path))
    assert pytest_strict.data_folder(tmp_path / "repository") == tmp_path


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What pytest says, under this repository's configuration, of packages with the names of ours."""
    folder = tmp_path_factory.mktemp("strict")
    for name in PACKAGES:
        (folder / name).mkdir()
        (folder / name / "__init__.py").write_text(SHAPED)
    for file, tests in {"test_strict.py": TESTS, "test_compilation.py": COMPILATION, "test_later.py": SLOW}.items():
        (folder / file).write_text(tests)
    command = [sys.executable, "-m", "pytest", "-c", str(ROOT / "pyproject.toml"), "-p", "no:cacheprovider"]
    settings = {"PYTHONPATH": str(folder), "SPHERE_DATA": str(folder / "nowhere"), "COLUMNS": "200"}
    done = subprocess.run(
        [*command, "-rA", "--seed", "7", str(folder)],
        cwd=folder,
        env={**os.environ, "JAX_DISABLE_MOST_OPTIMIZATIONS": "0", **settings},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


@pytest.mark.parametrize("name", PACKAGES)
def test_array_shapes_are_checked(report: str, name: str):
    passed = [line for line in report.splitlines() if line.startswith("PASSED")]
    assert any(f"test_shapes[{name}]" in line for line in passed), report


def test_files_compile_quickly_but_for_slow_ones(report: str):
    passed = [line for line in report.splitlines() if line.startswith("PASSED")]
    assert any("test_with_few_optimizations" in line for line in passed), report
    assert any("test_computes_for_long" in line for line in passed), report


def test_header_names_the_seed(report: str):
    assert "seed: 7" in report


def test_warnings_are_errors(report: str):
    assert "test_warning - UserWarning: careful" in report


def test_absent_data_skips_and_says_what_to_do(report: str):
    assert "nowhere; name its folder in the environment variable SPHERE_DATA" in report
