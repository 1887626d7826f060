"""Forward and inverse transforms beside s2fft's precomputed ones: complex float32 maps on a Gauss grid, spins 0 and 1.

s2fft gets one map per `vmap` lane and one kernel per spin, both spins in one compiled function; spinharm gets all maps
and both spins as channels and spins of one transform.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from _timing import geometric_mean, milliseconds
from s2fft.precompute_transforms import construct, spherical

import spinharm

PACKAGES = ("spinharm", "s2fft")
SIZES = ((16, 512), (32, 256), (64, 64), (128, 16))
SPINS = (0, 1)


def _s2fft(bandlimit: int, forward: bool) -> Any:
    kernels = [
        jnp.asarray(construct.spin_spherical_kernel(bandlimit, spin, False, "gl", forward=forward), dtype=jnp.float32)
        for spin in SPINS
    ]
    function = spherical.forward_transform_jax if forward else spherical.inverse_transform_jax

    def one(kernel: jax.Array, x: jax.Array, spin: int) -> jax.Array:
        return jax.vmap(lambda f: function(f, kernel, bandlimit, "gl", False, spin, None))(x)

    @jax.jit
    def both(kernels: list[jax.Array], maps: list[jax.Array]) -> list[jax.Array]:
        return [one(k, x, s) for k, x, s in zip(kernels, maps, SPINS, strict=True)]

    return lambda maps: both(kernels, maps)


def measure(rounds: int = 15) -> dict[str, Any]:
    """Times [ms] and ratios by bandlimit."""
    rng = np.random.default_rng(0)
    rows = []
    for bandlimit, count in SIZES:
        # s2fft's "gl" sampling is L × (2L − 1); both libraries get that grid.
        grid = spinharm.Grid.gauss_legendre(bandlimit, 2 * bandlimit - 1)
        transform = spinharm.SpinTransform(grid, bandlimit, SPINS)
        shape = (*grid.shape, len(SPINS), count)
        maps = (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(np.complex64)
        maps = jnp.asarray(maps)
        coeffs = transform.forward(maps)
        theirs = [jnp.moveaxis(maps[:, :, i], -1, 0) for i in range(len(SPINS))]
        their_forward, their_inverse = _s2fft(bandlimit, True), _s2fft(bandlimit, False)
        their_coeffs = their_forward(theirs)
        for i in range(len(SPINS)):
            difference = jnp.moveaxis(their_coeffs[i], 0, -1) - coeffs[:, :, i]
            error = float(jnp.linalg.norm(difference) / jnp.linalg.norm(coeffs[:, :, i]))
            if error > 1e-4:
                raise RuntimeError(f"the two libraries disagree at bandlimit {bandlimit}, spin {SPINS[i]}: {error:.1e}")
        forward, inverse = spinharm.jit(transform.forward), spinharm.jit(transform.inverse)
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
        rows.append({"bandlimit": bandlimit, "maps": count, **times, "ratio": ratio})
    return {"rows": rows, "geometric mean ratio": geometric_mean([row["ratio"] for row in rows])}
