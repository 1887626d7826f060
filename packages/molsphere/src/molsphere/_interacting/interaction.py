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
from .neighbors import Neighbors
from .options import InteractionOptions

# Neighbors whose messages add up to a mean square near 1, what the first radial functions are multiplied with, and the
# share of an update in a sphere at initialisation.
_NEIGHBORS, _RADIAL, _STEP = 8.0, 2.0, 0.7


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
    message_norm: RMSNorm
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
        self.message_norm = RMSNorm(top, channels)
        paths, multiplied = config.products, config.products != "none"
        self.factors = tuple(linear() for _ in range(config.order if multiplied else 0))
        self.product = None if paths == "none" else TensorProduct(top, top, top, paths=paths)
        self.product_norm = RMSNorm(top, channels) if multiplied else None
        self.from_products = linear() if multiplied else None
        self.from_messages = linear()
        gates = (top + 2) * channels
        self.scalar_update = make_mlp((2 + multiplied) * channels, gates, 2 * channels, 1, key=next(keys))

    def __call__(
        self, x: Float[Array, "entry *atoms channel"], near: Neighbors
    ) -> Float[Array, "entry *atoms channel"]:
        """The spheres of atoms after the interaction."""
        messages = self.message_norm(self._messages(x, near))
        known, update = [x[0], messages[0]], self.from_messages(messages)
        if self.product is not None and self.product_norm is not None and self.from_products is not None:
            product, *others = (factor(messages) for factor in self.factors)
            for other in others:
                product = self.product.columns(product, other)
            product = self.product_norm(product)
            known.append(product[0])
            update = update + self.from_products(product)
        return self._updated(x, update, jnp.concatenate(known, -1))

    def _messages(self, x: Array, near: Neighbors) -> Array:
        channels = x.shape[-1]
        degrees = range(math.isqrt(x.shape[0]))
        weights = jnp.matmul(near.radial.reshape(-1, near.radial.shape[-1]), self.radial, precision="highest")
        weights = weights.reshape(*near.radial.shape[:-1], -1, channels)
        scalars = near.at_neighbors(jnp.matmul(x[0], self.scalars, precision="highest"))
        spheres = None if self.spheres is None else self.spheres(x)
        parts = []
        for degree in degrees:
            entries = slice(degree**2, (degree + 1) ** 2)
            part = near.sum_harmonics(entries, weights[..., degree, :] * scalars)
            if spheres is not None:
                part = part + near.sum_spheres(weights[..., len(degrees) + degree, :], spheres[entries])
            parts.append(part)
        return jnp.concatenate(parts) * np.asarray(_NEIGHBORS**-0.5, x.dtype)

    def _updated(self, x: Array, update: Array, known: Array) -> Array:
        channels, top = x.shape[-1], math.isqrt(x.shape[0]) - 1
        values = each(self.scalar_update, known)
        gates = jax.nn.sigmoid(values[..., : (top + 1) * channels]).reshape(*values.shape[:-1], top + 1, channels)
        degrees = np.repeat(np.arange(top + 1), 2 * np.arange(top + 1) + 1)
        gates = jnp.moveaxis(gates, -2, 0)[degrees]
        x = x + np.asarray(_STEP, x.dtype) * gates * update
        return x.at[0].add(values[..., (top + 1) * channels :])
