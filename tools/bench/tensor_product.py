"""Tensor products of features of degrees 0 … l_max to all degrees 0 … 2 l_max, beside other libraries, one channel.

Separable weights are factors for l1, l2 and l; independent ones a random number for each path. e3nn-jax computes each
path and sums it with its weight, cuequivariance-jax the sum; harmonyx multiplies maps, so its weights are separable,
and the odd paths are cross products of gradients. All agree with spinharm before they are timed. Ratios are to
e3nn-jax. "left out" says which libraries have no figures in a row, and why.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

from _fields import require_equal
from _tensor_products import LIMITS, SAME, Problem, contestants, left_out, ours_of_paths
from _timing import milliseconds

PACKAGES = (
    "spinharm",
    "e3nn-jax",
    *(name for name in ("cuequivariance-jax", "harmonyx") if importlib.util.find_spec(name.replace("-", "_"))),
)
TABLE = (Path(__file__).with_name("README.md"), ".3g")
BETTER = {f"{name} [{unit}]": "neither" for name in LIMITS for unit in ("ms", "MiB")}
DEGREES = (2, 4, 6, 8, 10, 12)
BATCH = 10_000


def compare(degree: int, rounds: int, batch: int = BATCH) -> dict[str, Any]:
    """Times at one degree [ms], how many times as fast as e3nn-jax they are, and the programs' own memory [MiB]."""
    problem = Problem.random(degree, batch)
    every = contestants(problem)
    reasons = {name: why for name in every if (why := left_out(name, degree))}
    runs = {name: make() for name, make in every.items() if name not in reasons}
    require_equal(f"degree {degree}", ours_of_paths(problem), runs["separable"](), 1e-5)
    for name, ours in SAME.items():
        if name in runs:
            require_equal(f"{name}, degree {degree}", runs[ours](), runs[name](), 1e-5)
    times = milliseconds(runs, rounds)
    theirs = times.get("e3nn-jax")
    return {
        "degree": degree,
        "paths": len(problem.product.paths),
        **{f"{name} [ms]": times.get(name) for name in every},
        **{f"{name} [MiB]": runs[name].memory if name in runs else None for name in every},
        **{f"ratio, {name}": theirs and theirs / times[name] for name in ("separable", "independent")},
        "left out": "; ".join(reasons.values()),
    }


def measure(rounds: int = 8) -> dict[str, Any]:
    """Times by degree."""
    return {"rows": [compare(degree, rounds) for degree in DEGREES]}
