"""What `molsphere train` is told, and the run that follows from it."""

from __future__ import annotations

import dataclasses
from typing import Literal

from spinnn import checks
from spinnn.training import OptimizerConfig, TrainingConfig

from .. import _checks
from .._data.scaling import Method
from .._data.splits import Splits, qm9_splits, random_splits
from .._data.targets import TARGETS
from .._model.aggregation import Reduction, Weighting
from .._model.presets import PRESETS
from .._model.regressor import HeadConfig, HeadKind, RegressorConfig
from .._molecules.distances import LengthUnit
from .train import RunConfig

_LARGEST_INTERVAL = 1000


@dataclasses.dataclass(frozen=True)
class TrainOptions:
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
        epochs: Passes over the training part.
        batch_size: Molecules per step.
        max_buckets: Most sizes that molecules are padded to; each is compiled once.
        seed: Of the first weights, the order of the batches and the augmentation.
        optimizer: `muon` is for the matrices, AdamW for the rest.
        learning_rate: The largest; warm-up is linear, decay a cosine.
        warmup_epochs: Epochs of warm-up.
        final_fraction: Share of the learning rate left at the end.
        weight_decay: Of `adamw` and `muon`.
        clip_norm: Largest norm of a gradient.
        ema_decay: Decay per step of the average of the weights that becomes the model.
        augmentation: Rotate and reflect molecules at random.
        reference: Subtracted before learning: linear regression on composition, the mean, or nothing.
        loss: Of scaled values.
        head: Default `transformer` for alpha and r2 in the preset paper, else what the preset has.
        weighting: Of atoms in the sum; default `displacement` for mu, `distance` for r2, else `type`.
        reduction: Default `mean` for homo, lumo and gap, else `sum`.
        checkpoint_every: Steps between checkpoints with errors on the validation part; default twenty in a run, or
            every 1,000 steps if that is more often.
        log_every: Steps between lines of metrics.jsonl.
        tensorboard: Also write TensorBoard files.
        plots: Draw the plots at the end, if matplotlib is installed.
        network: The network; its outputs, species, head kind, weighting and reduction are set from the rest.
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
    epochs: int = 100
    batch_size: int = 32
    max_buckets: int = 6
    seed: int = 0
    optimizer: Literal["adam", "adamw", "muon"] = "adam"
    learning_rate: float = 2e-3
    warmup_epochs: float = 1.0
    final_fraction: float = 0.0
    weight_decay: float = 0.0
    clip_norm: float | None = 1.0
    ema_decay: float | None = 0.999
    augmentation: bool = True
    reference: Method = "composition"
    loss: Literal["l1", "l2"] = "l1"
    head: HeadKind | None = None
    weighting: Weighting | None = None
    reduction: Reduction | None = None
    checkpoint_every: int | None = None
    log_every: int = 20
    tensorboard: bool = False
    plots: bool = True
    network: RegressorConfig = PRESETS["tiny"]

    def __post_init__(self) -> None:
        counts = ("epochs", "batch_size", "max_buckets", "checkpoint_every", "log_every")
        checks.integer_members(self, {"seed": 0, "split_seed": 0, **dict.fromkeys(counts, 1)})
        for size in self.sizes or ():
            _checks.integer("sizes", size, 0)
        if self.sizes and not self.sizes[0]:
            raise ValueError(f"`sizes` must leave molecules to train on, got {self.sizes}")
        self._optimizer()

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
        every = self.checkpoint_every
        if every is None:
            every = min(max(self.epochs * steps_per_epoch // 20, 1), _LARGEST_INTERVAL)
        training = TrainingConfig(
            epochs=self.epochs,
            seed=self.seed,
            optimizer=self._optimizer(),
            checkpoint_every=every,
            log_every=self.log_every,
            tensorboard=self.tensorboard,
        )
        network = dataclasses.replace(self.network, head=self.make_head())
        return RunConfig(
            network=network,
            training=training,
            batch_size=self.batch_size,
            max_buckets=self.max_buckets,
            augmentation=self.augmentation,
            reference=self.reference,
            loss=self.loss,
        )

    def _optimizer(self) -> OptimizerConfig:
        names = ("learning_rate", "warmup_epochs", "final_fraction", "weight_decay", "clip_norm", "ema_decay")
        return OptimizerConfig(name=self.optimizer, **{name: getattr(self, name) for name in names})

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
