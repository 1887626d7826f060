"""Both directions beside s2fft's precomputed transforms: complex float32 maps on a Gauss grid, spins 0, 1 and 2.

s2fft gets one map per `vmap` lane and one kernel per spin, all spins in one compiled function; spinharm gets all maps
and spins as channels and spins of one transform.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from _fields import complex_normal, in_milliseconds, require_equal
from _timing import geometric_mean, milliseconds
from s2fft.precompute_transforms import construct, spherical

import spinharm

PACKAGES = ("spinharm", "s2fft")
TABLE = (Path(__file__).with_name("README.md"), ".3g")
BETTER = {"s2fft forward [ms]": "neither", "s2fft inverse [ms]": "neither"}
SIZES = ((16, 512), (32, 256), (64, 64), (128, 16))
SPINS = (0, 1, 2)


def _s2fft(bandlimit: int, forward: bool) -> Any:
    kernels = [
        jnp.asarray(construct.spin_spherical_kernel(bandlimit, spin, False, "gl", forward=forward), dtype=jnp.float32)
        for spin in SPINS
    ]
    function = spherical.forward_transform_jax if forward else spherical.inverse_transform_jax

    def one(kernel: jax.Array, x: jax.Array, spin: int) -> jax.Array:
        return jax.vmap(lambda f: function(f, kernel, bandlimit, "gl", False, spin, None))(x)

    @jax.jit
    def every(kernels: list[jax.Array], maps: list[jax.Array]) -> list[jax.Array]:
        return [one(k, x, s) for k, x, s in zip(kernels, maps, SPINS, strict=True)]

    return lambda maps: every(kernels, maps)


def measure(rounds: int = 15) -> dict[str, Any]:
    """Times [ms] and ratios by bandlimit."""
    rng = np.random.default_rng(0)
    rows = []
    for bandlimit, count in SIZES:
        # s2fft's "gl" sampling is L × (2L − 1); both libraries get that grid.
        grid = spinharm.Grid.gauss_legendre(bandlimit, 2 * bandlimit - 1)
        transform = spinharm.SpinTransform(grid, bandlimit, SPINS)
        maps = complex_normal(rng, (*grid.shape, len(SPINS), count))
        coeffs = transform.forward(maps)
        theirs = [jnp.moveaxis(maps[:, :, i], -1, 0) for i in range(len(SPINS))]
        their_forward, their_inverse = _s2fft(bandlimit, True), _s2fft(bandlimit, False)
        their_coeffs = their_forward(theirs)
        forward, inverse = spinharm.jit(transform.forward), spinharm.jit(transform.inverse)
        back, their_back = inverse(coeffs), their_inverse(their_coeffs)
        for i, spin in enumerate(SPINS):
            what = f"bandlimit {bandlimit}, spin {spin}"
            require_equal(f"forward, {what}", jnp.moveaxis(their_coeffs[i], 0, -1), coeffs[:, :, i], 1e-4)
            require_equal(f"inverse, {what}", jnp.moveaxis(their_back[i], 0, -1), back[:, :, i], 1e-4)
        times = milliseconds(
            {
                "forward": lambda f=forward, x=maps: f(x),
                "inverse": lambda f=inverse, x=coeffs: f(x),
                "s2fft forward": lambda f=their_forward, x=theirs: f(x),
                "s2fft inverse": lambda f=their_inverse, x=their_coeffs: f(x),
            },
            rounds,
        )
        ratio = (times["s2fft forward"] + times["s2fft inverse"]) / (times["forward"] + times["inverse"])
        rows.append({"bandlimit": bandlimit, "maps": count, **in_milliseconds(times), "ratio": ratio})
    return {"rows": rows, "geometric mean ratio": geometric_mean([row["ratio"] for row in rows])}
