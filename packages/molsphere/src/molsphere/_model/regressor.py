"""The network from molecules to properties, and its configuration."""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import Any, Literal, get_args

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from spinharm import Grid
from spinnn import BlockOptions, SpinResNet
from spinnn.checks import block_sizes, size

from .. import _checks
from .._molecules.batch import Molecules, check_batch
from .._perceptron import each, make_mlp
from .._spheres import gaussian
from .._spheres.coulomb import CoulombRepresentation
from .._spheres.radial import QM9_SPECIES, RadialBasis
from .._spheres.representation import Representation
from .aggregation import displacements, one_hot
from .heads import DeepSetsHead, HeadConfig, TransformerHead, make_head

RepresentationKind = Literal["coefficients", "grid", "cohen"]
GridKind = Literal["square", "gauss"]

# Gaussians of the distance to the center of mass: their number, and the largest center [Å].
_RADIAL, _RADIAL_REACH = 8, 7.0
_LARGEST_OVERSAMPLING, _MOST_INTERACTIONS = 16, 100


@dataclasses.dataclass(frozen=True)
class MessageConfig:
    """Messages between atoms after an interaction: learned values, from a perceptron of one hidden layer.

    Attributes:
        channels: Values of each atom.
        width: Width of the hidden layer.
        powers: Powers in the radial basis: exponents of the inverse distance, without charges.
        gaussians: Gaussians in the radial basis, (center, width) [Å]; see `RadialBasis`.

    Examples:
        >>> from molsphere import MessageConfig
        >>> MessageConfig(channels=8, powers=(1,), gaussians=((1.1, 0.3),)).width
        64
    """

    channels: int = 16
    width: int = 64
    powers: tuple[int | float, ...] = (1,)
    gaussians: tuple[tuple[float, float], ...] = dataclasses.field(
        default=((1.1, 0.3), (1.6, 0.4), (2.4, 0.5)), metadata={"formerly": "shells"}
    )

    def __post_init__(self) -> None:
        for name in ("channels", "width"):
            size(name, getattr(self, name))
        _checks.radial_functions(self.powers, self.gaussians)


@dataclasses.dataclass(frozen=True)
class RegressorConfig:
    """A network from molecules to properties; the defaults are the paper's for QM9's energies.

    Attributes:
        outputs: Properties predicted at once.
        species: Atomic numbers.
        representation: `"coefficients"` (closed form), `"grid"` (the paper's), `"cohen"` (Cohen et al. 2018).
        powers: Powers in the radial basis of the representation: exponents of the inverse distance.
        gaussians: Gaussians in the radial basis, (center, width) [Å]; see `RadialBasis`.
        interactions: Number of interactions. The spheres of the first one show the species of the other atoms, those of
            each further one also values that a perceptron makes of their features (`messages`).
        messages: Messages of further interactions.
        cutoff_angle: Angle at which 5 % of a Gaussian is left [radians].
        feature_scale: Divisor of each channel of the representation; default 1. `measure_feature_scale` measures values
            that give all channels the same root mean square.
        bandlimits: Degrees of the input and of the first block, and of each further block.
        grid: `"square"`: the paper's n×n with poles, n = 2 L; `"gauss"`: Gauss-Legendre.
        oversampling: Ratio of the degrees that a Gauss grid resolves to those of its block.
        widths: Channels of each block.
        num_filter_params: Knots of each block's filters; None for one weight per degree.
        spins: Spins of the features.
        block: Options of all blocks.
        embedding: Size of the learned embedding of an atom's species.
        distance: Whether an atom's distance to the center of mass is among its features.
        head: The head.
        remat: Recompute activations within blocks in the backward pass instead of storing them.

    References:
        Esteves, Slotine, Makadia, Scaling Spherical CNNs (2023), sections 5.1 and A.1.1.

    Examples:
        >>> from molsphere import RegressorConfig
        >>> config = RegressorConfig(species=(1, 6, 8), powers=(2,), gaussians=((1.1, 0.3),), interactions=2)
        >>> config.channels, config.channels_of_interaction(1)
        (6, 70)
        >>> config.make_grid(4).shape
        (8, 8)
        >>> config.make_representation().radial.gaussians
        ((1.1, 0.3),)
    """

    outputs: int = 1
    species: tuple[int, ...] = QM9_SPECIES
    representation: RepresentationKind = "coefficients"
    powers: tuple[int | float, ...] = (2, 6)
    gaussians: tuple[tuple[float, float], ...] = dataclasses.field(default=(), metadata={"formerly": "shells"})
    interactions: int = dataclasses.field(default=1, metadata={"formerly": "passes"})
    messages: MessageConfig = MessageConfig()
    cutoff_angle: float = math.pi / 4
    feature_scale: tuple[float, ...] | None = None
    bandlimits: tuple[int, ...] = (16, 16, 8, 8, 4, 4)
    grid: GridKind = "square"
    oversampling: float = 1.0
    widths: tuple[int, ...] = (64, 64, 128, 128, 256, 256)
    num_filter_params: tuple[int | None, ...] = (8, 8, 8, 8, 4, 4)
    spins: tuple[int, ...] = (0, 1)
    block: BlockOptions = BlockOptions()
    embedding: int = 16
    distance: bool = True
    head: HeadConfig = dataclasses.field(default=HeadConfig())
    remat: bool = False

    def __post_init__(self) -> None:
        for name, allowed in (("representation", RepresentationKind), ("grid", GridKind)):
            _checks.option(name, getattr(self, name), get_args(allowed))
        for name in ("bandlimits", "widths", "num_filter_params"):
            _checks.entries(name, getattr(self, name), "integers, one per block")
        if not self.bandlimits or len({len(self.bandlimits), len(self.widths), len(self.num_filter_params)}) != 1:
            raise ValueError(
                "`bandlimits`, `widths` and `num_filter_params` must have one entry per block, got "
                f"{self.bandlimits}, {self.widths}, {self.num_filter_params}"
            )
        block_sizes(self.bandlimits, self.widths, self.num_filter_params, self.spins)
        if not 1 <= _checks.number("oversampling", self.oversampling) <= _LARGEST_OVERSAMPLING:
            raise ValueError(f"`oversampling` must be 1 … {_LARGEST_OVERSAMPLING}, got {self.oversampling}")
        for name in ("outputs", "embedding"):
            size(name, getattr(self, name))
        _checks.species_tuple(self.species)
        gaussian.variance(self.cutoff_angle)
        for name, kind in (("messages", MessageConfig), ("block", BlockOptions), ("head", HeadConfig)):
            _checks.instance(name, getattr(self, name), kind, f"of type {kind.__name__}")
        for name in ("distance", "remat"):
            _checks.flag(name, getattr(self, name))
        self._check_channels()

    def _check_channels(self) -> None:
        if self.representation == "cohen":
            if self.gaussians or _checks.count("interactions", self.interactions, most=_MOST_INTERACTIONS) > 1:
                raise ValueError(
                    "`representation` must be 'coefficients' or 'grid' with `gaussians` or several `interactions`, got "
                    "'cohen'"
                )
        else:
            _checks.radial_functions(self.powers, self.gaussians)
            _checks.count("interactions", self.interactions, most=_MOST_INTERACTIONS)
        if self.feature_scale is None:
            return
        scale = _checks.entries("feature_scale", self.feature_scale, "positive numbers, one per channel")
        if len(scale) != self.channels or not all(_checks.number("feature_scale", x) > 0 for x in scale):
            raise ValueError(
                f"`feature_scale` must be {self.channels} positive numbers, one per channel, got {self.feature_scale}"
            )

    def make_representation(self, interaction: int = 0) -> Representation | CoulombRepresentation:
        """The representation that is the network's input in an interaction.

        Args:
            interaction: 0 for that of the species; above 0 for that of the messages, which is concatenated to it.

        Returns:
            The representation, with a grid if the network's input is on one, else with a bandlimit.

        Examples:
            >>> from molsphere import RegressorConfig
            >>> RegressorConfig(species=(1, 6, 8)).make_representation().channels
            6
        """
        bandlimit = self.bandlimits[0]
        if self.representation == "cohen":
            return CoulombRepresentation(self.make_grid(bandlimit), self.species)
        basis: RegressorConfig | MessageConfig = self.messages if interaction else self
        places: dict[str, Any] = (
            {"grid": self.make_grid(bandlimit)} if self.representation == "grid" else {"bandlimit": bandlimit}
        )
        radial = RadialBasis(basis.powers, basis.gaussians)
        return Representation(self.species, radial, cutoff_angle=self.cutoff_angle, **places)

    @property
    def channels(self) -> int:
        """Channels of the representation."""
        return len(self.species) * (1 if self.representation == "cohen" else len(self.powers) + len(self.gaussians))

    def channels_of_interaction(self, number: int) -> int:
        """Number of channels of the spheres in an interaction, counted from 0.

        Raises:
            TypeError: A number that is not an integer.
            ValueError: A number below 0.
        """
        _checks.integer("number", number, 0)
        messages = self.messages
        learned = messages.channels * (len(messages.powers) + len(messages.gaussians))
        return self.channels + learned * (number > 0)

    def make_grid(self, bandlimit: int) -> Grid:
        """The grid of a block.

        Raises:
            TypeError: A bandlimit that is not an integer.
            ValueError: A bandlimit that is not 1 … 4,096.
        """
        _checks.degrees("bandlimit", bandlimit)
        if self.grid == "square":
            return Grid.equiangular(2 * bandlimit, 2 * bandlimit)
        return Grid.gauss_legendre(math.ceil(self.oversampling * bandlimit))


class SphereRegressor(eqx.Module):
    """A `SpinResNet` on the spheres of all atoms, pooled to invariant features per atom, and a head over atoms.

    With several interactions there is a `SpinResNet` for each: the atoms' features after one are shown on the spheres
    of the next, as in message passing. The head gets the features of all interactions.

    Predictions are invariant to translations and the order of atoms, and to rotations up to the error of the
    activations on their grids. Norms use statistics over all atoms of a batch without padding.

    Examples:
        >>> import numpy as np
        >>> from molsphere import Molecule, RegressorConfig, SphereRegressor, pad_molecules
        >>> water = Molecule(np.array([8, 1, 1]), np.array([[0, 0, 0.12], [0, 0.76, -0.48], [0, -0.76, -0.48]]))
        >>> import equinox as eqx
        >>> import jax
        >>> config = RegressorConfig(species=(1, 8), bandlimits=(2,), widths=(2,), num_filter_params=(None,))
        >>> network, state = eqx.nn.make_with_state(SphereRegressor)(config, key=jax.random.key(0))
        >>> network.represent(pad_molecules([water])).shape
        (1, 3, 2, 3, 1, 4)
    """

    backbones: tuple[SpinResNet, ...]
    messages: tuple[eqx.nn.MLP, ...]
    embedding: Float[Array, "species embedding"]
    head: DeepSetsHead | TransformerHead
    config: RegressorConfig = eqx.field(static=True)

    def __init__(self, config: RegressorConfig, *, key: PRNGKeyArray) -> None:
        """Make a network; create it with `equinox.nn.make_with_state`.

        Args:
            config: Configuration of the network.
            key: Random key.

        Raises:
            TypeError: Anything other than a configuration.
            ValueError: Options out of range.
        """
        _checks.instance("config", config, RegressorConfig, "of type RegressorConfig")
        self.config = config
        grids = [config.make_grid(L) for L in config.bandlimits]
        first, second, third = jax.random.split(key, 3)
        make_backbone = functools.partial(
            SpinResNet,
            (0,),
            grid_in=None if config.representation == "coefficients" else grids[0],
            grids=grids,
            widths=config.widths,
            spins=config.spins,
            bandlimits=config.bandlimits,
            num_filter_params=config.num_filter_params,
            options=config.block,
            remat=config.remat,
        )
        pooled = len(config.spins) * config.widths[-1]
        backbones, messages = [], []
        for number, key in enumerate(jax.random.split(first, config.interactions)):
            one, other = jax.random.split(key)
            if number:
                known, shown = number * pooled + config.embedding, config.messages
                messages.append(make_mlp(known, shown.channels, shown.width, 1, key=other))
            backbones.append(make_backbone(config.channels_of_interaction(number), key=one))
        self.backbones, self.messages = tuple(backbones), tuple(messages)
        self.embedding = jax.random.normal(second, (len(config.species), config.embedding))
        features = config.interactions * pooled + config.embedding + _RADIAL * config.distance
        self.head = make_head(config.head, features, config.outputs, config.species, key=third)

    def represent(self, molecules: Molecules) -> Array:
        """The spheres of all atoms: coefficients, or maps on the first block's grid.

        Raises:
            TypeError: Anything other than a padded batch.
            ValueError: As in a call.
        """
        check_batch(molecules)
        return represent(self.config, molecules)

    def __call__(self, molecules: Molecules, state: eqx.nn.State) -> tuple[Float[Array, "*batch output"], eqx.nn.State]:
        """Predict.

        Args:
            molecules: A padded batch.
            state: Running statistics of the norms.

        Returns:
            Outputs, shape (*batch, outputs), and the new state.

        Raises:
            TypeError: Anything other than a padded batch and a state.
            ValueError: Arrays of inconsistent shapes, and for concrete values, positions that are not finite or species
                that the network does not know.
        """
        check_batch(molecules)
        config, mask = self.config, jnp.asarray(molecules.mask)
        species = jnp.matmul(one_hot(molecules, config.species), self.embedding, precision="highest")
        features, seen = [species], self.represent(molecules)
        x = seen
        for number, backbone in enumerate(self.backbones):
            if number:
                values = each(self.messages[number - 1], jnp.concatenate(features, -1))
                x = jnp.concatenate([seen, _spheres(config.make_representation(number), molecules, values)], -1)
            pooled, state = backbone.pooled(x, state, mask=mask)
            features.append(pooled.reshape(*mask.shape, math.prod(pooled.shape[-2:])))
        if config.distance:
            features.append(_radial(displacements(molecules)))
        features = jnp.where(mask[..., None], jnp.concatenate(features, -1), 0)
        return self.head(features, molecules), state


def represent(config: RegressorConfig, molecules: Molecules) -> Array:
    """The input of a network with the given configuration."""
    x = _spheres(config.make_representation(), molecules)
    return x if config.feature_scale is None else x / np.asarray(config.feature_scale, x.real.dtype).astype(x.dtype)


def _spheres(
    representation: Representation | CoulombRepresentation,
    molecules: Molecules,
    values: Float[Array, "*batch atoms value"] | None = None,
) -> Array:
    arrays, mask = (molecules.positions, molecules.numbers), molecules.mask
    if isinstance(representation, CoulombRepresentation):
        return representation.maps(*arrays, mask=mask)
    evaluate = representation.coefficients if representation.grid is None else representation.maps
    return evaluate(*arrays, values=values, mask=mask)


def measure_feature_scale(config: RegressorConfig, molecules: Molecules) -> tuple[float, ...]:
    """Root mean square of each channel over atoms and sphere, for `RegressorConfig.feature_scale`.

    Channels of high powers are small except near other atoms; dividing by this gives all channels the same scale.

    Args:
        config: Configuration of the network; its `feature_scale` is ignored.
        molecules: Molecules of the training split; a few hundred are enough.

    Returns:
        One number per channel; 1 for a channel that is zero throughout.

    Raises:
        TypeError: Anything other than a configuration and a padded batch.
        ValueError: No atoms.

    Examples:
        >>> import numpy as np
        >>> from molsphere import Molecule, RegressorConfig, measure_feature_scale, pad_molecules
        >>> water = Molecule(np.array([8, 1, 1]), np.array([[0, 0, 0.12], [0, 0.76, -0.48], [0, -0.76, -0.48]]))
        >>> sizes = {"bandlimits": (2,), "widths": (2,), "num_filter_params": (None,)}
        >>> config = RegressorConfig(species=(1, 8), powers=(2,), **sizes)
        >>> [round(scale, 3) for scale in measure_feature_scale(config, pad_molecules([water]))]
        [0.015, 0.014]
    """
    _checks.instance("config", config, RegressorConfig, "of type RegressorConfig")
    check_batch(molecules)
    if not np.any(molecules.mask):
        raise ValueError(
            f"`molecules` must hold at least one atom, got none in a batch of shape {molecules.mask.shape}"
        )
    x = represent(dataclasses.replace(config, feature_scale=None), molecules)
    weights = (
        np.float32(1) if config.representation == "coefficients" else config.make_grid(config.bandlimits[0]).weights
    )
    power = x.real**2 + x.imag**2
    if config.representation != "coefficients":
        power = power * np.asarray(weights, power.dtype)[:, None, None, None]
    total = np.asarray(power.sum((-4, -3, -2)), np.float64)[np.asarray(molecules.mask)].mean(0) / (4 * np.pi)
    return tuple(float(x) for x in np.where(total > 0, np.sqrt(total), 1.0))


def _radial(displacement: Float[Array, "*batch atoms 3"]) -> Float[Array, "*batch atoms radial"]:
    """Gaussians of the distance to the center of mass, as wide as their spacing."""
    centers = np.linspace(0, _RADIAL_REACH, _RADIAL, dtype=np.float32)
    squared = (displacement**2).sum(-1, keepdims=True)
    positive = squared > 0
    distance = jnp.where(positive, jnp.sqrt(jnp.where(positive, squared, 1)), 0)
    spacing = np.float32(_RADIAL_REACH / (_RADIAL - 1))
    return jnp.exp(-(((distance - centers.astype(distance.dtype)) / spacing.astype(distance.dtype)) ** 2) / 2)
