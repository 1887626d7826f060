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
from .._data.training_checks import check_parts, check_targets
from .._model.property_model import PropertyModel
from .._molecules.batch import choose_buckets
from .._molecules.distances import LengthUnit
from .evaluation import Evaluation, evaluate
from .options import TrainOptions
from .train import keep_splits, train

OPTIONS, DATA, SPLITS, MODEL = "options.json", "data.json", "splits.npz", "model.spinnn"
# The data may move, and plots change nothing.
_FREE = ("data", "out", "plots")
Say = Callable[[str], None]


def run_training(
    options: TrainOptions, data: RunData, splits: Splits, *, say: Say = lambda text: None, progress: bool = True
) -> tuple[PropertyModel, Evaluation]:
    r"""Train in the folder of the options, or go on there, and evaluate.

    The folder gets `options.json`, `data.json`, `splits.npz`, what `train` writes, `evaluation.json`,
    `predictions.npz` and, with matplotlib, the plots. A folder of the same run is gone on with, bit for bit.

    Args:
        options: What to do.
        data: What `read_run_data` gives for the options' data and targets.
        splits: The parts; those of the options are `options.make_splits(len(data.molecules))`.
        say: Told what is done.
        progress: Show a progress bar on a terminal.

    Returns:
        The model, and its evaluation on all parts.

    Raises:
        TypeError: Something else than options, data and parts.
        ValueError: No folder, a folder of another run, or what `train` raises; nothing is written then.

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
    if not options.out:
        raise ValueError("`out` must name the run's folder, got ''")
    if not splits.train.size:
        raise ValueError(f"`sizes` must leave molecules to train on, got {splits}")
    # Before the folder becomes that of this run.
    check_targets(data.values, data.units)
    check_parts(data.molecules, splits)
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
        result = evaluate(model, data.molecules, data.values, parts_of(splits))
        result.save(folder)
        if options.plots:
            _draw_all(folder, result, say)
    return model, result


def parts_of(splits: Splits) -> dict[str, np.ndarray]:
    """The parts by name."""
    return {"training": splits.train, "validation": splits.validation, "test": splits.test}


def read_runs(
    folders: Sequence[str],
    data: str | None = None,
    length_unit: LengthUnit | None = None,
    uncharacterized: str | None = None,
) -> tuple[RunData, Splits]:
    """The data and parts that several runs have in common.

    Args:
        folders: The runs' folders, at least one.
        data: See `read_run`.
        length_unit: See `read_run`.
        uncharacterized: See `read_run`.

    Raises:
        FileNotFoundError: No run there, or no data.
        ValueError: As `read_run`; or runs of different data, targets or parts.
    """
    options, found, splits = read_run(folders[0], data, length_unit, uncharacterized)
    for folder in folders[1:]:
        others = load_config(Path(folder) / OPTIONS, TrainOptions)
        same_data = _known(folder)["fingerprint"] == found.fingerprint()
        if not (same_data and set(others.targets) == set(options.targets)):
            raise ValueError(f"`model` must be runs of the same data and targets, {folder} is not as {folders[0]}")
        if not Splits.load(Path(folder) / SPLITS).equals(splits):
            raise ValueError(f"`model` must be runs with the same parts, {folder} is not as {folders[0]}")
    return found, splits


def read_options_data(options: TrainOptions) -> RunData:
    """The data that options name."""
    return read_run_data(
        options.data,
        options.targets,
        options.units,
        length_unit=options.length_unit,
        uncharacterized=options.uncharacterized,
    )


def read_run(
    folder: str | Path,
    data: str | None = None,
    length_unit: LengthUnit | None = None,
    uncharacterized: str | None = None,
) -> tuple[TrainOptions, RunData, Splits]:
    """The options, data and parts of a run.

    Args:
        folder: The run's folder.
        data: Where its data are now; default where they were.
        length_unit: Unit of their positions; default that of the run.
        uncharacterized: The list of molecules of QM9 to leave out, see `read_run_data`; default that of the run.

    Raises:
        FileNotFoundError: No run there, or no data.
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
        raise ValueError(f"`data` must be what the run in {folder} was trained with, got another: {found.source}")
    return options, found, Splits.load(folder / SPLITS)


def _known(folder: str | Path) -> dict[str, Any]:
    """By what data, options and parts of a run are known, when they are still those that it was begun with.

    Raises:
        FileNotFoundError: A file of the run is missing.
        ValueError: One is damaged or of another run.
    """
    folder = Path(folder)
    known, checked = read_checked_json(folder / DATA)
    if not isinstance(known.get("fingerprint"), str):
        raise ValueError(f"{folder / DATA} must have a text `fingerprint`, got {known.get('fingerprint')!r}")
    if not checked:
        told = f"{folder}: a run of an earlier version, without checksums: damage in it cannot be noticed"
        warnings.warn(told, FileWarning, stacklevel=3)
        return known
    with well_formed(folder / DATA, "the list of files"):
        files = dict(known["files"])
        begun_with = to_json(from_json(TrainOptions, dict(known["options"])))
    check_same(folder, begun_with, to_json(load_config(folder / OPTIONS, TrainOptions)), leave_out=_FREE)
    remedy = "take another copy of the folder, or, of a run that is not finished, begin it in a new folder"
    other = f"another run: its checksum is not that in {DATA}; {remedy}"
    check_digests(folder, files, lost=f", which {DATA} promises", other=other)
    return known


def _claim(folder: Path, options: TrainOptions, data: RunData, splits: Splits) -> None:
    """Write what the run is before it begins, or refuse a folder that holds another."""
    if (folder / OPTIONS).exists():
        before = to_json(load_config(folder / OPTIONS, TrainOptions))
        check_same(folder, before, to_json(options), leave_out=_FREE)
        if (folder / DATA).exists() and _known(folder)["fingerprint"] != data.fingerprint():
            raise ValueError(f"`data` must be what the run in {folder} began with, got another: {data.source}")
    keep_splits(folder / SPLITS, splits)
    save_config(folder / OPTIONS, options)
    _note_files(folder, options, data, (SPLITS,))


def _note_files(folder: Path, options: TrainOptions, data: RunData, names: Sequence[str]) -> None:
    """Write by what options, data and files of the run are known."""
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
