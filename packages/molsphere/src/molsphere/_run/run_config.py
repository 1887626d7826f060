"""The configuration of a training run on molecules."""

from __future__ import annotations

import dataclasses
from typing import Literal, get_args

from spinnn.training import OptimizerConfig, TrainingConfig

from .. import _checks
from .._data.scaling import Method
from .._model.networks import NetworkConfig, check_config
from .._model.regressor import RegressorConfig

TRAINING = TrainingConfig(epochs=100, optimizer=OptimizerConfig(learning_rate=2e-3, clip_norm=1.0, ema_decay=0.999))
"""Default epochs, optimiser and checkpoints of a run."""


@dataclasses.dataclass(frozen=True)
class RunConfig:
    """A training run on molecules.

    Attributes:
        network: The network; its `outputs` and `species` are set from the training split, its `feature_scale` measured
            if None.
        training: Epochs, optimiser, checkpoints.
        batch_size: Molecules per step.
        augmentation: Rotate and reflect molecules at random in each step.
        reference: Baseline subtracted from the values before training, see `TargetScaling`.
        loss: `"l1"` or `"l2"`, of scaled values.
        max_buckets: Largest number of sizes that molecules are padded to; each is compiled once, see `choose_buckets`.
        force_weight: Weight of forces in the loss, if the data have any: loss of values + weight × loss of the
            components of forces, both divided by the scale of the energy, lengths in Å.

    Examples:
        >>> from molsphere import RunConfig, network_config
        >>> RunConfig(network=network_config("tiny"), batch_size=16).training.epochs
        100
    """

    network: NetworkConfig = RegressorConfig()
    training: TrainingConfig = dataclasses.field(default=TRAINING, metadata={"flag": ""})
    batch_size: int = 32
    augmentation: bool = True
    reference: Method = "composition"
    loss: Literal["l1", "l2"] = "l1"
    max_buckets: int = 6
    force_weight: float = dataclasses.field(default=10.0, metadata={"added": True})

    def __post_init__(self) -> None:
        check_config("network", self.network)
        _checks.instance("training", self.training, TrainingConfig, "of type TrainingConfig")
        _checks.count("batch_size", self.batch_size)
        _checks.count("max_buckets", self.max_buckets)
        _checks.positive_float("force_weight", self.force_weight)
        _checks.flag("augmentation", self.augmentation)
        _checks.option("reference", self.reference, get_args(Method))
        _checks.option("loss", self.loss, ("l1", "l2"))
