"""Heads of networks: from the features of a molecule's atoms to its properties."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, Literal, get_args

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from spinnn.checks import size

from .. import _checks
from .._molecules.batch import Molecules, check_features
from .._perceptron import each, make_mlp, silu
from .aggregation import Aggregation, Reduction, Weighting
from .vectors import GatedVectors

HeadKind = Literal["deepsets", "transformer"]
_MOST_LAYERS = 1000


@dataclasses.dataclass(frozen=True)
class HeadConfig:
    """Options of the head of a network.

    Attributes:
        kind: `"deepsets"` or `"transformer"`.
        width: Width of its layers; of a transformer a multiple of `heads`.
        layers: Attention layers of a transformer.
        heads: Attention heads of each layer of a transformer.
        weighting: See `Aggregation`.
        reduction: See `Aggregation`.
        linear: Whether the last map is linear, see `DeepSetsHead`.

    Raises:
        TypeError: A size that is not an integer.
        ValueError: Options out of range.

    Examples:
        >>> from molsphere import HeadConfig
        >>> HeadConfig(kind="transformer", width=64).layers
        4
    """

    kind: HeadKind = "deepsets"
    width: int = 256
    layers: int = 4
    heads: int = 4
    weighting: Weighting = "type"
    reduction: Reduction = "sum"
    linear: bool = False

    def __post_init__(self) -> None:
        for name, allowed in (("kind", HeadKind), ("weighting", Weighting), ("reduction", Reduction)):
            _checks.option(name, getattr(self, name), get_args(allowed))
        for name in ("width", "layers", "heads"):
            size(name, getattr(self, name))
        _checks.flag("linear", self.linear)


class DeepSetsHead(eqx.Module):
    """ρ(aggregate_i φ(f_i)), with φ a network of two layers and ρ one of two layers or a linear map.

    With a linear ρ and a sum over atoms, each atom contributes its share: an extensive property. With vectors of atoms,
    the weighting `"displacement"` adds sums of them, gated by functions of f_i, to its sum over atoms.

    References:
        Zaheer et al., Deep sets (2017); Esteves, Slotine, Makadia, Scaling Spherical CNNs (2023), section 5.1.2;
        Schütt, Unke, Gastegger, PaiNN (2021), for vectors.

    Examples:
        >>> import jax
        >>> import jax.numpy as jnp
        >>> import numpy as np
        >>> from molsphere import DeepSetsHead, HeadConfig, Molecule, pad_molecules
        >>> water = Molecule(np.array([8, 1, 1]), np.array([[0, 0, 0.12], [0, 0.76, -0.48], [0, -0.76, -0.48]]))
        >>> head = DeepSetsHead(4, 1, HeadConfig(width=8), species=(1, 8), key=jax.random.key(0))
        >>> head(jnp.ones((1, 3, 4)), pad_molecules([water])).shape
        (1, 1)
    """

    atoms: eqx.nn.MLP
    vectors: GatedVectors | None
    aggregation: Aggregation
    readout: eqx.nn.MLP

    def __init__(
        self,
        features: int,
        outputs: int,
        config: HeadConfig = HeadConfig(),
        *,
        species: tuple[int, ...],
        vectors: int = 0,
        key: PRNGKeyArray,
    ) -> None:
        """Make a head.

        Args:
            features: Features per atom.
            outputs: Number of properties.
            config: Options, of the kind `"deepsets"`; ρ is linear if `linear` is true.
            species: Atomic numbers.
            vectors: Vectors per atom, for the weighting `"displacement"`; 0 for none.
            key: Random key.

        Raises:
            TypeError: A size that is not an integer, or a `config` of another type.
            ValueError: An option out of range, or a `config` of another kind.
        """
        _check_kind(config, "deepsets")
        first, second = jax.random.split(key)
        for name, value in (("features", features), ("outputs", outputs)):
            size(name, value)
        width = config.width
        self.atoms = make_mlp(features, width, width, 1, silu, key=first)
        self.vectors = None
        if _checks.integer("vectors", vectors, 0):
            if config.weighting != "displacement":
                raise ValueError(f"`vectors` must be 0 with the weighting {config.weighting!r}, got {vectors}")
            size("vectors", vectors)
            self.vectors = GatedVectors(features, vectors, width, key=jax.random.fold_in(key, 1))
        self.aggregation = Aggregation(config.weighting, width, species, reduction=config.reduction)
        self.readout = make_mlp(width, outputs, width, 0 if config.linear else 1, key=second)

    def __call__(
        self,
        features: Float[Array, "*batch atoms feature"],
        molecules: Molecules,
        vectors: Float[Array, "*batch atoms channel 3"] | None = None,
    ) -> Float[Array, "*batch output"]:
        """Properties, shape (*batch, outputs), from features of atoms, shape (*batch, atoms, features).

        Args:
            features: Features of the atoms, which do not change under rotations.
            molecules: The padded batch.
            vectors: Vectors of the atoms, which rotate with the molecule, if the head was made for some.

        Raises:
            TypeError: Anything other than a padded batch and float32 or float64 features and vectors.
            ValueError: Shapes that do not fit, or vectors missing or given to a head without.
        """
        check_features(features, molecules, int(self.atoms.in_size))
        directed = self._directed(features, vectors)
        return each(self.readout, self.aggregation(each(self.atoms, features), molecules, directed))

    def _directed(self, features: Array, vectors: Array | None) -> Array | None:
        """The vectors of each feature of the atoms."""
        if self.vectors is None or vectors is None:
            if (self.vectors is None) != (vectors is None):
                wanted = "None: the head was made for none" if self.vectors is None else "the atoms' vectors, got None"
                raise ValueError(f"`vectors` must be {wanted}")
            return None
        _checks.floats("vectors", vectors)
        wanted = (*features.shape[:-1], self.vectors.mixing.shape[0], 3)
        if vectors.shape != wanted:
            raise ValueError(f"`vectors` must have shape {wanted}, got {vectors.shape}")
        return self.vectors(features, vectors)


def make_head(
    config: HeadConfig, features: int, outputs: int, species: tuple[int, ...], *, vectors: int = 0, key: PRNGKeyArray
) -> DeepSetsHead | TransformerHead:
    """The head of a configuration, for atoms with so many vectors."""
    make = TransformerHead if config.kind == "transformer" else DeepSetsHead
    return make(features, outputs, config, species=species, vectors=vectors, key=key)


def _check_kind(config: object, kind: HeadKind) -> None:
    _checks.instance("config", config, HeadConfig, "of type HeadConfig")
    if config.kind != kind:  # pyright: ignore[reportAttributeAccessIssue]
        given = config.kind  # pyright: ignore[reportAttributeAccessIssue]
        raise ValueError(f"`config` must be of the kind {kind!r}, got {given!r}; take the head of that kind")


class _Layer(eqx.Module):
    """A transformer layer with pre-normalisation."""

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
        # A padded atom attends to itself, so that its attention is finite; no other atom attends to it.
        seen = mask[None, :] | jnp.eye(x.shape[0], dtype=bool)
        x = x + self.attention(y, y, y, mask=seen)
        return x + jax.vmap(self.feedforward)(jax.vmap(self.second_norm)(x))


class TransformerHead(eqx.Module):
    """Self-attention among the atoms of a molecule, then a `DeepSetsHead`.

    There is no positional encoding: atoms are a set. Padded atoms are masked.

    References:
        Vaswani et al., Attention is all you need (2017); Esteves, Slotine, Makadia, Scaling Spherical CNNs (2023),
        section 5.1.2: four layers and four heads, for α and ⟨R²⟩.

    Examples:
        >>> import jax
        >>> import jax.numpy as jnp
        >>> import numpy as np
        >>> from molsphere import HeadConfig, Molecule, TransformerHead, pad_molecules
        >>> water = Molecule(np.array([8, 1, 1]), np.array([[0, 0, 0.12], [0, 0.76, -0.48], [0, -0.76, -0.48]]))
        >>> config = HeadConfig("transformer", width=8, layers=1, heads=2)
        >>> head = TransformerHead(4, 1, config, species=(1, 8), key=jax.random.key(0))
        >>> head(jnp.ones((1, 3, 4)), pad_molecules([water])).shape
        (1, 1)
    """

    embedding: eqx.nn.Linear
    layers: tuple[_Layer, ...]
    head: DeepSetsHead

    def __init__(
        self,
        features: int,
        outputs: int,
        config: HeadConfig = HeadConfig("transformer"),
        *,
        species: tuple[int, ...],
        vectors: int = 0,
        key: PRNGKeyArray,
    ) -> None:
        """Make a head.

        Args:
            features: Features per atom.
            outputs: Number of properties.
            config: Options, of the kind `"transformer"`.
            species: Atomic numbers.
            vectors: Vectors per atom, for the weighting `"displacement"`; 0 for none.
            key: Random key.

        Raises:
            TypeError: A size that is not an integer, or a `config` of another type.
            ValueError: An option out of range, or a `config` of another kind.
        """
        _check_kind(config, "transformer")
        width, heads = config.width, config.heads
        if width % _checks.count("heads", heads):
            raise ValueError(f"`width` must be a multiple of `heads`, {heads}, got {width}")
        first, last, *keys = jax.random.split(key, _checks.count("layers", config.layers, most=_MOST_LAYERS) + 2)
        size("features", features)
        self.embedding = eqx.nn.Linear(features, width, key=first)
        self.layers = tuple(_Layer(width, heads, key=k) for k in keys)
        inner = dataclasses.replace(config, kind="deepsets")
        self.head = DeepSetsHead(width, outputs, inner, species=species, vectors=vectors, key=last)

    def __call__(
        self,
        features: Float[Array, "*batch atoms feature"],
        molecules: Molecules,
        vectors: Float[Array, "*batch atoms channel 3"] | None = None,
    ) -> Float[Array, "*batch output"]:
        """Properties, shape (*batch, outputs), from features of atoms, shape (*batch, atoms, features).

        Args:
            features: Features of the atoms, which do not change under rotations.
            molecules: The padded batch.
            vectors: Vectors of the atoms, which rotate with the molecule, if the head was made for some.

        Raises:
            TypeError: Anything other than a padded batch and float32 or float64 features and vectors.
            ValueError: Shapes that do not fit, or vectors missing or given to a head without.
        """
        check_features(features, molecules, int(self.embedding.in_features))
        x = each(self.embedding, features)
        batch, mask = x.shape[:-2], jnp.asarray(molecules.mask)
        count = math.prod(batch)
        x, mask = x.reshape(count, *x.shape[-2:]), mask.reshape(count, mask.shape[-1])
        for layer in self.layers if x.size else ():  # attention over zero atoms is undefined
            x = jax.vmap(layer)(x, mask)
        return self.head(x.reshape(*batch, *x.shape[-2:]), molecules, vectors)
