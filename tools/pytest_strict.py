"""The test conditions every package shares, as a pytest plugin.

The root `pyproject.toml` loads it with `-p pytest_strict`, so that plain `pytest` and every hatch environment
test alike: with strict dtype promotion in JAX, two CPU devices, and a seed that the report names.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import numpy as np
import pytest

_DEVICES_FLAG = "--xla_force_host_platform_device_count"
_DATA_VARIABLE = "SPHERE_DATA"

# XLA reads its flags once, when the first array is made; this module is imported before any test module.
if _DEVICES_FLAG not in os.environ.get("XLA_FLAGS", ""):
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {_DEVICES_FLAG}=2".strip()

# Compilation makes the first example slow, so a deadline per example would fail at random.
hypothesis.settings.register_profile("strict", deadline=None, print_blob=True)
hypothesis.settings.load_profile("strict")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--seed`."""
    parser.addoption("--seed", type=int, default=0, help="seed of the `rng` fixture (default: %(default)s)")


def pytest_configure(config: pytest.Config) -> None:
    """Make JAX refuse implicit dtype promotion, in all tests."""
    import jax

    jax.config.update("jax_numpy_dtype_promotion", "strict")


def pytest_report_header(config: pytest.Config) -> str:
    """Name what a failure depends on: the seed and the JAX version."""
    import jax

    return f"seed: {config.getoption('seed')}, jax: {jax.__version__}, dtype promotion: strict"


def data_folder(root: Path) -> Path:
    """Where real data is expected: in `SPHERE_DATA`, else in `../shared/data` seen from the repository."""
    return Path(os.environ.get(_DATA_VARIABLE, root.parent / "shared" / "data"))


@pytest.fixture(scope="module", autouse=True)
def _release_programs() -> Iterator[None]:
    """Forget compiled programs after each file of tests: all of them together would take gigabytes."""
    yield
    import jax

    jax.clear_caches()


@pytest.fixture(scope="module", autouse=True)
def quick_compilation(request: pytest.FixtureRequest, _release_programs: None) -> Iterator[None]:
    """Compile the programs of one file of tests without most of LLVM's optimisations, in processes it starts too.

    The programs of tests run for milliseconds and compile for seconds, of which this saves a third or more. XLA's own
    passes run as ever, so that programs, their memory and their number are as users have them; only machine code
    is plainer. Not where tests marked slow run, which compute for long, nor in files marked optimized.
    """
    import jax

    here = (item for item in request.session.items if item.path == request.path)
    if any(item.get_closest_marker(mark) for item in here for mark in ("slow", "optimized")):
        yield
        return
    name = "jax_disable_most_optimizations"
    former = jax.config.read(name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(name.upper(), "1")
        jax.config.update(name, True)
        yield
    jax.config.update(name, former)


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> np.random.Generator:
    """A NumPy generator, fresh for each test and seeded by `--seed`."""
    return np.random.default_rng(request.config.getoption("seed"))


@pytest.fixture
def x64() -> Iterator[None]:
    """Enable 64-bit types in JAX for one test, and restore the former setting whatever happens."""
    import jax

    with jax.enable_x64(True):
        yield


@pytest.fixture
def untyped() -> Iterator[None]:
    """No type checks at run time: what is called sees its arguments as it does outside the tests."""
    import jaxtyping

    former = jaxtyping.config.jaxtyping_disable
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", former)


@pytest.fixture(scope="session")
def sphere_data(pytestconfig: pytest.Config) -> Path:
    """The folder of real data, named by `SPHERE_DATA`; the test is skipped where it is not there."""
    folder = data_folder(pytestconfig.rootpath)
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}; name its folder in the environment variable {_DATA_VARIABLE}")
    return folder
