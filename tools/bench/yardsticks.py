"""What other people's programs reach on this machine: to compare figures of one machine with those of another.

The column "reference" has what the same programs reached on the machine on which the paper's public code was timed
(0.75 molecules/s in training its QM9 network). Each row is a library's own work, none of it ours: a product of large
float32 matrices, s2fft's precomputed scalar transforms of complex maps on Gauss grids, ducc0's synthesis of real ones
in one thread.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ducc0
import jax
import jax.numpy as jnp
import numpy as np
from _timing import geometric_mean, milliseconds
from s2fft.precompute_transforms import construct, spherical

PACKAGES = ("s2fft", "ducc0")
TABLE = (Path(__file__).with_name("README.md"), ".3g")
# Nothing here is ours to improve.
BETTER = {"*": "neither", "time [ms]": "neither", "reference [ms]": "neither"}
MATRIX, PRODUCT = 2048, 38.2  # reference: 450 GFLOP/s
# Bandlimit, maps, reference [ms]: s2fft forward and inverse, ducc0.
SIZES = ((16, 512, 1.3, 1.3, 3.7), (32, 256, 3.4, 3.2, 3.8), (64, 64, 6.4, 5.9, 3.8), (128, 16, 11.6, 12.4, 2.5))


def _s2fft(bandlimit: int, maps: jax.Array, forward: bool) -> Any:
    kernel = construct.spin_spherical_kernel(bandlimit, 0, False, "gl", forward=forward)
    function = spherical.forward_transform_jax if forward else spherical.inverse_transform_jax
    run = jax.jit(lambda kernel, x: jax.vmap(lambda f: function(f, kernel, bandlimit, "gl", False, 0, None))(x))
    kernel = jnp.asarray(kernel, jnp.float32)
    return lambda: run(kernel, maps)


def _ducc0(bandlimit: int, count: int, rng: np.random.Generator) -> Any:
    shape = (count, 1, bandlimit * (bandlimit + 1) // 2)
    coeffs = rng.standard_normal(shape) + 1j * rng.standard_normal(shape)
    coeffs[..., :bandlimit].imag = 0
    size = {"lmax": bandlimit - 1, "ntheta": bandlimit, "nphi": 2 * bandlimit}

    def run() -> None:
        for one in coeffs:
            ducc0.sht.synthesis_2d(alm=one, spin=0, geometry="GL", nthreads=1, **size)

    return run


def measure(rounds: int = 15) -> dict[str, Any]:
    """Times [ms] beside those of the reference machine, and how much slower this one is."""
    rng = np.random.default_rng(0)
    matrix = jnp.asarray(rng.standard_normal((MATRIX, MATRIX)), jnp.float32)
    product = jax.jit(lambda x: jnp.matmul(x, x, precision="highest"))
    candidates: dict[str, tuple[Any, float]] = {
        f"product of {MATRIX}² matrices": (lambda: product(matrix), PRODUCT),
    }
    for bandlimit, count, forward, inverse, synthesis in SIZES:
        shape = (count, bandlimit, 2 * bandlimit - 1)
        maps = jnp.asarray(rng.standard_normal(shape) + 1j * rng.standard_normal(shape), jnp.complex64)
        size = f"L = {bandlimit}, {count} maps"
        candidates[f"s2fft forward, {size}"] = _s2fft(bandlimit, maps, True), forward
        candidates[f"s2fft inverse, {size}"] = _s2fft(bandlimit, maps, False), inverse
        candidates[f"ducc0 synthesis, {size}"] = _ducc0(bandlimit, count, rng), synthesis
    times = milliseconds({name: run for name, (run, _) in candidates.items()}, rounds)
    rows = [
        {"what": name, "time [ms]": times[name], "reference [ms]": reference, "slower by": times[name] / reference}
        for name, (_, reference) in candidates.items()
    ]
    return {"rows": rows, "slower by, geometric mean": geometric_mean([row["slower by"] for row in rows])}
