"""A training step and a prediction of molsphere's `interacting` network beside PaiNN of schnetpack and MACE of mlip.

Molecules of QM9 (or of the demo, without `SPHERE_DATA`), one property, float32, all cores. A training step is L1 loss,
gradient clipped by its norm, AdamW, and the average of the parameters, on all sides. Batches are ready in memory, those
of schnetpack and mlip with the neighbor lists of their own transforms; "preparation" is the least time to make one,
without reading. All learn the same molecules: molsphere in batches of similar sizes, as it trains, the others in
batches dealt at random, mlip padded to one size. Each is a process of its own that takes turns with the others over all
batches; its peak memory is what the operating system saw, compilers included. On busy cores PyTorch's threads wait for
each other: figures of PaiNN need a quiet machine.
"""

from __future__ import annotations

import contextlib
import importlib.util
import tempfile
from pathlib import Path
from typing import Any

import _molecules
from _turns import Contestant, fastest_turns

# They are imported in processes of their own.
for _needed in ("schnetpack", "mlip"):
    if importlib.util.find_spec(_needed) is None:
        raise ModuleNotFoundError(f"no module {_needed}", name=_needed)

PACKAGES = ("spinharm", "molsphere", "equinox", "optax", "torch", "schnetpack", "mlip", "e3nn-jax", "flax")
HERE = Path(__file__).parent
TABLE = (HERE / "README.md", ".3g")
BETTER = {"cutoff [Å]": "neither", "parameters": "neither"}
# Molecules in a batch, and batches in a turn.
SIZES = ((16, 24), (64, 6))
CONTESTANTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("_network_molsphere", {}),
    ("_network_painn", {}),
    ("_network_mace", {"correlation": 2}),
    ("_network_mace", {"correlation": 3}),
)


def compare(batch: int, count: int, rounds: int) -> list[dict[str, Any]]:
    """A row for each network at one batch size."""
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as running:
        sample = Path(folder, "sample.npz")
        _molecules.draw(batch, count).save(str(sample))
        contestants = [
            running.enter_context(Contestant(HERE / f"{script}.py", {"sample": str(sample), **options}))
            for script, options in CONTESTANTS
        ]
        times = {action: fastest_turns(contestants, action, rounds) for action in ("train", "predict")}
        rows = []
        for at, contestant in enumerate(contestants):
            facts = dict(contestant.facts)
            preparation = facts.pop("preparation [ms]")
            row = {"network": facts.pop("network"), "batch": batch, **facts}
            for action, name in (("train", "step"), ("predict", "prediction")):
                row[f"{name} [ms]"] = 1e3 * times[action][at] / count
                row[f"molecules/s, {action}"] = batch * count / times[action][at]
            rows.append({**row, "preparation [ms]": preparation, "peak [MiB]": contestant.ask("peak")})
        return rows


def measure(rounds: int = 6) -> dict[str, Any]:
    """A row for each network and batch size."""
    rows = [row for batch, count in SIZES for row in compare(batch, count, rounds)]
    of_batch = {batch: [row["molecules/s, train"] for row in rows if row["batch"] == batch] for batch, _ in SIZES}
    # The order of the contestants.
    return {"rows": rows, **{f"training beside PaiNN, batch {b}": rate[0] / rate[1] for b, rate in of_batch.items()}}
