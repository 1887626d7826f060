"""Options of `molsphere train`, and the run that follows from them."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any, Literal

from spinnn import checks
from spinnn.training import TrainingConfig, moved, to_json

from .. import _checks
from .._data.splits import Splits, qm9_splits, random_splits
from .._data.targets import TARGETS
from .._model.aggregation import Reduction, Weighting
from .._model.presets import NETWORKS
from .._model.regressor import HeadConfig, HeadKind, RegressorConfig
from .._molecules.distances import LengthUnit
from .train import TRAINING, RunConfig

_TRAINING = dataclasses.replace(TRAINING, checkpoint_every=None)
_OPTIMIZER = ("learning_rate", "warmup_epochs", "final_fraction", "weight_decay", "clip_norm", "ema_decay")
# Where the options of earlier files are now.
_PLACES = {
    **{name: f"training.{name}" for name in ("epochs", "seed", "checkpoint_every", "log_every", "tensorboard")},
    "optimizer": "training.optimizer.name",
    **{name: f"training.optimizer.{name}" for name in _OPTIMIZER},
}


@dataclasses.dataclass(frozen=True)
class TrainOptions(RunConfig):
    """A training run as its command line or JSON file describes it.

    Attributes:
        data: QM9 as .npz, .tar.bz2 or folder, or a file of molecules (.xyz, .extxyz, .sdf, .csv) with a column per
            target.
        targets: Properties to learn, by name.
        out: The run's folder. The same command again goes on where it stopped.
        units: Units of the targets; default what the file says.
        length_unit: Unit of the positions in the file; default Å, and files that do not look like it are refused.
        uncharacterized: Of QM9: the file that lists the molecules to leave out, or `none` to keep all; default
            uncharacterized.txt beside the data.
        preset: Network by name; `--network.*` changes parts of it.
        split: `cormorant` and `110k` are QM9's of the literature. `random` is
            `numpy.random.default_rng(split_seed).permutation(N)` cut by `sizes` into training, validation, test.
        sizes: Training, validation and test molecules of `random`; default 80 %, 10 %, the rest.
        split_seed: Seed of `random`.
        head: Default `transformer` for alpha and r2 in the preset paper, else what the preset has.
        weighting: Of atoms in the sum; default `displacement` for mu, `distance` for r2, else `type`.
        reduction: Default `mean` for homo, lumo and gap, else `sum`.
        plots: Draw the plots at the end, if matplotlib is installed.
        training: Epochs, optimiser, checkpoints, each with errors on the validation split. Its options are keywords,
            too, by the names of their flags, as in `TrainOptions(epochs=20, learning_rate=1e-3)`.
        network: The network; its outputs, species, head kind, weighting and reduction are set from the rest.

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

    data: str = ""
    targets: tuple[str, ...] = ()
    out: str = ""
    units: tuple[str, ...] = ()
    length_unit: LengthUnit | None = None
    uncharacterized: str | None = None
    preset: Literal["paper", "small", "tiny"] = "tiny"
    split: Literal["random", "cormorant", "110k"] = "random"
    sizes: tuple[int, int, int] | None = None
    split_seed: int = 0
    head: HeadKind | None = None
    weighting: Weighting | None = None
    reduction: Reduction | None = None
    plots: bool = True
    training: TrainingConfig = dataclasses.field(default=_TRAINING, metadata={"flag": ""})
    network: RegressorConfig = NETWORKS["tiny"]

    @classmethod
    def upgraded(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Read what files of earlier versions hold: options of training by names of their own.

        Args:
            values: What a file holds, JSON types.

        Returns:
            The same as this version writes it.

        Raises:
            ValueError: An option by both names.
        """
        return moved(values, _PLACES, {"training": to_json(_TRAINING)})

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.integer_members(self, {"split_seed": 0})
        for size in self.sizes or ():
            _checks.integer("sizes", size, 0)
        if self.sizes and not self.sizes[0]:
            raise ValueError(f"`sizes` must leave molecules to train on, got {self.sizes}")

    def make_splits(self, total: int) -> Splits:
        """The parts of that many molecules.

        Args:
            total: Number of molecules.

        Returns:
            The parts.

        Raises:
            TypeError: A number that is not an integer.
            ValueError: Sizes that do not fit, or QM9's split of other data.
        """
        total = _checks.integer("total", total, 0)
        if self.split != "random":
            return qm9_splits(self.split, total)
        if self.sizes is None:
            train, validation = total * 8 // 10, total // 10
            return random_splits(total, train, validation, seed=self.split_seed)
        return random_splits(total, *self.sizes, seed=self.split_seed)

    def run_config(self, steps_per_epoch: int) -> RunConfig:
        """The run.

        Args:
            steps_per_epoch: Batches per epoch, for the default of `checkpoint_every`.

        Returns:
            The run, as `train` takes it.

        Raises:
            TypeError: A number that is not an integer.
            ValueError: Options out of range, or targets that want different heads.
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
        """The network's head, as the targets want it unless the options say.

        Returns:
            The preset's head of the kind, weighting and reduction chosen.

        Raises:
            ValueError: Targets that want different heads.
        """
        chosen = {}
        for name in ("kind", "weighting", "reduction"):
            option = "head" if name == "kind" else name
            if (given := getattr(self, option)) is not None:
                chosen[name] = given
                continue
            wanted = {t: getattr(self._head_of(t), name) for t in self.targets}
            if len(set(wanted.values())) > 1:
                told = ", ".join(f"{t}: {choice}" for t, choice in wanted.items())
                raise ValueError(
                    f"`targets` must want one {option}, got {told}; train them one by one, or give --{option}"
                )
            chosen[name] = next(iter(wanted.values()))
        return dataclasses.replace(self.network.head, **chosen)

    def _head_of(self, name: str) -> HeadConfig:
        head = self.network.head
        attention = self.preset == "paper" and name in ("alpha", "r2")
        weighting: dict[str, Weighting] = {"mu": "displacement", "r2": "distance"}
        # Orbital energies do not grow with the molecule; μ and ⟨R²⟩ have weights that do.
        intensive = name in TARGETS and not TARGETS[name].extensive and name not in weighting
        return dataclasses.replace(
            head,
            kind="transformer" if attention else head.kind,
            weighting=weighting.get(name, "type"),
            reduction="mean" if intensive else "sum",
        )


_init = TrainOptions.__init__


@functools.wraps(_init)
def _init_with_flags(self: TrainOptions, *values: Any, **named: Any) -> None:
    flags = {name: named.pop(name) for name in _PLACES if name in named and name != "optimizer"}
    _init(self, *values, **named)
    training = self.training
    for name, value in flags.items():
        *_, inner, last = _PLACES[name].split(".")
        if inner == "optimizer":
            optimizer = dataclasses.replace(training.optimizer, **{last: value})
            training = dataclasses.replace(training, optimizer=optimizer)
        else:
            training = dataclasses.replace(training, **{last: value})
    object.__setattr__(self, "training", training)


TrainOptions.__init__ = _init_with_flags
