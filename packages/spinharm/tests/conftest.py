"""Fixtures shared by the tests of spinharm."""

from collections.abc import Callable, Iterator, Sequence

import jax
import numpy as np
import pytest

import spinharm


@pytest.fixture(params=["float32", "float64"])
def dtype(request: pytest.FixtureRequest) -> Iterator[str]:
    """The real working type, with JAX's 64-bit types on or off to match."""
    with jax.enable_x64(request.param == "float64"):
        yield request.param


@pytest.fixture(scope="module", autouse=True)
def _forget_tables() -> Iterator[None]:
    yield
    spinharm.clear_tables()


@pytest.fixture(scope="session")
def random_coefficients() -> Callable[..., np.ndarray]:
    """`random_coefficients(rng, bandlimit, spins, ...)`: valid coefficients, zero where |m| > l or l < |spin|.

    Shape (*batch, L, 2L−1, spin, channel), entries of order one. With `real`, those of real maps (all spins 0): the
    entry at −m is (−1)^m times the conjugate of the one at m.
    """

    def make(
        rng: np.random.Generator,
        bandlimit: int,
        spins: Sequence[int] = (0,),
        batch: tuple[int, ...] = (),
        channels: int = 1,
        dtype: str = "complex128",
        real: bool = False,
    ) -> np.ndarray:
        shape = (*batch, bandlimit, 2 * bandlimit - 1, len(spins), channels)
        coeffs = rng.normal(size=shape) + 1j * rng.normal(size=shape)
        degree = np.arange(bandlimit)[:, None, None, None]
        order = np.arange(-bandlimit + 1, bandlimit)[:, None, None]
        if real:
            coeffs = coeffs + (-1.0) ** order * np.conj(np.flip(coeffs, -3))
        valid = (abs(order) <= degree) & (degree >= abs(np.array(spins)[:, None]))
        return np.where(valid, coeffs, 0).astype(dtype)

    return make


@pytest.fixture(scope="session")
def relative_error() -> Callable[..., float]:
    """`relative_error(got, wanted)`: the largest absolute difference over the largest absolute value wanted.

    The shapes must agree. NaN where anything is NaN, so that a comparison with a bound fails.
    """

    def measure(got: object, wanted: object) -> float:
        a, b = np.asarray(got), np.asarray(wanted)
        assert a.shape == b.shape, f"shapes differ: got {a.shape}, wanted {b.shape}"
        return float(np.max(np.abs(a - b)) / np.max(np.abs(b)))

    return measure
