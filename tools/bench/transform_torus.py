"""Both directions, spins 0 and 1, complex float32 maps: the default method beside the paper's algorithm.

n×n grids with rings on the poles, bandlimit n/2, the batches and channels of a network's layers. `method="torus"` is
the algorithm of the paper with two options of two values; each direction is compared with the fastest of the four.
"Gauss" is the default method on the Gauss grid of equal bandlimit, n/2 × n.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import jax
import numpy as np
from _fields import complex_normal, require_equal
from _timing import geometric_mean, milliseconds

import spinharm
from spinharm import Grid, SpinTransform

PACKAGES = ("spinharm",)
TABLE = (Path(__file__).with_name("README.md"), ".3g")
BETTER = {"torus forward [ms]": "neither", "torus inverse [ms]": "neither"}
# (n, batch, channels)
SIZES = ((32, 8, 64), (64, 4, 64), (128, 2, 32), (256, 1, 16))
SPINS = (0, 1)
OPTIONS: tuple[tuple[Literal["dft", "fft"], bool], ...] = (("dft", False), ("dft", True), ("fft", False), ("fft", True))


def _directions(transform: SpinTransform, maps: jax.Array, coeffs: jax.Array) -> list[Any]:
    forward, inverse = spinharm.jit(transform.forward), spinharm.jit(transform.inverse)
    return [lambda: forward(maps), lambda: inverse(coeffs)]


def measure(rounds: int = 15) -> dict[str, Any]:
    """Times [ms] by n, ratios of both directions together, and their geometric means."""
    rng = np.random.default_rng(0)
    rows = []
    for n, batch, channels in SIZES:
        bandlimit = n // 2
        square = SpinTransform(Grid.equiangular(n, n), bandlimit, SPINS)
        gauss = SpinTransform(Grid.gauss_legendre(bandlimit), bandlimit, SPINS)
        # Maps that have the bandlimit: others differ by what the grids alias.
        coeffs = gauss.forward(complex_normal(rng, (batch, *gauss.grid.shape, len(SPINS), channels)))
        maps = square.inverse(coeffs)
        ours = _directions(square, maps, coeffs)
        on_gauss = _directions(gauss, gauss.inverse(coeffs), coeffs)
        candidates = {
            "forward": ours[0],
            "inverse": ours[1],
            "Gauss forward": on_gauss[0],
            "Gauss inverse": on_gauss[1],
        }
        for fourier, symmetry in OPTIONS:
            torus = SpinTransform(
                square.grid, bandlimit, SPINS, method="torus", fourier=fourier, delta_symmetry=symmetry
            )
            theirs = _directions(torus, maps, coeffs)
            require_equal(f"forward, n = {n}, {fourier}, symmetry {symmetry}", theirs[0](), coeffs, 1e-4)
            require_equal(f"inverse, n = {n}, {fourier}, symmetry {symmetry}", theirs[1](), maps, 1e-4)
            name = f"{fourier}{' symmetric' if symmetry else ''}"
            candidates |= {f"{name} forward": theirs[0], f"{name} inverse": theirs[1]}
        for i, wanted in enumerate((coeffs, maps)):
            require_equal(f"default method, n = {n}", ours[i](), wanted, 1e-4)
        require_equal(f"default method on the Gauss grid, n = {n}", on_gauss[0](), coeffs, 1e-4)
        times = milliseconds(candidates, rounds)
        row: dict[str, Any] = {"n": n, "batch × channels": f"{batch} × {channels}"}
        row |= {f"{direction} [ms]": times[direction] for direction in ("forward", "inverse")}
        total = 0.0
        for direction in ("forward", "inverse"):
            of_options = [
                name for name in candidates if name.endswith(f" {direction}") and not name.startswith("Gauss")
            ]
            best = min(of_options, key=times.__getitem__)
            row |= {f"torus {direction} [ms]": times[best], f"{direction} option": best.removesuffix(f" {direction}")}
            total += times[best]
        row["ratio"] = total / (times["forward"] + times["inverse"])
        row |= {f"{name} [ms]": times[name] for name in ("Gauss forward", "Gauss inverse")}
        row["ratio on Gauss"] = total / (times["Gauss forward"] + times["Gauss inverse"])
        rows.append(row)
        spinharm.clear_tables()
    means = {
        f"geometric mean {name}": geometric_mean([row[name] for row in rows]) for name in ("ratio", "ratio on Gauss")
    }
    return {"rows": rows, **means}
