"""Peak memory of tensor products at degree 8, a batch of 10,000: each contestant in a process of its own.

The contestants are those of `tensor_product`. "before" is what the operating system saw with the libraries and the
features loaded, "peak" the most until two products were done, the compiler included. "result" is the size of one.
"""

from __future__ import annotations

import argparse
import json
import resource
from pathlib import Path
from typing import Any

import jax
from _tensor_products import Problem, contestants, left_out
from _timing import in_processes
from tensor_product import PACKAGES as PACKAGES

TABLE = (Path(__file__).with_name("README.md"), ".3g")
DEGREE, BATCH = 8, 10_000
NAMES = tuple(contestants(Problem.random(0, 1)))


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _case(name: str, degree: int, batch: int) -> dict[str, Any]:
    problem = Problem.random(degree, batch)
    jax.block_until_ready((problem.x, problem.y))
    before, run = _peak(), contestants(problem)[name]()
    for _ in range(2):
        result = jax.block_until_ready(run())
    return {"contestant": name, "before [MiB]": before, "peak [MiB]": _peak(), "result [MiB]": result.nbytes / 2**20}


def measure() -> dict[str, Any]:
    """A row for each contestant that is installed."""
    present = [name for name in NAMES if left_out(name, DEGREE) is None]
    return {"rows": in_processes(__file__, [(name, DEGREE, BATCH) for name in present])}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="One case, as a JSON line; `run.py` does all of them.")
    parser.add_argument("case", type=json.loads, help="JSON: [contestant, degree, batch]")
    print(json.dumps(_case(*parser.parse_args().case)))
