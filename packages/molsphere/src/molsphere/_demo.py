"""The demonstration that `molsphere demo` runs."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from spinnn.files import replacing
from spinnn.training import OptimizerConfig, TrainingConfig

from ._data import demo_data
from ._data.run_data import read_run_data
from ._files.smiles import from_smiles
from ._files.writers import write_predictions
from ._model.interacting import InteractingConfig
from ._model.property_model import MODEL_FILE
from ._molecules.molecule import Molecule
from ._options.demo import DemoOptions as DemoOptions
from ._run.options import TrainOptions
from ._run.run import run_training

_BATCH, _CHECKPOINTS = 16, 6
_NETWORK = InteractingConfig(channels=24)
_OPTIMIZER = OptimizerConfig("adamw", 3e-3, b2=0.99, weight_decay=0.01, clip_norm=10.0, ema_decay=0.99)
DATA, SUMMARY, PREDICTION = "data.extxyz", "summary.json", "prediction.csv"


def run_demo(given: DemoOptions, *, say: Callable[[str], None] = print) -> dict[str, Any]:
    """Make data, train, compare, predict and plot in one folder; equal seeds give equal results.

    Args:
        given: Options.
        say: Called with a line for each step and its results.

    Returns:
        The summary, which is also in `summary.json`: errors in kcal/mol, times in seconds.

    Raises:
        ValueError: Sizes out of range, a molecule that cannot be predicted, or a folder of another run.
    """
    begun = time.perf_counter()
    asked = from_smiles(given.smiles)  # refused before minutes of training
    if strangers := sorted(set(asked.symbols) - set("HCNOF")):
        raise ValueError(f"`smiles` must be of H, C, N, O, F, which the demo trains with, got {', '.join(strangers)}")
    folder, name, unit = Path(given.out), demo_data.PROPERTY, demo_data.UNIT
    folder.mkdir(parents=True, exist_ok=True)
    chosen = demo_data.choose_smiles(given.molecules, given.seed)
    found, owner = demo_data.geometries(chosen, given.geometries, given.seed)
    energies = np.array([molecule.properties[name] for molecule in found], np.float64)
    _write_data(folder / DATA, found, energies)
    say(f"1. data: {len(found):,} geometries of {len(chosen)} molecules, MMFF94 energies in {unit}: {folder / DATA}")

    data, splits = read_run_data(folder / DATA, [name]), demo_data.demo_splits(owner)
    options = demo_options(given, splits.train.size)
    say(
        f"2. training: {_NETWORK.interactions} interactions of {_NETWORK.channels} spheres per atom, degrees to "
        f"{_NETWORK.max_degree}"
    )
    started = time.perf_counter()
    model, result = run_training(options, data, splits, say=lambda text: say(f"   {text}"))
    seconds = time.perf_counter() - started

    errors = demo_data.baselines(data.molecules, data.values[name], splits)
    errors["molsphere"] = result.summary()[name]["parts"]["test"]["mae"]
    say(f"3. mean absolute error on {splits.test.size} geometries of unseen molecules [{unit}]")
    for what, error in errors.items():
        say(f"   {what:<34}{error:8.2f}")

    predicted = model.predict([asked])[name]
    truth = float(asked.properties["mmff94_energy"])
    write_predictions(folder / PREDICTION, [asked], {name: predicted}, {name: unit})
    say(f"4. {given.smiles}, optimised: predicted {predicted[0]:.1f}, MMFF94 {truth:.1f} {unit}: {folder / PREDICTION}")

    summary = {
        "unit": unit,
        "geometries": len(found),
        "test_errors": errors,
        "smiles": given.smiles,
        "predicted": float(predicted[0]),
        "mmff94": truth,
        "seed": given.seed,
        "epochs": given.epochs,
        "seconds_training": round(seconds, 1),
        "seconds": round(time.perf_counter() - begun, 1),
    }
    with replacing(folder / SUMMARY) as file:
        file.write(json.dumps(summary, indent=1) + "\n")
    say(f"5. {summary['seconds']:.0f} s; summary in {folder / SUMMARY}. Next:")
    say(f"   molsphere predict --smiles 'CC(=O)N' --models {folder / MODEL_FILE}")
    say(f"   molsphere evaluate {folder} --rotations 4")
    say(f"   molsphere plot spheres --smiles '{given.smiles}' --out {folder / 'spheres.png'}")
    return summary


def _write_data(path: Path, molecules: list[Molecule], energies: np.ndarray) -> None:
    """Write the geometries; refuse a folder with others, which belong to another run."""
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder) / path.name
        write_predictions(fresh, molecules, {demo_data.PROPERTY: energies}, {demo_data.PROPERTY: demo_data.UNIT})
        if path.exists() and path.read_bytes() != fresh.read_bytes():
            raise ValueError(f"`out` must be a new folder or that of the same demo; {path} holds other geometries")
    write_predictions(path, molecules, {demo_data.PROPERTY: energies}, {demo_data.PROPERTY: demo_data.UNIT})


def demo_options(given: DemoOptions, molecules: int) -> TrainOptions:
    """The demo's training run.

    Args:
        given: Options of the demo.
        molecules: Molecules of the training split.
    """
    return TrainOptions(
        data=str(Path(given.out) / DATA),
        targets=(demo_data.PROPERTY,),
        out=str(Path(given.out)),
        training=TrainingConfig(
            epochs=given.epochs,
            seed=given.seed,
            optimizer=_OPTIMIZER,
            checkpoint_every=max(given.epochs * molecules // _BATCH // _CHECKPOINTS, 1),
            log_every=10,
        ),
        batch_size=_BATCH,
        max_buckets=given.max_buckets,
        augmentation=False,  # rotated copies are nothing new to it
        preset="interacting",
        network=_NETWORK,
    )
