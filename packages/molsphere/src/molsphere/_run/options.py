"""Options of `molsphere train`, and the run that they describe."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

from spinnn import checks
from spinnn.training import OptimizerConfig, TrainingConfig, moved, to_json

from .. import _checks
from .._data.splits import Splits, qm9_splits, random_splits
from .._data.targets import TARGETS
from .._model.aggregation import Reduction, Weighting
from .._model.heads import HeadConfig, HeadKind
from .._model.networks import NetworkConfig
from .._model.presets import NETWORKS, network_config
from .._molecules.distances import LengthUnit
from .run_config import TRAINING, RunConfig

_TRAINING = dataclasses.replace(TRAINING, checkpoint_every=None)
# Options of `training` by their flags, as keywords and in option files of earlier versions have them.
_PLACES = {
    field.metadata.get("flag") or field.name: f"training.{inner}{field.name}"
    for kind, inner in ((TrainingConfig, ""), (OptimizerConfig, "optimizer."))
    for field in dataclasses.fields(kind)
}
# Training that suits a network better than the defaults: members of a run, and of its optimiser.
_TRAINING_OF_PRESET: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "interacting": (
        {"batch_size": 16, "augmentation": False},
        {
            "name": "adamw",
            "learning_rate": 3e-3,
            "b2": 0.99,
            "weight_decay": 0.01,
            "clip_norm": 10.0,
            "ema_decay": 0.998,
        },
    )
}


@dataclasses.dataclass(frozen=True)
class _Fields(RunConfig):
    """Fields of `TrainOptions`."""

    data: str = ""
    targets: tuple[str, ...] = ()
    out: str = ""
    units: tuple[str, ...] = ()
    length_unit: LengthUnit | None = None
    uncharacterized: str | None = None
    preset: Literal["paper", "small", "tiny", "interacting"] = "tiny"
    split: Literal["random", "cormorant", "110k"] = "random"
    sizes: tuple[int, int, int] | None = None
    split_seed: int = 0
    head: HeadKind | None = None
    weighting: Weighting | None = None
    reduction: Reduction | None = None
    plots: bool = True
    forces: str | None = dataclasses.field(default=None, metadata={"added": True})
    training: TrainingConfig = dataclasses.field(default=_TRAINING, metadata={"flag": ""})
    network: NetworkConfig = NETWORKS["tiny"]


@dataclasses.dataclass(frozen=True)
class TrainOptions(_Fields):
    """Options of a training run, as on the command line or in a JSON file.

    Attributes:
        data: QM9 as .npz, .tar.bz2 or folder, or a file of molecules (.xyz, .extxyz, .sdf, .csv) with a column per
            target.
        targets: Names of the properties to learn.
        out: The run's folder. The same command resumes a run that was stopped.
        units: Units of the targets; default those in the file.
        length_unit: Unit of the positions in the file; default Å, and files with implausible distances are refused.
        uncharacterized: For QM9: the file that lists the molecules to leave out, or `none` to keep all; default
            uncharacterized.txt beside the data.
        preset: Network by name, on the command line with the training that suits it, see `with_preset`; other options
            change both.
        split: `cormorant` and `110k` are splits of QM9 from the literature. `random` is
            `numpy.random.default_rng(split_seed).permutation(N)` cut by `sizes` into training, validation, test.
        sizes: Numbers of training, validation and test molecules of `random`; default 80 %, 10 %, the rest.
        split_seed: Seed of `random`.
        head: Default `transformer` for alpha and r2 in the preset paper, else the preset's.
        weighting: Weights of the atoms in the sum; default `displacement` for mu, `distance` for r2, else `type`.
        reduction: Default `mean` for homo, lumo and gap, else `sum`.
        plots: Draw plots at the end, if matplotlib is installed.
        forces: Columns of forces in extended XYZ to learn with the one target, an energy, e.g. `forces`, in its unit
            per Å (or per `length_unit`); needs the preset interacting. Default none.
        training: Epochs, optimiser, checkpoints, each with errors on the validation split. Its options are also
            keywords by the names of their flags, as in `TrainOptions(epochs=20, learning_rate=1e-3)`.
        network: The network; outputs, species, head kind, weighting and reduction are set from the other options.

    Examples:
        >>> import dataclasses
        >>> from molsphere import TrainOptions
        >>> options = TrainOptions(data="qm9.npz", targets=("mu",), out="runs/mu", batch_size=16)
        >>> options.make_head().weighting
        'displacement'
        >>> longer = dataclasses.replace(options.training, epochs=200)
        >>> dataclasses.replace(options, training=longer).run_config(steps_per_epoch=50).training.checkpoint_every
        500
        >>> TrainOptions(epochs=200).training == longer
        True
        >>> print(options.make_splits(100))
        80 training, 10 validation, 10 test molecules
        >>> TrainOptions.upgraded({"epochs": 7})["training"]["epochs"]
        7
    """

    def __init__(self, *values: Any, **options: Any) -> None:
        """Make options.

        Args:
            *values: Values of the attributes, in the order of `dataclasses.fields`.
            **options: Values of the attributes by name, and of options of `training` by the names of their flags.

        Raises:
            TypeError: A value of another type, an unknown name, or `training` together with one of its options.
            ValueError: A value out of range.
        """
        flags = {name: options.pop(name) for name in _PLACES if name in options}
        if flags:
            if "training" in options or len(values) > _BEFORE_TRAINING:
                name = next(iter(flags))
                raise TypeError(
                    f"`{name}` must not be given together with `training`, got both; set it there, by "
                    f"dataclasses.replace({_PLACES[name].rpartition('.')[0]}, …)"
                )
            options["training"] = _training(flags)
        super().__init__(*values, **options)

    @classmethod
    def upgraded(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Convert options in the format of earlier versions, with those of `training` beside the others.

        Args:
            values: Options from a file, as JSON types.

        Returns:
            The options in the format of this version.

        Raises:
            TypeError: Anything other than a dictionary.
            ValueError: An option in both formats.
        """
        _checks.instance("values", values, dict, "a dictionary of options by name")
        return moved(values, _PLACES, {"training": to_json(_TRAINING)})

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.integer_members(self, {"split_seed": 0})
        _checks.flag("plots", self.plots)
        if self.forces is not None:
            _checks.instance("forces", self.forces, str, "the name of columns or None")
        for name in ("targets", "units"):
            _checks.texts(name, getattr(self, name))
        if self.sizes is None:
            return
        sizes = [_checks.integer("sizes", size, 0) for size in _checks.entries("sizes", self.sizes, "three integers")]
        if len(sizes) != 3:
            raise ValueError(f"`sizes` must be three integers, training, validation and test, got {self.sizes}")
        if not sizes[0]:
            raise ValueError(f"`sizes` must leave molecules to train on, got {self.sizes}")

    def with_preset(self, name: str) -> TrainOptions:
        """The same options with the network of a preset, and the training that suits it.

        For `"interacting"` that is AdamW with a learning rate of 3e-3, b2 of 0.99, decay of 0.01, clipping at 10, an
        average of weights with a decay of 0.998, batches of 16, and no augmentation, since its predictions are
        invariant to rotations. The other presets change the network alone.

        Args:
            name: One of `NETWORKS`.

        Returns:
            The options.

        Raises:
            ValueError: Another name.

        Examples:
            >>> from molsphere import TrainOptions
            >>> options = TrainOptions(epochs=35).with_preset("interacting")
            >>> options.training.epochs, options.training.optimizer.name, options.batch_size
            (35, 'adamw', 16)
        """
        network = network_config(name)
        members, optimizer = _TRAINING_OF_PRESET.get(name, ({}, {}))
        training = dataclasses.replace(
            self.training, optimizer=dataclasses.replace(self.training.optimizer, **optimizer)
        )
        return dataclasses.replace(self, network=network, preset=name, training=training, **members)

    def make_splits(self, total: int) -> Splits:
        """Split a number of molecules.

        Args:
            total: Number of molecules.

        Returns:
            The splits.

        Raises:
            TypeError: A number that is not an integer.
            ValueError: Sizes that do not fit, or a split of QM9 for other data.
        """
        total = _checks.integer("total", total, 0)
        if self.split != "random":
            return qm9_splits(self.split, total)
        if self.sizes is None:
            train, validation = total * 8 // 10, total // 10
            return random_splits(total, train, validation, seed=self.split_seed)
        return random_splits(total, *self.sizes, seed=self.split_seed)

    def run_config(self, steps_per_epoch: int) -> RunConfig:
        """The configuration of the run, for `train`.

        Args:
            steps_per_epoch: Batches per epoch, for the default of `checkpoint_every`.

        Returns:
            The configuration.

        Raises:
            TypeError: A number that is not an integer.
            ValueError: Options out of range, or targets that need different heads.
        """
        steps_per_epoch = _checks.integer("steps_per_epoch", steps_per_epoch, 1)
        shared = {field.name: getattr(self, field.name) for field in dataclasses.fields(RunConfig)}
        every = self.training.steps_between_checkpoints(steps_per_epoch)
        changed = {
            "network": dataclasses.replace(self.network, head=self.make_head()),
            "training": dataclasses.replace(self.training, checkpoint_every=every),
        }
        return RunConfig(**{**shared, **changed})

    def make_head(self) -> HeadConfig:
        """The network's head: its kind, weighting and reduction from the options, else from the targets.

        Returns:
            The head; its sizes are those of `network.head`.

        Raises:
            ValueError: Targets that need different heads.
        """
        chosen = {}
        for name in ("kind", "weighting", "reduction"):
            option = "head" if name == "kind" else name
            if (given := getattr(self, option)) is not None:
                chosen[name] = given
                continue
            wanted = {t: getattr(self._head_of(t), name) for t in self.targets}
            if len(set(wanted.values())) > 1:
                choices = ", ".join(f"{t}: {choice}" for t, choice in wanted.items())
                raise ValueError(
                    f"`targets` must have the same default {option}, got {choices}; train them one by one, or give "
                    f"--{option}"
                )
            chosen[name] = next(iter(wanted.values()))
        return dataclasses.replace(self.network.head, **chosen)

    def _head_of(self, name: str) -> HeadConfig:
        head = self.network.head
        attention = self.preset == "paper" and name in ("alpha", "r2")
        weighting: dict[str, Weighting] = {"mu": "displacement", "r2": "distance"}
        # Orbital energies are intensive; for μ and ⟨R²⟩ the weights grow with the molecule.
        intensive = name in TARGETS and not TARGETS[name].extensive and name not in weighting
        return dataclasses.replace(
            head,
            kind="transformer" if attention else head.kind,
            weighting=weighting.get(name, "type"),
            reduction="mean" if intensive else "sum",
        )


_BEFORE_TRAINING = [field.name for field in dataclasses.fields(TrainOptions)].index("training")


def _training(flags: dict[str, Any]) -> TrainingConfig:
    """The default training with some options changed, by their flags."""
    changed = moved(flags, _PLACES, {})["training"]
    optimizer = dataclasses.replace(_TRAINING.optimizer, **changed.pop("optimizer", {}))
    return dataclasses.replace(_TRAINING, optimizer=optimizer, **changed)
