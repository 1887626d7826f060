"""One interaction: messages between atoms, products of spheres on each atom, an update gated by scalars."""

from __future__ import annotations

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from spinharm import TensorProduct
from spinnn import DegreeLinear, RMSNorm

from .._perceptron import each, make_mlp
from .neighbors import Neighbors, entries_of
from .options import InteractionOptions

# Scales at initialisation: neighbors whose messages add up to a mean square near 1, what the first radial functions are
# multiplied with, the share of messages that are not normalised, and the share of an update in a sphere.
_NEIGHBORS, _RADIAL, _SHARE, _STEP = 8.0, 2.0, 0.5, 0.7
# Products of maps are those of harmonics that are orthonormal; features have harmonics of mean square 1.
_UNIT = math.sqrt(4 * math.pi)

# One array of shape (2l + 1, *atoms, channels) for each degree: layers that act on one degree need no copies.
Spheres = list[Array]


class Interaction(eqx.Module):
    """Spheres of atoms from spheres of atoms.

    Messages to an atom i are sums over its neighbors j of learned radial functions R times harmonics and scalars of the
    neighbor, and times its spheres:

        A_lm(i) = Σ_j R_l(r_ij) Y_lm(ij) (W x_00(j)) + Σ_j R'_l(r_ij) (W_l x_lm(j)),

    so that all that is computed for pairs of atoms are sums. Products of these spheres on the atom see the angles
    between all of its neighbors. Each degree is updated through a gate made of scalars. Every step is exactly
    equivariant.
    """

    radial: Float[Array, "radial values"]
    scalars: Float[Array, "channel channel"]
    spheres: DegreeLinear | None
    message_norm: RMSNorm | None
    factors: tuple[DegreeLinear, ...]
    product_norm: RMSNorm | None
    from_products: DegreeLinear | None
    from_messages: DegreeLinear
    scalar_update: eqx.nn.MLP
    product: TensorProduct | None

    def __init__(self, config: InteractionOptions, *, first: bool, key: PRNGKeyArray) -> None:
        """Make an interaction; in the first one, atoms have scalars alone."""
        keys = iter(jax.random.split(key, 8 + config.order))
        top, channels = config.max_degree, config.channels

        def linear() -> DegreeLinear:
            return DegreeLinear(top, channels, channels, key=next(keys))

        carries = config.spheres and not first
        values = (top + 1) * channels * (2 if carries else 1)
        self.radial = _RADIAL * jax.random.normal(next(keys), (config.radial, values)) / math.sqrt(config.radial)
        self.scalars = jax.random.normal(next(keys), (channels, channels)) / math.sqrt(channels)
        self.spheres = linear() if carries else None
        self.message_norm = RMSNorm(top, channels) if config.norm == "rms" else None
        paths, multiplied = config.products, config.products != "none"
        self.factors = tuple(linear() for _ in range(config.order if multiplied else 0))
        self.product = None if paths == "none" else TensorProduct(top, top, top, paths=paths)
        self.product_norm = RMSNorm(top, channels) if multiplied and config.norm == "rms" else None
        self.from_products = linear() if multiplied else None
        self.from_messages = linear()
        gates = (top + 2) * channels
        self.scalar_update = make_mlp((2 + multiplied) * channels, gates, 2 * channels, 1, key=next(keys))

    def __call__(self, x: Spheres, near: Neighbors) -> Spheres:
        """The spheres of atoms after the interaction, one array of shape (2l + 1, *atoms, channels) for each degree."""
        messages = self._messages(x, near)
        known, updates = [x[0][0], messages[0][0]], self.from_messages.by_degree(messages)
        if self.from_products is not None:
            product = self._products(messages)
            known.append(product[0][0])
            updates = [a + b for a, b in zip(updates, self.from_products.by_degree(product), strict=True)]
        return self._updated(x, updates, jnp.concatenate(known, -1))

    def _messages(self, x: Spheres, near: Neighbors) -> Spheres:
        """Sums over neighbors."""
        degrees, channels = len(x), x[0].shape[-1]
        scale = _NEIGHBORS**-0.5 * (_SHARE if self.message_norm is None else 1)
        radial = self.radial.reshape(len(self.radial), -1, channels) * np.asarray(scale, x[0].dtype)
        scalars = near.at_neighbors(jnp.matmul(x[0][0], self.scalars, precision="highest"))
        parts = [near.sum_harmonics(degree, radial[:, degree], scalars) for degree in range(degrees)]
        if self.spheres is not None:
            carried = self.spheres.by_degree(x)
            for degree in range(degrees):
                parts[degree] += near.sum_spheres(radial[:, degrees + degree], carried[degree])
        return parts if self.message_norm is None else self.message_norm.by_degree(parts)

    def _products(self, messages: Spheres) -> Spheres:
        """Products of mixtures of messages."""
        assert self.product is not None
        product, *others = (jnp.concatenate(factor.by_degree(messages)) for factor in self.factors)
        for other in others:
            product = self.product.columns(product, other) * np.asarray(_UNIT, product.dtype)
        parts = [product[entries_of(degree)] for degree in range(len(messages))]
        return parts if self.product_norm is None else self.product_norm.by_degree(parts)

    def _updated(self, x: Spheres, updates: Spheres, known: Array) -> Spheres:
        *gates, change = jnp.split(each(self.scalar_update, known), len(x) + 1, -1)
        step = np.asarray(_STEP, known.dtype)
        scalars, *others = (
            one + step * jax.nn.sigmoid(gate) * update for one, gate, update in zip(x, gates, updates, strict=True)
        )
        return [scalars + change, *others]
