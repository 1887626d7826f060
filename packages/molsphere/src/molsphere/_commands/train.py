"""`molsphere train`."""

from __future__ import annotations

from collections.abc import Sequence

from spinnn import command
from spinnn.training import Interrupted, load_config

from .._data.training_checks import check_targets
from .._model.property_model import MODEL_FILE
from .._run.options import TrainOptions
from .._run.report import report
from .._run.run import read_options_data, run_training

TEXT = """Train a model of one or several properties. The same command again resumes a stopped run, bit for bit.

The folder gets options.json, config.json, data.json, splits.npz, metrics.jsonl, checkpoints, model.spinnn,
evaluation.json, predictions.npz and plots. `--config FILE` reads options from JSON, e.g. the options.json of another
run; flags win over it.

examples:
  molsphere train --data data/qm9.npz --targets H --split cormorant --out runs/H
  molsphere train --data data/dsgdb9nsd.xyz.tar.bz2 --targets mu --preset small --sizes 9000 1000 1000 --out runs/mu
  molsphere train --data some.csv --targets logS --units 'log(mol/L)' --out runs/solubility
  molsphere train --data some.extxyz --targets energy --units eV --epochs 50 --network.widths 16 --out runs/e
  molsphere train --data some.extxyz --targets energy --units eV --forces forces --preset interacting --out runs/pes
  molsphere train --config runs/H/options.json --seed 1 --out runs/H-1"""

_COMMON = (
    "data", "targets", "out", "units", "forces", "split", "sizes", "epochs", "batch_size", "learning_rate", "seed",
)  # fmt: skip


def main(name: str, words: Sequence[str]) -> int:
    """Run the command."""
    options = read_options(name, words)
    check_targets(options.targets)
    data = read_options_data(options)
    for problem in data.problems:
        command.warn(f"left out: {problem}")
    splits = options.make_splits(len(data.molecules))
    command.say(data.source)
    try:
        _, result = run_training(options, data, splits, say=command.say)
    except Interrupted:
        command.warn(f"stopped, with a checkpoint in {options.out}: the same command resumes")
        raise
    report(result)
    command.say(f"wrote {options.out}/{MODEL_FILE}")
    return 1 if data.problems else 0


def read_options(name: str, words: Sequence[str]) -> TrainOptions:
    """Read options from the command line: flags override `--preset`, which overrides `--config`."""
    return command.parse_with_config(
        TrainOptions,
        f"molsphere {name}",
        words,
        command.Help(TrainOptions, TEXT, _COMMON),
        lambda path: load_config(path, TrainOptions),
        TrainOptions.with_preset,
        ("data", "out"),
    )
