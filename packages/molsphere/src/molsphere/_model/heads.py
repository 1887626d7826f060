"""Heads: from the features of a molecule's atoms to its properties."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from spinnn.checks import size

from .._checks import count
from .._molecules.batch import Molecules, check_features
from .aggregation import Aggregation, Reduction, Weighting

_MOST_LAYERS = 1000


def each(layer: Callable[[Array], Array], x: Array) -> Array:
    """A layer of vectors applied along the last axis."""
    out = jax.vmap(layer)(x.reshape(math.prod(x.shape[:-1]), x.shape[-1]))
    return out.reshape(*x.shape[:-1], out.shape[-1])


def make_mlp(
    inputs: int,
    outputs: int,
    width: int,
    depth: int,
    final: Callable[[Array], Array] | None = None,
    *,
    key: PRNGKeyArray,
) -> eqx.nn.MLP:
    """A perceptron of `depth` hidden layers with SiLU, whose functions can be pickled; `final` ends it."""
    return eqx.nn.MLP(inputs, outputs, width, depth, silu, final or _identity, key=key)


def silu(x: Array) -> Array:
    """SiLU, x / (1 + exp(−x)); `jax.nn.silu` itself is a compiled object, which cannot be pickled with a network."""
    return jax.nn.silu(x)


def _identity(x: Array) -> Array:
    return x


class DeepSetsHead(eqx.Module):
    """ρ(aggregate_i φ(f_i)), with φ a network of two layers and ρ one of two layers or a linear map.

    With a linear ρ and a sum over atoms, each atom contributes its share: an extensive property.

    References:
        Zaheer et al., Deep sets (2017); Esteves, Slotine, Makadia, Scaling Spherical CNNs (2023), section 5.1.2.

    Examples:
        >>> import jax
        >>> import jax.numpy as jnp
        >>> import numpy as np
        >>> from molsphere import DeepSetsHead, Molecule, pad_molecules
        >>> water = Molecule(np.array([8, 1, 1]), np.array([[0, 0, 0.12], [0, 0.76, -0.48], [0, -0.76, -0.48]]))
        >>> head = DeepSetsHead(4, 8, 1, species=(1, 8), key=jax.random.key(0))
        >>> head(jnp.ones((1, 3, 4)), pad_molecules([water])).shape
        (1, 1)
    """

    atoms: eqx.nn.MLP
    aggregation: Aggregation
    readout: eqx.nn.MLP

    def __init__(
        self,
        features: int,
        width: int,
        outputs: int,
        *,
        species: tuple[int, ...],
        weighting: Weighting = "type",
        reduction: Reduction = "sum",
        linear: bool = False,
        key: PRNGKeyArray,
    ) -> None:
        """Make a head.

        Args:
            features: Features per atom.
            width: Width of the hidden layers.
            outputs: Properties.
            species: Atomic numbers.
            weighting: See `Aggregation`.
            reduction: See `Aggregation`.
            linear: Whether ρ is linear.
            key: Random key.

        Raises:
            TypeError: A size that is not an integer.
            ValueError: An option out of range.
        """
        first, second = jax.random.split(key)
        for name, value in (("features", features), ("width", width), ("outputs", outputs)):
            size(name, value)
        self.atoms = make_mlp(features, width, width, 1, silu, key=first)
        self.aggregation = Aggregation(weighting, width, species, reduction=reduction)
        self.readout = make_mlp(width, outputs, width, 0 if linear else 1, key=second)

    def __call__(
        self, features: Float[Array, "*batch atoms feature"], molecules: Molecules
    ) -> Float[Array, "*batch output"]:
        """Properties, shape (*batch, outputs), from features of atoms, shape (*batch, atoms, features).

        Raises:
            TypeError: Something else than a padded batch and float32 or float64 features.
            ValueError: Shapes that do not fit.
        """
        check_features(features, molecules, int(self.atoms.in_size))
        return each(self.readout, self.aggregation(each(self.atoms, features), molecules))


class _Layer(eqx.Module):
    """A layer of a transformer with its norms first."""

    first_norm: eqx.nn.LayerNorm
    attention: eqx.nn.MultiheadAttention
    second_norm: eqx.nn.LayerNorm
    feedforward: eqx.nn.MLP

    def __init__(self, width: int, heads: int, *, key: PRNGKeyArray) -> None:
        first, second = jax.random.split(key)
        self.first_norm, self.second_norm = eqx.nn.LayerNorm(width), eqx.nn.LayerNorm(width)
        self.attention = eqx.nn.MultiheadAttention(heads, width, key=first)
        self.feedforward = make_mlp(width, width, 2 * width, 1, key=second)

    def __call__(self, x: Float[Array, "atoms width"], mask: Any) -> Float[Array, "atoms width"]:
        y = jax.vmap(self.first_norm)(x)
        # A padded atom sees itself, so that its attention is a number; nobody sees it.
        seen = mask[None, :] | jnp.eye(x.shape[0], dtype=bool)
        x = x + self.attention(y, y, y, mask=seen)
        return x + jax.vmap(self.feedforward)(jax.vmap(self.second_norm)(x))


class TransformerHead(eqx.Module):
    """Self-attention among the atoms of a molecule, then a `DeepSetsHead`.

    No positions are encoded: atoms are a set. Padded atoms are seen by nobody.

    References:
        Vaswani et al., Attention is all you need (2017); Esteves, Slotine, Makadia, Scaling Spherical CNNs (2023),
        section 5.1.2: four layers and four heads, for α and ⟨R²⟩.

    Examples:
        >>> import jax
        >>> import jax.numpy as jnp
        >>> import numpy as np
        >>> from molsphere import Molecule, TransformerHead, pad_molecules
        >>> water = Molecule(np.array([8, 1, 1]), np.array([[0, 0, 0.12], [0, 0.76, -0.48], [0, -0.76, -0.48]]))
        >>> head = TransformerHead(4, 8, 1, layers=1, heads=2, species=(1, 8), key=jax.random.key(0))
        >>> head(jnp.ones((1, 3, 4)), pad_molecules([water])).shape
        (1, 1)
    """

    embedding: eqx.nn.Linear
    layers: tuple[_Layer, ...]
    head: DeepSetsHead

    def __init__(
        self,
        features: int,
        width: int,
        outputs: int,
        *,
        layers: int = 4,
        heads: int = 4,
        species: tuple[int, ...],
        weighting: Weighting = "type",
        reduction: Reduction = "sum",
        linear: bool = False,
        key: PRNGKeyArray,
    ) -> None:
        """Make a head; the arguments not named here are those of `DeepSetsHead`.

        Args:
            features: Features per atom.
            width: Width of the features between layers, a multiple of `heads`.
            outputs: Properties.
            layers: Layers of attention.
            heads: Heads of each.
            species: Atomic numbers.
            weighting: See `Aggregation`.
            reduction: See `Aggregation`.
            linear: Whether the last map is linear.
            key: Random key.

        Raises:
            TypeError: A size that is not an integer.
            ValueError: An option out of range.
        """
        if size("width", width) % count("heads", heads):
            raise ValueError(f"`width` must be a multiple of `heads`, {heads}, got {width}")
        first, last, *keys = jax.random.split(key, count("layers", layers, most=_MOST_LAYERS) + 2)
        size("features", features)
        self.embedding = eqx.nn.Linear(features, width, key=first)
        self.layers = tuple(_Layer(width, heads, key=k) for k in keys)
        self.head = DeepSetsHead(
            width, width, outputs, species=species, weighting=weighting, reduction=reduction, linear=linear, key=last
        )

    def __call__(
        self, features: Float[Array, "*batch atoms feature"], molecules: Molecules
    ) -> Float[Array, "*batch output"]:
        """Properties, shape (*batch, outputs), from features of atoms, shape (*batch, atoms, features).

        Raises:
            TypeError: Something else than a padded batch and float32 or float64 features.
            ValueError: Shapes that do not fit.
        """
        check_features(features, molecules, int(self.embedding.in_features))
        x = each(self.embedding, features)
        batch, mask = x.shape[:-2], jnp.asarray(molecules.mask)
        count = math.prod(batch)
        x, mask = x.reshape(count, *x.shape[-2:]), mask.reshape(count, mask.shape[-1])
        for layer in self.layers if x.size else ():  # attention among no atoms is undefined
            x = jax.vmap(layer)(x, mask)
        return self.head(x.reshape(*batch, *x.shape[-2:]), molecules)
