"""Networks for weather forecasts: those of the paper by name, for any grid and any fields."""

from __future__ import annotations

import dataclasses
from types import MappingProxyType
from typing import Literal, get_args

from jaxtyping import PRNGKeyArray

from spinharm import Grid
from spinnn import BlockOptions, SpinResNet, SpinUNet
from spinnn.checks import block_sizes

from .. import _checks
from .._fields.fields import FieldLayout

NetworkKind = Literal["resnet", "unet"]
GridKind = Literal["square", "gauss"]
OutputKind = Literal["real", "magnitude"]


@dataclasses.dataclass(frozen=True)
class NetworkConfig:
    """Configuration of a network that maps fields to fields.

    Attributes:
        kind: `"resnet"`: a block, residual blocks and a final convolution; `"unet"`: blocks of decreasing and then
            increasing bandlimit, with skip connections between equal bandlimits, and a final convolution.
        bandlimits: Bandlimit of each block.
        widths: Channels of each block, for each spin.
        grid: Grids of the blocks: `"square"`, the n×n grids with poles of the paper, n = 2 L; or `"gauss"`,
            Gauss-Legendre, L×2L, slightly less equivariant and about twice as fast. The data may be on any grid.
        num_filter_params: Number of knots of the filters of each block, interpolated over the degrees; None for a
            weight per degree. A single entry applies to all blocks.
        separable: Whether the convolutions of each block are separable; a single entry applies to all blocks.
        spins: Spins of the features.
        output: How complex features of spin 0 become real outputs: by their real part, or by their magnitude as in the
            paper, which cannot be negative. Ignored if there are winds among the outputs, which are complex.
        block: Options that all blocks share.
        remat: Recompute the activations inside blocks in the backward pass instead of keeping them.

    Raises:
        ValueError: Lists have different lengths, or options are out of range.

    References:
        Esteves, Slotine, Makadia, Scaling Spherical CNNs (2023), sections 5.2 and 5.3, A.1.2 to A.1.4.

    Examples:
        >>> import equinox as eqx
        >>> import jax
        >>> from spinharm import Grid
        >>> from wxsphere import Channel, FieldLayout, NetworkConfig
        >>> config = NetworkConfig("resnet", bandlimits=(4,), widths=(8,), num_filter_params=(None,))
        >>> config.convolutions, config.feature_size, str(config.grid_of(4))
        (1, 1024, '4×8 Gauss-Legendre')
        >>> small = config.scaled(resolution=0.5, channels=0.25)
        >>> small.bandlimits, small.widths
        ((2,), (2,))
        >>> fields = FieldLayout((Channel(("2m_temperature",)),))
        >>> network, state = eqx.nn.make_with_state(small.make)(
        ...     fields, fields, Grid.gauss_legendre(4), key=jax.random.key(0)
        ... )
        >>> type(network).__name__
        'SpinResNet'
    """

    kind: NetworkKind = "unet"
    bandlimits: tuple[int, ...] = (32, 16, 16, 32)
    widths: tuple[int, ...] = (32, 64, 64, 32)
    grid: GridKind = "gauss"
    num_filter_params: tuple[int | None, ...] = (8,)
    separable: tuple[bool, ...] = (False,)
    spins: tuple[int, ...] = (0, 1)
    output: OutputKind = "real"
    block: BlockOptions = BlockOptions()
    remat: bool = False

    def __post_init__(self) -> None:
        for name, allowed in (("kind", NetworkKind), ("grid", GridKind), ("output", OutputKind)):
            _checks.option(name, getattr(self, name), get_args(allowed))
        for name, minimum in (("bandlimits", 1), ("widths", 1), ("spins", None)):
            object.__setattr__(self, name, _checks.integers(name, getattr(self, name), minimum))
        for name in ("num_filter_params", "separable"):
            _checks.instance(name, getattr(self, name), (tuple, list), "a tuple")
            object.__setattr__(self, name, tuple(getattr(self, name)))
        _checks.integers("num_filter_params", [one for one in self.num_filter_params if one is not None], 1)
        for one in self.separable:
            _checks.flag("separable", one)
        _checks.flag("remat", self.remat)
        _checks.instance("block", self.block, BlockOptions, "a spinnn.BlockOptions")
        blocks = len(self.bandlimits)
        if blocks == 0 or len(self.widths) != blocks:
            raise ValueError(
                f"`bandlimits` and `widths` must have one entry per block and at least one, got {self.bandlimits} and "
                f"{self.widths}"
            )
        block_sizes(self.bandlimits, self.widths, self.num_filter_params, self.spins)
        for name in ("num_filter_params", "separable"):
            if len(getattr(self, name)) not in (1, blocks):
                raise ValueError(f"`{name}` must have one entry, or {blocks}, one per block, got {getattr(self, name)}")

    @property
    def convolutions(self) -> int:
        """Number of convolutions without the final one: two in a residual block, one in others."""
        blocks = len(self.bandlimits)
        return 2 * blocks - 1 if self.kind == "resnet" else blocks

    @property
    def feature_size(self) -> int:
        """Complex values of the features of all blocks on n×n grids, Σ n² · spins · channels, as in Table 7."""
        return len(self.spins) * sum(
            (2 * L) ** 2 * width for L, width in zip(self.bandlimits, self.widths, strict=True)
        )

    def grid_of(self, bandlimit: int) -> Grid:
        """Grid of a block.

        Raises:
            TypeError: `bandlimit` is not an integer.
            ValueError: `bandlimit` is below 1.
        """
        _checks.integer("bandlimit", bandlimit, 1)
        if self.grid == "square":
            return Grid.equiangular(2 * bandlimit, 2 * bandlimit)
        return Grid.gauss_legendre(bandlimit)

    def scaled(self, *, resolution: float = 1.0, channels: float = 1.0) -> NetworkConfig:
        """Scale the bandlimits and widths of a configuration.

        Args:
            resolution: Factor of all bandlimits, above 0.
            channels: Factor of all widths, above 0.

        Returns:
            The new configuration; bandlimits and widths are rounded, to at least 1.

        Raises:
            ValueError: A factor is not above 0.
        """
        for name, factor in (("resolution", resolution), ("channels", channels)):
            _checks.number(name, factor, above=0.0)
        bandlimits = tuple(max(1, round(L * resolution)) for L in self.bandlimits)
        knots = self._all("num_filter_params")
        return dataclasses.replace(
            self,
            bandlimits=bandlimits,
            widths=tuple(max(1, round(width * channels)) for width in self.widths),
            # No more knots than degrees.
            num_filter_params=tuple(k if k is None else min(k, L) for k, L in zip(knots, bandlimits, strict=True)),
        )

    def make(
        self, inputs: FieldLayout, outputs: FieldLayout, grid: Grid, *, key: PRNGKeyArray
    ) -> SpinResNet | SpinUNet:
        """Make the network, called through `equinox.nn.make_with_state`.

        Args:
            inputs: Layout of the inputs, maps of shape (*batch, lat, lon, len(inputs.spins), inputs.channels).
            outputs: Layout of the outputs, likewise.
            grid: Grid of both; must resolve the degrees of the first and of the last block.
            key: Random key.

        Returns:
            The network.

        Raises:
            ValueError: The grid is too coarse, or the networks of `spinnn` refuse the configuration.
        """
        for name, layout in (("inputs", inputs), ("outputs", outputs)):
            _checks.instance(name, layout, FieldLayout, "a wxsphere.FieldLayout")
        _checks.grid("grid", grid)
        for at in (0, -1):
            if grid.max_bandlimit < self.bandlimits[at]:
                raise ValueError(
                    f"`grid` must resolve {self.bandlimits[at]} degrees, got {grid} with {grid.max_bandlimit}"
                )
        network = SpinResNet if self.kind == "resnet" else SpinUNet
        return network(
            inputs.spins,
            inputs.channels,
            grid_in=grid,
            grids=[self.grid_of(L) for L in self.bandlimits],
            widths=self.widths,
            spins=self.spins,
            bandlimits=self.bandlimits,
            num_filter_params=self._all("num_filter_params"),
            spins_out=outputs.spins,
            channels_out=outputs.channels,
            grid_out=grid,
            output="complex" if outputs.winds else self.output,
            separable=self._all("separable"),
            options=self.block,
            remat=self.remat,
            key=key,
        )

    def _all(self, name: str) -> tuple:
        """Entries of an option, one per block."""
        given = getattr(self, name)
        return given if len(given) == len(self.bandlimits) else given * len(self.bandlimits)


_ITERATIVE = NetworkConfig(
    "unet",
    bandlimits=(128, 128, 64, 64, 64, 64, 128, 128),
    widths=(128, 128, 256, 256, 256, 256, 128, 128),
    grid="square",
)
# `weatherbench`: 5.2.1 and A.1.3, direct forecasts of three and five days on 64², 39 convolutions of 128 channels.
# `temperature`: 5.2.2 and A.1.4, 28 days of 2 m temperature at once on 128², 9 convolutions of 128 channels.
# `iterative`: 5.2.3 and A.1.2, steps of six hours for rollouts. `tiny`: minutes on a CPU.
NETWORKS = MappingProxyType({
    "weatherbench": NetworkConfig("resnet", bandlimits=(32,) * 20, widths=(128,) * 20, grid="square"),
    "temperature": NetworkConfig(
        "unet", bandlimits=(64, 32, 32, 16, 16, 16, 32, 32, 64), widths=(128,) * 9, grid="square"
    ),
    "iterative": _ITERATIVE,
    "tiny": NetworkConfig("unet", bandlimits=(16, 8, 8, 16), widths=(16, 24, 24, 16)),
})  # fmt: skip
# Table 7: inputs of 256², 192², 128², 64²; separable convolutions in every other block; three quarters, half of the
# channels.
SCALING = MappingProxyType({
    "256": _ITERATIVE,
    "192": _ITERATIVE.scaled(resolution=0.75),
    "128": _ITERATIVE.scaled(resolution=0.5),
    "64": _ITERATIVE.scaled(resolution=0.25),
    "256-separable": dataclasses.replace(_ITERATIVE, separable=(False, True) * 4),
    "256-75%": _ITERATIVE.scaled(channels=0.75),
    "256-50%": _ITERATIVE.scaled(channels=0.5),
})  # fmt: skip


def network_config(name: str) -> NetworkConfig:
    """Look up the configuration of a network.

    Args:
        name: One of `NETWORKS`, or `scaling-` and one of `SCALING`.

    Returns:
        The configuration.

    Raises:
        ValueError: The name is unknown.

    Examples:
        >>> from wxsphere import network_config
        >>> network_config("tiny").bandlimits, network_config("scaling-256-50%").widths[0]
        ((16, 8, 8, 16), 64)
    """
    names = {**NETWORKS, **{f"scaling-{key}": config for key, config in SCALING.items()}}
    _checks.option("name", name, tuple(names))
    return names[name]
