"""The loss of a training run, of values and of forces."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PRNGKeyArray

from spinnn.training import l1_loss, l2_loss

from .._data.pipeline import Batch
from .._data.splits import Splits
from .._model.forces import outputs_and_forces
from .._model.interacting import InteractingConfig
from .._model.networks import Network, NetworkConfig
from .._molecules.augment import augment
from .._molecules.dataset import MoleculeSet
from .run_config import RunConfig


def check_forces(data: MoleculeSet, splits: Splits, names: Iterable[str], network: NetworkConfig) -> None:
    """Refuse forces that cannot be learned.

    Raises:
        ValueError: Forces with several properties, with a network whose batch statistics mix molecules, or of no
            molecule of the training split.
    """
    if data.forces is None:
        return
    names = tuple(names)
    if len(names) > 1:
        raise ValueError(f"`values` must be one energy where molecules have forces, got {', '.join(names)}")
    if not isinstance(network, InteractingConfig):
        raise ValueError(
            "`network` must be an InteractingConfig to learn forces, --preset interacting: others have batch "
            f"statistics, which mix molecules in training; got {type(network).__name__}"
        )
    training = data.subset(splits.train).forces
    if training is None or np.isnan(training).all():
        raise ValueError("`data` must have forces in the training split to learn them, got none; use other splits")


def make_loss(config: RunConfig, *, gaps: bool = False, force_scale: float | None = None) -> Callable[..., Any]:
    """The loss of a run for `spinnn.training.fit`: the mean over the values of a batch without NaN.

    With a `force_scale`, by which they are divided, the mean over components of forces without NaN is added.
    """
    measure = l1_loss if config.loss == "l1" else l2_loss

    def loss(
        network: Network, state: eqx.nn.State, batch: Batch, key: PRNGKeyArray
    ) -> tuple[Array, tuple[eqx.nn.State, dict[str, Array]]]:
        molecules, forces = batch.molecules, None

        def move(positions: Array) -> Array:
            return augment(positions, key) if config.augmentation else positions

        if force_scale is None:
            moved = move(jnp.asarray(molecules.positions))
            outputs, state = network(eqx.tree_at(lambda m: m.positions, molecules, moved), state)
        else:
            outputs, forces, state = outputs_and_forces(network, state, molecules, move=move)
        wanted = jnp.stack([batch.targets[name] for name in sorted(batch.targets)], -1)
        weight = jnp.asarray(batch.weight)[:, None]
        if gaps:
            known = ~jnp.isnan(wanted)
            wanted, weight = jnp.where(known, wanted, 0), weight * known.astype(weight.dtype)
        total = measure(outputs, wanted, weight)
        if force_scale is None or forces is None:
            return total, (state, {})
        of_forces = _loss_of_forces(measure, forces, batch, force_scale)
        return total + config.force_weight * of_forces, (state, {"loss_values": total, "loss_forces": of_forces})

    return loss


def _loss_of_forces(measure: Callable[..., Array], forces: Array, batch: Batch, scale: float) -> Array:
    """Mean over the known components of forces of a batch, divided by the scale of the energy."""
    wanted = jnp.asarray(batch.forces) / np.float32(scale)
    known = ~jnp.isnan(wanted)
    return measure(forces, jnp.where(known, wanted, 0), known.astype(forces.dtype))
