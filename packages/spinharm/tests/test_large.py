"""What needs minutes or gigabytes: `hatch run slow`."""

import json
import subprocess
import sys

import numpy as np
import pytest
from numpy.polynomial.legendre import leggauss

from spinharm._coefficients import recursion

pytestmark = pytest.mark.slow

# In a process of its own, so that the peak is that of the transform.
ROUND_TRIP = """
import json, resource, sys, time
import jax, numpy as np
import spinharm

dtype, spins, bandlimit = sys.argv[1], json.loads(sys.argv[2]), 720
jax.config.update("jax_enable_x64", dtype == "float64")
transform = spinharm.SpinTransform(spinharm.Grid.equiangular(721, 1440), bandlimit, spins, method="recursion")
rng = np.random.default_rng(0)
degree, order = np.ogrid[:bandlimit, -bandlimit + 1 : bandlimit]
shape = (bandlimit, 2 * bandlimit - 1, len(spins), 1)
coeffs = rng.normal(size=shape) + 1j * rng.normal(size=shape)
coeffs[(abs(order) > degree)] = 0
for index, spin in enumerate(spins):
    coeffs[: abs(spin), :, index] = 0
coeffs = coeffs.astype("complex64" if dtype == "float32" else "complex128")
seconds = []
for _ in range(2):
    start = time.perf_counter()
    back = np.asarray(transform.forward(transform.inverse(coeffs)))
    seconds.append(time.perf_counter() - start)
error = np.max(np.abs(back - coeffs), (0, 1, 3)) / np.max(np.abs(coeffs), (0, 1, 3))
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
print(json.dumps({"method": transform.method, "error": error.tolist(), "peak": peak, "seconds": seconds}))
"""


@pytest.mark.parametrize("spins", [(0,), (0, 1, -12)], ids=["scalar", "three-spins"])
@pytest.mark.parametrize(("dtype", "bound"), [("float32", 5e-6), ("float64", 1e-12 * 720)], ids=["float32", "float64"])
def test_quarter_degree_grid_at_full_band(dtype, bound, spins):
    command = [sys.executable, "-c", ROUND_TRIP, dtype, json.dumps(spins)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    print(result)
    assert result["method"] == "recursion"
    assert max(result["error"]) <= bound
    assert result["peak"] < 6 * 2**30


@pytest.mark.parametrize("spin", [0, 32, -32])
@pytest.mark.parametrize("order", [0, 1, 31, -32, 33, 500, -1500, 2040])
def test_harmonics_are_orthonormal_at_bandlimit_2048(order, spin):
    """2π ∫ sYlm sYkm sin θ dθ = δ_lk, by Gauss-Legendre quadrature with as many nodes, which is exact."""
    L = 2048
    x, weights = leggauss(L)
    table = recursion.reduced_harmonics(L, spin, np.arccos(x), np.array([order]))[0]
    first = max(abs(order), abs(spin))
    assert np.all(table[:first] == 0)
    gram = 2 * np.pi * (table * weights) @ table.T
    expected = np.diag((np.arange(L) >= first).astype(float))
    assert np.max(np.abs(gram - expected)) <= 1e-12 * L
