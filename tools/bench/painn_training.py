"""Train PaiNN of schnetpack on the split of `molsphere train --sizes 9000 1000 1000`, for errors beside molsphere's.

    python tools/bench/painn_training.py qm9_11k.npz --target H --epochs 60 --out runs/painn-H
    python tools/bench/painn_training.py qm9_11k.npz --target mu --epochs 60 --out runs/painn-mu

Molsphere reads the data, draws the split and fits the baseline by composition. H is a sum over atoms, mu the
magnitude of schnetpack's dipole moment of charges and atomic dipoles. AdamW with linear warm-up for one epoch, then
cosine decay to 0; L1 loss; gradients clipped to norm 1; an average of the parameters, which is what is evaluated.
float32. The same command resumes a run that was stopped, after its last whole epoch, to the same result. Times are of
training alone: without neighbor lists, which are computed once, and without evaluation.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import _painn
import numpy as np
import torch  # pyright: ignore[reportMissingImports] (an environment of its own)

from molsphere import TARGETS, MoleculeSet, TargetScaling, random_splits, read_run_data
from spinnn.files import replacing

CHECKPOINT = "checkpoint.pt"
# What a resumed run may change.
FREE = ("out", "threads", "every")


@dataclasses.dataclass
class Progress:
    """What was spent on training so far: epochs, steps, seconds of processors and of the clock."""

    epochs: int = 0
    steps: int = 0
    processor: float = 0.0
    wall: float = 0.0


class Data:
    """Molecules with neighbor lists, scaled values, and the split."""

    def __init__(self, path: Path, target: str, sizes: Sequence[int], seed: int) -> None:
        """Read and prepare."""
        read = read_run_data(path, [target])
        molecules, self.values = read.molecules, read.values[target]
        self.unit = TARGETS[target].report_unit
        self.splits = random_splits(len(molecules), *sizes, seed=seed)
        train = self.splits.train
        self.scaling = _scaling(target, molecules.subset(train), self.values[train])
        self.baseline = self.scaling.baseline(molecules)
        self.scaled = self.scaling.scale_values(molecules, self.values).astype(np.float32)
        used = np.concatenate([train, self.splits.validation, self.splits.test])
        self._systems = {int(at): _painn.system(molecules[at].numbers, molecules[at].positions) for at in used}

    def batch(self, members: np.ndarray) -> Any:
        """Inputs of some molecules."""
        return _painn.batch([self._systems[int(at)] for at in members])

    def error(self, model: Any, members: np.ndarray) -> float:
        """Mean absolute error, in the target's unit."""
        found = []
        with torch.inference_mode():
            for some in np.array_split(members, math.ceil(len(members) / 100)):
                found.append(_painn.predict(model, self.batch(some)).numpy())
        predicted = np.concatenate(found) * self.scaling.scale + self.baseline[members]
        return float(np.abs(predicted - self.values[members]).mean())


def _scaling(target: str, molecules: MoleculeSet, values: np.ndarray) -> TargetScaling:
    """Molsphere's baseline; for a magnitude the scale alone, as it cannot be negative."""
    fitted = TargetScaling.fit(molecules, values)
    if target != "mu":
        return fitted
    none = (0.0,) * len(fitted.species)
    return dataclasses.replace(fitted, references=none, intercept=0.0, scale=float(np.std(values)))


class Training:
    """A model, its optimiser and averages, with what a checkpoint holds."""

    def __init__(self, options: argparse.Namespace, steps_per_epoch: int) -> None:
        """Start from the seed."""
        torch.manual_seed(options.seed)
        self.options, self.steps_per_epoch = options, steps_per_epoch
        self.model, self.averaged = (
            _painn.network(dipole=options.target == "mu", features=options.features) for _ in range(2)
        )
        self.averaged.load_state_dict(self.model.state_dict())
        self.optimizer = _painn.optimizer(self.model, options.learning_rate, options.weight_decay)
        self.done = Progress()

    @property
    def learning_rate(self) -> float:
        """That of the next step."""
        total, warm = self.options.epochs * self.steps_per_epoch, self.steps_per_epoch
        at = self.done.steps + 1
        if at < warm:
            return self.options.learning_rate * at / warm
        return self.options.learning_rate * 0.5 * (1 + math.cos(math.pi * (at - warm) / max(total - warm, 1)))

    def epoch(self, data: Data) -> float:
        """Train for an epoch; returns the mean loss."""
        order = np.random.default_rng((self.options.seed, self.done.epochs)).permutation(data.splits.train)
        average = list(self.averaged.parameters())
        wall, processor, losses = time.perf_counter(), time.process_time(), []
        self.model.train()
        size = self.options.batch_size
        for start in range(0, self.steps_per_epoch * size, size):
            members = order[start : start + size]
            for group in self.optimizer.param_groups:
                group["lr"] = self.learning_rate
            wanted = torch.from_numpy(data.scaled[members])
            loss = _painn.step(
                self.model, self.optimizer, average, self.done.steps, data.batch(members), wanted, self.options.average
            )
            losses.append(float(loss.detach()))
            self.done.steps += 1
        self.done.epochs += 1
        self.done.wall += time.perf_counter() - wall
        self.done.processor += time.process_time() - processor
        return float(np.mean(losses))

    def save(self, path: Path) -> None:
        """Write a checkpoint under a temporary name that is then renamed."""
        with replacing(path, "wb") as file:
            parts = {name: getattr(self, name).state_dict() for name in ("model", "averaged", "optimizer")}
            torch.save({**parts, "done": vars(self.done), "options": _described(self.options)}, file)

    def load(self, path: Path) -> None:
        """Continue from a checkpoint."""
        held = torch.load(path, weights_only=True)
        if held["options"] != _described(self.options):
            raise SystemExit(f"{path} is of a run with other options, {held['options']}; choose another --out")
        for name in ("model", "averaged", "optimizer"):
            getattr(self, name).load_state_dict(held[name])
        self.done = Progress(**held["done"])


def _described(options: argparse.Namespace) -> dict[str, Any]:
    return {name: value for name, value in vars(options).items() if name not in FREE}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", help="QM9 as .npz, .tar.bz2 or folder, as for `molsphere train`")
    parser.add_argument("--target", choices=("H", "mu"), default="H")
    parser.add_argument("--epochs", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    parser.add_argument("--sizes", type=int, nargs=3, default=[9000, 1000, 1000], help="training, validation, test")
    parser.add_argument("--split-seed", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0, help="of weights and batches")
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--weight-decay", type=float, default=1e-2)
    parser.add_argument("--average", type=float, default=0.999, help="decay of the average of the parameters")
    parser.add_argument("--features", type=int, default=_painn.FEATURES)
    parser.add_argument("--every", type=int, default=5, help="epochs between validations")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    return parser


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, print errors, and write them to `result.json`."""
    options = _parser().parse_args(arguments)
    torch.set_num_threads(options.threads)
    data = Data(Path(options.data), options.target, options.sizes, options.split_seed)
    steps_per_epoch = len(data.splits.train) // options.batch_size
    if options.epochs < 1 or not steps_per_epoch:
        raise SystemExit("--epochs must be at least 1, and --batch-size at most the training molecules")
    training, checkpoint = Training(options, steps_per_epoch), options.out / CHECKPOINT
    options.out.mkdir(parents=True, exist_ok=True)
    parameters = sum(parameter.numel() for parameter in training.model.parameters())
    print(f"PaiNN, {parameters:,} parameters; {data.splits}; torch {torch.__version__}, {options.threads} threads")
    if checkpoint.exists():
        training.load(checkpoint)
        print(f"resumed after epoch {training.done.epochs}")
    while training.done.epochs < options.epochs:
        loss, done = training.epoch(data), training.done
        training.save(checkpoint)
        rate = done.steps * options.batch_size / done.wall
        line = f"epoch {done.epochs}: loss {loss:.4f}, {done.wall / 60:.1f} minutes, {rate:.0f} molecules/s"
        if done.epochs % options.every == 0 or done.epochs == options.epochs:
            line += f", validation {data.error(training.averaged, data.splits.validation):.4g} {data.unit}"
        print(line, flush=True)
    done, splits = training.done, data.splits
    result = {
        "target": options.target,
        "unit": data.unit,
        "parameters": parameters,
        "validation": data.error(training.averaged, splits.validation),
        "test": data.error(training.averaged, splits.test),
        "training": data.error(training.averaged, splits.train[:1000]),
        "minutes": done.wall / 60,
        "processor minutes": done.processor / 60,
        "epochs": done.epochs,
    }
    (options.out / "result.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(
        f"mean absolute errors: validation {result['validation']:.4g}, test {result['test']:.4g}, 1,000 training "
        f"molecules {result['training']:.4g} {data.unit}; {result['minutes']:.1f} minutes, "
        f"{result['processor minutes']:.1f} of processors"
    )


if __name__ == "__main__":
    main()
