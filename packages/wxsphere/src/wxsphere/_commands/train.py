"""`wxsphere train`."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from spinnn import command, parameter_count
from spinnn.resume import claimed
from spinnn.training import Interrupted, load_config, save_config

from .._model.networks import network_config
from .._model.run_config import RunConfig
from .._model.train import MODEL, train
from .._prepare.prepared import open_prepared

OPTIONS = "options.json"

TEXT = """Train a forecast model on prepared data. After an interruption, the same command resumes, bit for bit.

Each entry of --rollout, --epochs and --rate-factors is a stage: the number of steps in which the model is applied to
its own outputs, the number of epochs, and the factor of the learning rate. The folder gets options.json, a folder per
stage with metrics.jsonl and checkpoints, and model.spinnn. `--config FILE` reads options from JSON, e.g. the
options.json of another run; flags override it. `--preset NAME` is a network of the paper (weatherbench, temperature,
iterative, scaling-…) or tiny.

examples:
  wxsphere train --data data/flow --out runs/flow --rollout 1 4 --epochs 20 5 --rate-factors 1 0.3 \\
      --learning-rate 3e-3 --ema-decay 0.999 --batch-size 8
  wxsphere train --data data/era5 --out runs/iterative --preset iterative --loss.levels pressure
  wxsphere train --data data/era5 --out runs/direct --preset weatherbench --variables geopotential temperature \\
      --leads 72 --no-residual --rollout 1 --epochs 30 --rate-factors 1
  wxsphere train --config runs/flow/options.json --seed 1 --out runs/flow-1"""

_COMMON = (
    "data", "out", "variables", "leads", "rollout", "epochs", "rate_factors", "batch_size", "learning_rate", "seed",
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class TrainOptions(RunConfig):
    """Options of `wxsphere train`.

    Attributes:
        data: Folder of `wxsphere prepare`.
        out: Folder of the run; an interrupted run is resumed in it.
    """

    data: str = ""
    out: str = ""

    def run_config(self) -> RunConfig:
        """Configuration of the run, without data and folder."""
        return RunConfig(**{field.name: getattr(self, field.name) for field in dataclasses.fields(RunConfig)})


def main(name: str, words: Sequence[str]) -> int:
    """Run the command."""
    options = read_options(name, words)
    data, folder = open_prepared(options.data), Path(options.out)
    calendar = "" if data.calendar == "standard" else f", calendar {data.calendar}"
    command.say(f"{data.path}: {data.grid}, {len(data.training_times)} times for training{calendar}")
    with claimed(folder):
        if not (folder / OPTIONS).exists():
            save_config(folder / OPTIONS, options)
        try:
            model = train(data, options.run_config(), folder)
        except Interrupted:
            command.warn(f"stopped, with a checkpoint in {folder}: the same command resumes")
            raise
        # The folder may have been moved since the run began.
        save_config(folder / OPTIONS, options)
    command.say(f"wrote {folder / MODEL}, {parameter_count(model.network):,} parameters")
    return 0


def read_options(name: str, words: Sequence[str]) -> TrainOptions:
    """Read options from the command line: flags override `--config`, and those of the network override `--preset`."""
    return command.parse_with_config(
        TrainOptions,
        f"wxsphere {name}",
        words,
        command.Help(TrainOptions, TEXT, _COMMON),
        lambda path: load_config(path, TrainOptions),
        lambda options, preset: dataclasses.replace(options, network=network_config(preset)),
        ("data", "out"),
    )
