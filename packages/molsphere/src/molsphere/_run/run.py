"""A run in its folder: options, data, splits, training, evaluation, plots."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from spinnn.files import (
    FileWarning,
    check_digests,
    file_digest,
    read_checked_json,
    well_formed,
    write_checked_json,
)
from spinnn.resume import check_same, claimed
from spinnn.training import from_json, load_config, save_config, to_json

from .. import _checks
from .._data.pipeline import BatchPlan
from .._data.run_data import RunData, read_run_data
from .._data.splits import Splits
from .._data.training_checks import check_splits, check_targets
from .._model.property_model import PropertyModel
from .._molecules.batch import choose_buckets
from .._molecules.distances import LengthUnit
from .evaluation import Evaluation, evaluate
from .loss import check_forces
from .options import TrainOptions
from .train import keep_splits, train

OPTIONS, DATA, SPLITS, MODEL = "options.json", "data.json", "splits.npz", "model.spinnn"
# The data may move, and plots change nothing.
_FREE = ("data", "out", "plots")
Say = Callable[[str], None]


def run_training(
    options: TrainOptions, data: RunData, splits: Splits, *, say: Say = lambda text: None, progress: bool = True
) -> tuple[PropertyModel, Evaluation]:
    r"""Train a model in the folder of the options, or resume there, and evaluate it.

    The folder gets `options.json`, `data.json`, `splits.npz`, the files of `train`, `evaluation.json`,
    `predictions.npz` and, with matplotlib, plots. A folder of the same run is resumed, bit for bit.

    Args:
        options: Options of the run.
        data: Data of the options, as from `read_run_data`.
        splits: Splits of the data; those of the options are `options.make_splits(len(data.molecules))`.
        say: Called with a line of text about each step.
        progress: Show a progress bar on a terminal.

    Returns:
        The model, and its evaluation on all splits.

    Raises:
        TypeError: Anything other than options, data and splits.
        ValueError: No folder, a folder of another run, or an error of `train`; nothing is written then.

    Examples:
        >>> from molsphere import RegressorConfig, TrainOptions, read_run_data, run_training
        >>> from spinnn.training import TrainingConfig
        >>> xyz = "3\nProperties=species:S:1:pos:R:3 energy={}\nO 0 0 0.12\nH 0 0.76 -0.48\nH 0 -0.76 -0.48\n"
        >>> with open("water.extxyz", "w") as file:
        ...     _ = file.write("".join(xyz.format(-76.4 + 0.1 * i) for i in range(3)))
        >>> options = TrainOptions(
        ...     network=RegressorConfig(bandlimits=(2,), widths=(2,), num_filter_params=(None,)),
        ...     training=TrainingConfig(epochs=1),
        ...     data="water.extxyz",
        ...     targets=("energy",),
        ...     units=("eV",),
        ...     sizes=(2, 1, 0),
        ...     out="run",
        ...     plots=False,
        ... )
        >>> data = read_run_data(options.data, options.targets, units=options.units)
        >>> model, evaluation = run_training(options, data, options.make_splits(3), progress=False)
        >>> model.units
        {'energy': 'eV'}
    """
    _checks.instance("options", options, TrainOptions, "of type TrainOptions")
    _checks.instance("data", data, RunData, "of type RunData")
    _checks.instance("splits", splits, Splits, "of type Splits")
    _checks.flag("progress", progress)
    if not options.out:
        raise ValueError("`out` must name the run's folder, got ''")
    if not splits.train.size:
        raise ValueError(f"`sizes` must leave molecules to train on, got {splits}")
    # Before the folder becomes that of this run.
    check_targets(data.values, data.units)
    check_splits(data.molecules, splits)
    check_forces(data.molecules, splits, data.values, options.network)
    folder = Path(options.out)
    sizes = data.molecules.num_atoms[splits.train]
    buckets = choose_buckets(sizes, options.max_buckets)
    steps = BatchPlan.build(sizes, options.batch_size, buckets=buckets).batches_per_epoch
    config = options.run_config(steps)
    with claimed(folder):
        _claim(folder, options, data, splits)
        say(f"training: {splits}; {config.training.epochs} epochs of {steps} steps")
        model = train(data.molecules, data.values, data.units, splits, config, folder, progress=progress)
        _note_files(folder, options, data, (SPLITS, MODEL))
        result = evaluate(model, data.molecules, data.values, indices_by_split(splits))
        result.save(folder)
        if options.plots:
            _draw_all(folder, result, say)
    return model, result


def indices_by_split(splits: Splits) -> dict[str, np.ndarray]:
    """Indices of the molecules by the name of their split."""
    return {"training": splits.train, "validation": splits.validation, "test": splits.test}


def read_runs(
    folders: Sequence[str],
    data: str | None = None,
    length_unit: LengthUnit | None = None,
    uncharacterized: str | None = None,
) -> tuple[RunData, Splits]:
    """Read the data and splits that several runs have in common.

    Args:
        folders: The runs' folders, at least one.
        data: See `read_run`.
        length_unit: See `read_run`.
        uncharacterized: See `read_run`.

    Raises:
        FileNotFoundError: No run in a folder, or no data.
        ValueError: As `read_run`; or runs of different data, targets or splits.
    """
    options, found, splits = read_run(folders[0], data, length_unit, uncharacterized)
    for folder in folders[1:]:
        others = load_config(Path(folder) / OPTIONS, TrainOptions)
        same_data = _known(folder)["fingerprint"] == found.fingerprint()
        if not (same_data and set(others.targets) == set(options.targets)):
            raise ValueError(f"`model` must be runs of the same data and targets, not {folders[0]} and {folder}")
        if not Splits.load(Path(folder) / SPLITS).equals(splits):
            raise ValueError(f"`model` must be runs with the same splits, not {folders[0]} and {folder}")
    return found, splits


def read_options_data(options: TrainOptions) -> RunData:
    """Read the data of a run's options."""
    return read_run_data(
        options.data,
        options.targets,
        options.units,
        length_unit=options.length_unit,
        uncharacterized=options.uncharacterized,
        forces=options.forces,
    )


def read_run(
    folder: str | Path,
    data: str | None = None,
    length_unit: LengthUnit | None = None,
    uncharacterized: str | None = None,
) -> tuple[TrainOptions, RunData, Splits]:
    """Read the options, data and splits of a run.

    Args:
        folder: The run's folder.
        data: Path of its data, if they have moved.
        length_unit: Unit of their positions; default that of the run.
        uncharacterized: The list of molecules of QM9 to leave out, see `read_run_data`; default that of the run.

    Raises:
        FileNotFoundError: No run in the folder, or no data.
        ValueError: Files that cannot be read, or other data.
    """
    folder = Path(folder)
    options = load_config(folder / OPTIONS, TrainOptions)
    known = _known(folder)
    found = read_options_data(
        dataclasses.replace(
            options,
            data=data or options.data,
            length_unit=length_unit or options.length_unit,
            uncharacterized=uncharacterized or options.uncharacterized,
        )
    )
    if known["fingerprint"] != found.fingerprint():
        raise ValueError(f"`data` must be those that the run in {folder} was trained with, got others: {found.source}")
    return options, found, Splits.load(folder / SPLITS)


def _known(folder: str | Path) -> dict[str, Any]:
    """Read `data.json`, and check that options and files of the run are those that it was begun with.

    Raises:
        FileNotFoundError: A file of the run is missing.
        ValueError: A file is damaged or of another run.
    """
    folder = Path(folder)
    known, checked = read_checked_json(folder / DATA)
    if not isinstance(known.get("fingerprint"), str):
        raise ValueError(f"{folder / DATA} must have a string `fingerprint`, got {known.get('fingerprint')!r}")
    if not checked:
        text = f"{folder}: a run of an earlier version, without checksums: damage in it cannot be detected"
        warnings.warn(text, FileWarning, stacklevel=3)
        return known
    with well_formed(folder / DATA, "the list of files"):
        files = dict(known["files"])
        begun_with = to_json(from_json(TrainOptions, dict(known["options"])))
    check_same(folder, begun_with, to_json(load_config(folder / OPTIONS, TrainOptions)), leave_out=_FREE)
    remedy = "take another copy of the folder, or begin an unfinished run again in a new folder"
    other = f"another run: its checksum is not that in {DATA}; {remedy}"
    check_digests(folder, files, lost=f", which {DATA} promises", other=other)
    return known


def _claim(folder: Path, options: TrainOptions, data: RunData, splits: Splits) -> None:
    """Record options, data and splits of a run before it begins; refuse a folder of another run."""
    if (folder / OPTIONS).exists():
        before = to_json(load_config(folder / OPTIONS, TrainOptions))
        check_same(folder, before, to_json(options), leave_out=_FREE)
        if (folder / DATA).exists() and _known(folder)["fingerprint"] != data.fingerprint():
            raise ValueError(f"`data` must be those that the run in {folder} began with, got others: {data.source}")
    keep_splits(folder / SPLITS, splits)
    save_config(folder / OPTIONS, options)
    _note_files(folder, options, data, (SPLITS,))


def _note_files(folder: Path, options: TrainOptions, data: RunData, names: Sequence[str]) -> None:
    """Write `data.json`: options, fingerprint of the data, and checksums of some files of the run."""
    known_by = {"source": data.source, "molecules": len(data.molecules), "fingerprint": data.fingerprint()}
    described = {name: value for name, value in to_json(options).items() if name not in _FREE}
    write_checked_json(
        folder / DATA, {**known_by, "options": described, "files": {name: file_digest(folder / name) for name in names}}
    )


def _draw_all(folder: Path, result: Evaluation, say: Say) -> None:
    from . import plots

    try:
        written = plots.draw_run(folder, result)
    except ModuleNotFoundError as error:
        say(f"no plots: {error}")
        return
    for path in written:
        say(f"wrote {path}")
