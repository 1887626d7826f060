"""One large float32 map beside ducc0 on as many threads: Gauss grids, a real map of spin 0 and a complex one of spin 2.

ducc0 computes harmonics as it goes and returns orders m >= 0, which is all of a real map; its spin-2 transforms take
and give the pair of real coefficient sets that together are those of the complex map. Conversion is not part of the
time.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ducc0
import jax.numpy as jnp
import numpy as np
from _fields import complex_normal, in_milliseconds, real_normal, require_equal
from _timing import milliseconds

import spinharm
from spinharm import Grid, SpinTransform, convert

PACKAGES = ("spinharm", "ducc0")
TABLE = (Path(__file__).with_name("README.md"), ".3g")
BETTER = {
    "ducc0 forward [ms]": "neither",
    "ducc0 inverse [ms]": "neither",
    "tables [GiB]": "less",
    "tables over ducc0": "less",
    "recursion over ducc0": "less",
}
BANDLIMITS = (512, 1024)
SPINS = (0, 2)
THREADS = len(os.sched_getaffinity(0))


def _ours(transform: SpinTransform, maps: Any, coeffs: Any) -> list[Callable[[], Any]]:
    real = not jnp.iscomplexobj(maps)
    forward = spinharm.jit(transform.forward)
    inverse = spinharm.jit(lambda x: transform.inverse(x, real=real))
    return [lambda: forward(maps)[:, :, 0, 0], lambda: inverse(coeffs)[:, :, 0, 0]]


def _theirs(bandlimit: int, spin: int, maps: np.ndarray, alm: np.ndarray) -> list[Callable[[], Any]]:
    options: dict[str, Any] = {"spin": spin, "lmax": bandlimit - 1, "geometry": "GL", "nthreads": THREADS}
    nlat, nlon = maps.shape[1:]
    return [
        lambda: ducc0.sht.analysis_2d(map=maps, **options),
        lambda: ducc0.sht.synthesis_2d(alm=alm, ntheta=nlat, nphi=nlon, **options),
    ]


def _row(bandlimit: int, spin: int, rng: np.random.Generator, rounds: int) -> dict[str, Any]:
    grid = Grid.gauss_legendre(bandlimit)
    maps = (complex_normal if spin else real_normal)(rng, (*grid.shape, 1, 1))
    default = SpinTransform(grid, bandlimit, (spin,))
    tables = SpinTransform(grid, bandlimit, (spin,), method="tables")
    recursion = SpinTransform(grid, bandlimit, (spin,), method="recursion")
    coeffs = tables.forward(maps)
    dense = coeffs[:, :, 0, 0]
    alm = convert.to_ducc0_spin(dense, spin) if spin else convert.to_packed(dense)[None]
    parts = jnp.stack([maps.real, maps.imag]) if spin else maps[None]
    by_method = {"tables": _ours(tables, maps, coeffs), "recursion": _ours(recursion, maps, coeffs)}
    theirs = _theirs(bandlimit, spin, np.asarray(parts[..., 0, 0]), np.asarray(alm))
    what = f"bandlimit {bandlimit}, spin {spin}"
    require_equal(f"forward, {what}", theirs[0](), alm, 1e-4)
    their_map = theirs[1]()
    their_map = their_map[0] + 1j * their_map[1] if spin else their_map[0]
    candidates = {}
    for name, ours in by_method.items():
        require_equal(f"{name} forward, {what}", ours[0](), dense, 1e-4)
        require_equal(f"{name} inverse, {what}", ours[1](), their_map, 1e-4)
        candidates |= {f"{name} forward": ours[0], f"{name} inverse": ours[1]}
    times = milliseconds(candidates | {"ducc0 forward": theirs[0], "ducc0 inverse": theirs[1]}, rounds)
    both = {name: times[f"{name} forward"] + times[f"{name} inverse"] for name in (*by_method, "ducc0")}
    row: dict[str, Any] = {"bandlimit": bandlimit, "spin": spin, "default": default.method, **in_milliseconds(times)}
    row["tables [GiB]"] = tables.table_bytes() / 2**30
    return row | {f"{name} over ducc0": both[name] / both["ducc0"] for name in by_method}


def measure(rounds: int = 7) -> dict[str, Any]:
    """Times [ms] by bandlimit and spin, and times of both directions together over ducc0's."""
    rng = np.random.default_rng(0)
    rows = []
    for bandlimit in BANDLIMITS:
        for spin in SPINS:
            rows.append(_row(bandlimit, spin, rng, rounds))
            spinharm.clear_tables()
    return {"rows": rows}
