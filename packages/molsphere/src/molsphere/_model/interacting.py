"""The interacting network: from molecules to properties."""

from __future__ import annotations

import dataclasses
import math

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from spinnn.checks import size

from .. import _checks
from .._interacting.interaction import Interaction, Spheres
from .._interacting.neighbors import DensePairs, Neighbors
from .._interacting.options import InteractionOptions
from .._molecules.batch import Molecules, check_batch
from .._spheres import pairs
from .._spheres.harmonics import vectors_of_irreps
from .._spheres.radial import QM9_SPECIES
from .aggregation import one_hot
from .heads import DeepSetsHead, HeadConfig, TransformerHead, make_head

_MOST_INTERACTIONS = 100


@dataclasses.dataclass(frozen=True)
class InteractingConfig(InteractionOptions):
    """A network whose atoms exchange spheres, exactly equivariant at every size.

    Attributes:
        outputs: Properties predicted at once.
        species: Atomic numbers.
        interactions: Number of interactions: messages, products, update.
        head: The head.

    Raises:
        TypeError: Something else than numbers and a head.
        ValueError: Options out of range.

    Examples:
        >>> from molsphere import InteractingConfig
        >>> InteractingConfig(species=(1, 6, 8), max_degree=3).channels
        48
    """

    outputs: int = 1
    species: tuple[int, ...] = QM9_SPECIES
    interactions: int = 2
    head: HeadConfig = dataclasses.field(default=HeadConfig(width=64, linear=True))

    def __post_init__(self) -> None:
        super().__post_init__()
        size("outputs", self.outputs)
        _checks.species_tuple(self.species)
        _checks.count("interactions", self.interactions, most=_MOST_INTERACTIONS)
        _checks.instance("head", self.head, HeadConfig, "of type HeadConfig")


class InteractingNetwork(eqx.Module):
    """Atoms exchange spheres: messages, products of spheres on each atom, gates; then a head over atoms.

    An atom has `channels` functions on the sphere, of degrees 0 … l_max. At first they are constants that depend on its
    species; each interaction adds functions of its neighborhood. The head gets the constants of all interactions, which
    are invariant to rotations, and with the weighting `"displacement"` also the functions of degree 1 as vectors, the
    dipoles of atoms. Products of band-limited functions are computed exactly, so predictions change under
    rotations by rounding alone.

    References:
        Batzner et al., E(3)-equivariant graph neural networks (2022); Batatia et al., MACE (2022); Luo, Chen,
        Krishnapriyan, Enabling efficient equivariant operations in the Fourier basis via Gaunt tensor products (2024).

    Examples:
        >>> import equinox as eqx
        >>> import jax
        >>> import numpy as np
        >>> from molsphere import InteractingConfig, InteractingNetwork, Molecule, pad_molecules
        >>> water = Molecule(np.array([8, 1, 1]), np.array([[0, 0, 0.12], [0, 0.76, -0.48], [0, -0.76, -0.48]]))
        >>> config = InteractingConfig(species=(1, 8), max_degree=1, channels=4)
        >>> network, state = eqx.nn.make_with_state(InteractingNetwork)(config, key=jax.random.key(0))
        >>> outputs, state = network(pad_molecules([water]), state)
        >>> outputs.shape
        (1, 1)
    """

    embedding: Float[Array, "species channel"]
    interactions: tuple[Interaction, ...]
    head: DeepSetsHead | TransformerHead
    config: InteractingConfig = eqx.field(static=True)

    def __init__(self, config: InteractingConfig, *, key: PRNGKeyArray) -> None:
        """Make a network.

        Args:
            config: What to build.
            key: Random key.

        Raises:
            TypeError: Something else than a configuration.
        """
        _checks.instance("config", config, InteractingConfig, "of type InteractingConfig")
        self.config = config
        first, second, *keys = jax.random.split(key, 2 + config.interactions)
        self.embedding = jax.random.normal(first, (len(config.species), config.channels))
        self.interactions = tuple(Interaction(config, first=not number, key=key) for number, key in enumerate(keys))
        features = (1 + config.interactions) * config.channels
        vectors = _vectors_of_head(config)
        self.head = make_head(config.head, features, config.outputs, config.species, vectors=vectors, key=second)

    def __call__(self, molecules: Molecules, state: eqx.nn.State) -> tuple[Float[Array, "*batch output"], eqx.nn.State]:
        """Predict.

        Args:
            molecules: A padded batch.
            state: Of no use to this network; what comes in goes out.

        Returns:
            Outputs, shape (*batch, outputs), and the state.

        Raises:
            TypeError: Something else than a padded batch, or a state.
            ValueError: Arrays that do not fit each other, positions that are not finite, or species that the network
                does not know, where they are concrete.
        """
        check_batch(molecules)
        _checks.instance("state", state, eqx.nn.State, "the state that equinox.nn.make_with_state gave")
        pairs.check(molecules.positions, molecules.numbers, molecules.mask, self.config.species)
        batch, atoms = molecules.mask.shape[:-1], molecules.mask.shape[-1]
        flat = Molecules(*(x.reshape(math.prod(batch), *x.shape[len(batch) :]) for x in jax.tree.leaves(molecules)))
        config = self.config
        near = DensePairs.of(flat.positions, flat.mask, config.max_degree, config.make_basis())
        scalars = jnp.matmul(one_hot(flat, config.species), self.embedding, precision="highest")
        features, spheres = self._features(scalars, near)
        features = jnp.where(flat.mask[..., None], features, 0).reshape(*batch, atoms, -1)
        if not _vectors_of_head(config):
            return self.head(features, molecules), state
        vectors = jnp.where(flat.mask[..., None, None], vectors_of_irreps(spheres[1]), 0)
        return self.head(features, molecules, vectors.reshape(*batch, atoms, config.channels, 3)), state

    def _features(self, scalars: Float[Array, "*atoms channel"], near: Neighbors) -> tuple[Array, Spheres]:
        """Each atom's scalars before and after each interaction, and its spheres after the last one.

        Args:
            scalars: Values of the atoms' species.
            near: Their neighbors.
        """
        orders = [2 * degree + 1 for degree in range(1, self.config.max_degree + 1)]
        x = [scalars[None], *(jnp.zeros((count, *scalars.shape), scalars.dtype) for count in orders)]
        found = [scalars]
        for interaction in self.interactions:
            x = interaction(x, near)
            found.append(x[0][0])
        return jnp.concatenate(found, -1), x


def _vectors_of_head(config: InteractingConfig) -> int:
    """Vectors of each atom that the head gets: all spheres of degree 1, for properties with a direction."""
    return config.channels if config.max_degree and config.head.weighting == "displacement" else 0
