"""Energies and forces of a network: one reverse pass over the positions."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

import spinharm

from .._molecules.batch import Molecules
from .networks import Network, NetworkConfig, make_network


def outputs_and_forces(
    network: Network,
    state: eqx.nn.State,
    molecules: Molecules,
    output: int = 0,
    move: Callable[[Array], Array] = lambda positions: positions,
) -> tuple[Float[Array, "batch output"], Float[Array, "batch atoms 3"], eqx.nn.State]:
    """Outputs of a network for a padded batch, minus the gradient of one of them in the positions, and the state.

    Forces of padded atoms are 0. Those of a molecule add up to 0 to rounding, as outputs do not change when it is
    translated; so do their torques with a network that is invariant to rotations.

    Args:
        network: The network.
        state: Its state.
        molecules: A padded batch, shape (batch, atoms).
        output: Which output is the energy.
        move: Applied to positions before the network, such as a rotation; forces are those at the positions before.
    """

    def energy(positions: Array) -> tuple[Array, tuple[Array, eqx.nn.State]]:
        moved = Molecules(molecules.numbers, move(positions), molecules.mask)
        outputs, after = network(moved, state)
        # Each molecule has an output of its own, so that one pass gives the forces of all.
        return outputs[..., output].sum(), (outputs, after)

    positions = jnp.asarray(molecules.positions)
    (_, (outputs, after)), slope = jax.value_and_grad(energy, has_aux=True)(positions)
    return outputs, -slope, after


@functools.lru_cache(maxsize=8)
def compiled_forces(
    config: NetworkConfig, output: int
) -> Callable[[Any, eqx.nn.State, Molecules], tuple[Array, Array]]:
    """One output and its forces in inference mode, as a compiled function of a network's arrays, state and a batch."""
    shapes, _ = eqx.filter_eval_shape(make_network, config)
    _, rest = eqx.partition(eqx.nn.inference_mode(shapes), lambda leaf: isinstance(leaf, jax.ShapeDtypeStruct))

    def run(arrays: Any, state: eqx.nn.State, batch: Molecules) -> tuple[Array, Array]:
        outputs, forces, _ = outputs_and_forces(eqx.combine(arrays, rest), state, batch, output)
        return outputs[..., output], forces

    return spinharm.jit(run)
