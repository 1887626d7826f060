"""Real scalar and vector transforms beside torch-harmonics: float32, Gauss grids, the same bandlimits and threads.

Scalar: real maps to coefficients and back. Vector: real vector fields of two components to two sets of coefficients and
back; in spinharm a vector field is a complex map of spin 1, and joining and parting its components is part of the time.
Each library gets its own order of axes: maps first in torch-harmonics, last (channels) in spinharm.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import torch  # pyright: ignore[reportMissingImports] (an environment of its own)
from _fields import in_milliseconds, real_normal, require_equal
from _timing import geometric_mean, milliseconds
from torch_harmonics import (  # pyright: ignore[reportMissingImports]
    InverseRealSHT,
    InverseRealVectorSHT,
    RealSHT,
    RealVectorSHT,
)

import spinharm
from spinharm import Grid, SpinTransform, convert

PACKAGES = ("spinharm", "torch", "torch-harmonics")
TABLE = (Path(__file__).with_name("README.md"), ".3g")
BETTER = {"their forward [ms]": "neither", "their inverse [ms]": "neither"}
# (bandlimit, maps)
SIZES = ((16, 512), (32, 256), (64, 64), (128, 16), (256, 8))

Candidates = dict[str, Callable[[], Any]]


def _torch(x: jax.Array | np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.array(x))


def _maps_first(x: Any) -> np.ndarray:
    return np.moveaxis(np.asarray(x), -1, 0)


def _scalar(bandlimit: int, count: int, rng: np.random.Generator) -> Candidates:
    grid = Grid.gauss_legendre(bandlimit)
    transform = SpinTransform(grid, bandlimit)
    forward = spinharm.jit(lambda maps: transform.forward(maps[:, :, None]))
    inverse = spinharm.jit(lambda coeffs: transform.inverse(coeffs, real=True)[:, :, 0])
    maps = real_normal(rng, (*grid.shape, count))
    coeffs = forward(maps)

    arguments = {"nlat": grid.nlat, "nlon": grid.nlon, "lmax": bandlimit, "mmax": bandlimit, "grid": "legendre-gauss"}
    their_forward, their_inverse = RealSHT(**arguments), InverseRealSHT(**arguments)
    their_maps = _torch(_maps_first(maps))
    their_coeffs = their_forward(their_maps)
    require_equal(f"scalar forward, {bandlimit}", their_coeffs, _maps_first(coeffs[:, bandlimit - 1 :, 0]), 1e-4)
    require_equal(f"scalar inverse, {bandlimit}", their_inverse(their_coeffs), _maps_first(inverse(coeffs)), 1e-4)
    return {
        "forward": lambda: forward(maps),
        "inverse": lambda: inverse(coeffs),
        "their forward": lambda: their_forward(their_maps),
        "their inverse": lambda: their_inverse(their_coeffs),
    }


def _vector(bandlimit: int, count: int, rng: np.random.Generator) -> Candidates:
    grid = Grid.gauss_legendre(bandlimit)
    transform = SpinTransform(grid, bandlimit, (1,))
    forward = spinharm.jit(lambda u, v: transform.forward(spinharm.wind_to_spin(u, v)[:, :, None]))
    inverse = spinharm.jit(lambda coeffs: spinharm.spin_to_wind(transform.inverse(coeffs)[:, :, 0]))
    u, v = (real_normal(rng, (*grid.shape, count)) for _ in range(2))
    coeffs = forward(u, v)

    arguments = {"nlat": grid.nlat, "nlon": grid.nlon, "lmax": bandlimit, "mmax": bandlimit, "grid": "legendre-gauss"}
    their_forward, their_inverse = RealVectorSHT(**arguments), InverseRealVectorSHT(**arguments)
    # Their components are along colatitude and longitude.
    their_maps = _torch(jnp.stack([_maps_first(-v), _maps_first(u)], 1))
    their_coeffs = their_forward(their_maps)
    require_equal(f"vector forward, {bandlimit}", _as_theirs(coeffs[:, :, 0]), their_coeffs, 1e-4)
    back = inverse(coeffs)
    wanted = np.stack([_maps_first(-back[1]), _maps_first(back[0])], 1)
    require_equal(f"vector inverse, {bandlimit}", their_inverse(their_coeffs), wanted, 1e-4)
    return {
        "forward": lambda: forward(u, v),
        "inverse": lambda: inverse(coeffs),
        "their forward": lambda: their_forward(their_maps),
        "their inverse": lambda: their_inverse(their_coeffs),
    }


def _as_theirs(coeffs: jax.Array) -> np.ndarray:
    """(degree, order, map) of spin 1 to (map, spheroidal or toroidal, degree, order >= 0)."""
    bandlimit = coeffs.shape[0]
    packed = np.asarray(convert.to_ducc0_spin(jnp.moveaxis(coeffs, -1, 0), 1))
    dense = np.asarray(convert.from_packed(packed))[..., bandlimit - 1 :]
    degree = np.maximum(np.arange(bandlimit), 1)[:, None]
    # Theirs multiply ∇Y and its rotation, of norm √(l(l+1)), which turns the other way than the curl of ducc0.
    return dense * np.array([1, -1])[:, None, None] / np.sqrt(degree * (degree + 1))


def measure(rounds: int = 15) -> dict[str, Any]:
    """Times [ms] by kind and bandlimit, and the ratio of both directions together."""
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    rng = np.random.default_rng(0)
    rows = []
    with torch.inference_mode():
        for kind, make in (("scalar", _scalar), ("vector", _vector)):
            for bandlimit, count in SIZES:
                times = milliseconds(make(bandlimit, count, rng), rounds)
                ratio = (times["their forward"] + times["their inverse"]) / (times["forward"] + times["inverse"])
                rows.append(
                    {"fields": kind, "bandlimit": bandlimit, "maps": count, **in_milliseconds(times), "ratio": ratio}
                )
                spinharm.clear_tables()
    ratios = [row["ratio"] for row in rows]
    return {"rows": rows, "smallest ratio": min(ratios), "geometric mean ratio": geometric_mean(ratios)}
