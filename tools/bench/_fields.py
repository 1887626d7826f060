"""Random fields to transform, and the check that two sides compute the same."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


def complex_normal(rng: np.random.Generator, shape: tuple[int, ...]) -> jax.Array:
    """complex64, real and imaginary parts of variance one."""
    return jnp.asarray((rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(np.complex64))


def real_normal(rng: np.random.Generator, shape: tuple[int, ...]) -> jax.Array:
    """float32 of variance one."""
    return jnp.asarray(rng.standard_normal(shape, np.float32))


def require_equal(what: str, got: Any, wanted: Any, tolerance: float) -> None:
    """Raise where the difference, root mean square over root mean square of `wanted`, exceeds `tolerance`."""
    got, wanted = np.asarray(got), np.asarray(wanted)
    error = float(np.linalg.norm(got - wanted) / np.linalg.norm(wanted))
    if not error <= tolerance:
        raise RuntimeError(f"{what}: the two sides differ by {error:.1e}, more than {tolerance:.0e}")


def in_milliseconds(times: dict[str, float]) -> dict[str, float]:
    """Times as columns of a table, with their unit."""
    return {f"{name} [ms]": time for name, time in times.items()}
