"""Backbones: a residual network and a U-net over any sequence of grids and widths."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Inexact, PRNGKeyArray

from spinharm import Grid, SpinTransform

from . import _checks, _pairs
from ._block import Activation, SpinBlock, SpinResidualBlock, to_coefficients, transform_to
from ._conv import SpinConv

Output = Literal["complex", "real", "magnitude"]


class _Head(eqx.Module):
    """The last convolution, to the output's spins, grid and kind."""

    conv: SpinConv
    kind: Output = eqx.field(static=True)

    def __init__(
        self,
        spins: tuple[int, ...],
        spins_out: tuple[int, ...],
        channels_in: int,
        channels_out: int,
        *,
        grid_in: Grid,
        grid_out: Grid,
        bandlimit: int,
        num_filter_params: int | None,
        kind: Output,
        product_dtype: str,
        key: PRNGKeyArray,
    ) -> None:
        if kind not in ("complex", "real", "magnitude"):
            raise ValueError(f"`output` must be 'complex', 'real' or 'magnitude', got {kind!r}")
        if kind != "complex" and any(spins_out):
            raise ValueError(f"`output` {kind!r} is for spin 0 alone, got spins_out {spins_out}; use 'complex'")
        self.kind = kind
        self.conv = SpinConv(
            spins,
            spins_out,
            channels_in,
            channels_out,
            bandlimit=bandlimit,
            grid_in=grid_in,
            grid_out=grid_out,
            num_filter_params=num_filter_params,
            product_dtype=product_dtype,
            key=key,
        )

    def __call__(self, x: jax.Array) -> jax.Array:
        out = self.conv(x)
        if self.kind == "magnitude":
            return _pairs.modulus(out)
        return out.real if self.kind == "real" else out


def _per_block(name: str, values: Sequence[int | None] | None, count: int) -> list[int | None]:
    if values is None:
        return [None] * count
    if len(values) != count:
        raise ValueError(f"`{name}` must have one entry per block, {count}, got {len(values)}: {tuple(values)}")
    return list(values)


def _check_lists(grids: Sequence[Grid], widths: Sequence[int]) -> None:
    if len(grids) == 0 or len(grids) != len(widths):
        raise ValueError(
            f"`grids` and `widths` must have one entry per block and at least one, got {len(grids)} and {len(widths)}"
        )


def _run(block, remat: bool, x, state, mask):
    """Apply a block, recomputing its inside in the backward pass if `remat`."""

    def apply(block, x, state, mask):
        return block(x, state, mask=mask)

    return (eqx.filter_checkpoint(apply) if remat else apply)(block, x, state, mask)


class SpinResNet(eqx.Module):
    """One `SpinBlock`, then `SpinResidualBlock`s, then, if asked for, a last convolution to the output's spins.

    Pooling is where a block's bandlimit is below the one before.

    References:
        Esteves, Slotine, Makadia, Scaling Spherical CNNs (2023), sections 5.1.2 and 5.2.1, A.1.1.
    """

    blocks: tuple[SpinBlock | SpinResidualBlock, ...]
    head: _Head | None
    remat: bool = eqx.field(static=True)

    def __init__(
        self,
        spins_in: Iterable[int],
        channels_in: int,
        *,
        grid_in: Grid | None,
        grids: Sequence[Grid],
        widths: Sequence[int],
        spins: Iterable[int] = (0, 1),
        bandlimits: Sequence[int | None] | None = None,
        num_filter_params: Sequence[int | None] | None = None,
        spins_out: Iterable[int] | None = None,
        channels_out: int | None = None,
        grid_out: Grid | None = None,
        output: Output = "complex",
        activation: Activation = "phase_collapse",
        center: Literal["sample", "batch"] = "batch",
        separable: bool = False,
        product_dtype: str = "float32",
        remat: bool = False,
        key: PRNGKeyArray,
    ) -> None:
        """Make a network; create it with `equinox.nn.make_with_state`.

        Args:
            spins_in: Spins of the input.
            channels_in: Input channels per spin.
            grid_in: Grid of the input maps; None for coefficients.
            grids: Grid of each block's output; the first block is a `SpinBlock`, the others residual.
            widths: Channels of each block.
            spins: Spins of the features.
            bandlimits: Degrees of each block; default each grid's `max_bandlimit`.
            num_filter_params: Knots of each block's filters; None for one weight per degree.
            spins_out: Spins of the output; no last convolution if left out.
            channels_out: Channels of the output.
            grid_out: Grid of the output; default the last block's.
            output: For spin 0: `"complex"`, `"real"` (real part) or `"magnitude"`.
            activation: See `SpinBlock`.
            center: See `SpectralBatchNorm`.
            separable: See `SpinConv`.
            product_dtype: See `SpinConv`.
            remat: Keep only the blocks' inputs for the backward pass and compute their insides again.
            key: Random key.

        Raises:
            TypeError: A size that is not an integer.
            ValueError: Lists of different lengths, or sizes, spins or options out of range.
        """
        _check_lists(grids, widths)
        count = len(grids)
        limits, knots = (
            _per_block(name, values, count)
            for name, values in (("bandlimits", bandlimits), ("num_filter_params", num_filter_params))
        )
        spins = _checks.spin_tuple("spins", spins)
        options = {"activation": activation, "center": center, "separable": separable, "product_dtype": product_dtype}
        keys = jax.random.split(key, count + 1)
        blocks, before = [], (_checks.spin_tuple("spins_in", spins_in), channels_in, grid_in)
        for index, (grid, width) in enumerate(zip(grids, widths, strict=True)):
            kind = SpinBlock if index == 0 else SpinResidualBlock
            block = kind(
                before[0],
                spins,
                before[1],
                width,
                grid_in=before[2],
                grid_out=grid,
                bandlimit=limits[index],
                num_filter_params=knots[index],
                key=keys[index],
                **options,
            )
            blocks.append(block)
            before = (spins, width, grid)
        self.blocks, self.remat = tuple(blocks), remat
        if (spins_out is None) != (channels_out is None):
            raise ValueError(f"`spins_out` and `channels_out` go together, got {spins_out} and {channels_out}")
        self.head = None
        if spins_out is not None and channels_out is not None:
            self.head = _Head(
                spins,
                _checks.spin_tuple("spins_out", spins_out),
                widths[-1],
                channels_out,
                grid_in=grids[-1],
                grid_out=grids[-1] if grid_out is None else grid_out,
                bandlimit=blocks[-1].transform_out.bandlimit,
                num_filter_params=knots[-1],
                kind=output,
                product_dtype=product_dtype,
                key=keys[-1],
            )

    def __call__(
        self,
        x: Inexact[Array, "*batch a b spin_in channel_in"],
        state: eqx.nn.State,
        *,
        mask: Bool[Array, "*batch"] | None = None,
    ) -> tuple[Inexact[Array, "*batch lat lon spin channel"], eqx.nn.State]:
        """Apply to maps on `grid_in` or to coefficients.

        Args:
            x: Input, shape (*batch, lat, lon, spins_in, channels_in), or coefficients.
            state: Holds the running statistics of the norms.
            mask: Elements of the batch that count in statistics, shape (*batch).

        Returns:
            Maps on `grid_out`, or on the last block's grid without a head, and the new state.
        """
        for block in self.blocks:
            x, state = _run(block, self.remat, x, state, mask)
        return (x if self.head is None else self.head(x)), state


class SpinUNet(eqx.Module):
    """`SpinBlock`s down to the coarsest grid and up again, with skip connections between equal grids.

    On the way up, each block also gets the features of the last unused block on the way down with the same grid, joined
    along channels. Joining happens between coefficients: the features from below are padded to the block's bandlimit,
    which is upsampling without any interpolation error.

    References:
        Esteves, Slotine, Makadia, Scaling Spherical CNNs (2023), A.1.2 and A.1.4.
    """

    blocks: tuple[SpinBlock, ...]
    head: _Head
    skips: tuple[int | None, ...] = eqx.field(static=True)
    transforms: tuple[tuple[SpinTransform, SpinTransform] | None, ...] = eqx.field(static=True)
    remat: bool = eqx.field(static=True)

    def __init__(
        self,
        spins_in: Iterable[int],
        channels_in: int,
        *,
        grid_in: Grid | None,
        grids: Sequence[Grid],
        widths: Sequence[int],
        spins_out: Iterable[int],
        channels_out: int,
        spins: Iterable[int] = (0, 1),
        bandlimits: Sequence[int | None] | None = None,
        num_filter_params: Sequence[int | None] | None = None,
        grid_out: Grid | None = None,
        output: Output = "complex",
        activation: Activation = "phase_collapse",
        center: Literal["sample", "batch"] = "batch",
        separable: bool = False,
        product_dtype: str = "float32",
        remat: bool = False,
        key: PRNGKeyArray,
    ) -> None:
        """Make a network; create it with `equinox.nn.make_with_state`. The arguments are those of `SpinResNet`."""
        _check_lists(grids, widths)
        count = len(grids)
        limits, knots = (
            _per_block(name, values, count)
            for name, values in (("bandlimits", bandlimits), ("num_filter_params", num_filter_params))
        )
        bandlimit = [grid.max_bandlimit if limit is None else limit for grid, limit in zip(grids, limits, strict=True)]
        spins = _checks.spin_tuple("spins", spins)
        self.skips = skip_connections(grids, bandlimit)
        keys = jax.random.split(key, count + 1)
        blocks, transforms = [], []
        before = (_checks.spin_tuple("spins_in", spins_in), channels_in, grid_in)
        for index, (grid, width) in enumerate(zip(grids, widths, strict=True)):
            skip, channels, source = self.skips[index], before[1], before[2]
            joined = None
            if skip is not None:
                assert source is not None  # a block on the way up has one below it
                joined = tuple(transform_to(g, bandlimit[index], spins) for g in (source, grids[skip]))
                channels, source = channels + widths[skip], None
            transforms.append(joined)
            blocks.append(
                SpinBlock(
                    before[0],
                    spins,
                    channels,
                    width,
                    grid_in=source,
                    grid_out=grid,
                    bandlimit=bandlimit[index],
                    num_filter_params=knots[index],
                    activation=activation,
                    center=center,
                    separable=separable,
                    product_dtype=product_dtype,
                    key=keys[index],
                )
            )
            before = (spins, width, grid)
        self.blocks, self.transforms, self.remat = tuple(blocks), tuple(transforms), remat
        self.head = _Head(
            spins,
            _checks.spin_tuple("spins_out", spins_out),
            widths[-1],
            channels_out,
            grid_in=grids[-1],
            grid_out=grids[-1] if grid_out is None else grid_out,
            bandlimit=bandlimit[-1],
            num_filter_params=knots[-1],
            kind=output,
            product_dtype=product_dtype,
            key=keys[-1],
        )

    def __call__(
        self,
        x: Inexact[Array, "*batch a b spin_in channel_in"],
        state: eqx.nn.State,
        *,
        mask: Bool[Array, "*batch"] | None = None,
    ) -> tuple[Inexact[Array, "*batch lat lon spin channel"], eqx.nn.State]:
        """Apply to maps on `grid_in` or to coefficients; returns maps on `grid_out` and the new state."""
        features = []
        for block, skip, transforms in zip(self.blocks, self.skips, self.transforms, strict=True):
            if skip is not None and transforms is not None:
                degrees = block.conv.bandlimit
                parts = [to_coefficients(y, t, degrees) for y, t in zip((x, features[skip]), transforms, strict=True)]
                x = jnp.concatenate(parts, -1)
            x, state = _run(block, self.remat, x, state, mask)
            features.append(x)
        return self.head(x), state


def skip_connections(grids: Sequence[Grid], bandlimits: Sequence[int]) -> tuple[int | None, ...]:
    """For each block, the block on the way down whose features it also gets.

    The way up begins after the last block of the lowest bandlimit. Each block there takes the last block on the way
    down of equal grid and bandlimit that is not yet taken, if there is one.
    """
    lowest = min(bandlimits)
    bottom = [index for index, limit in enumerate(bandlimits) if limit == lowest]
    free = list(range(bottom[0]))
    skips: list[int | None] = [None] * len(grids)
    for index in range(bottom[-1] + 1, len(grids)):
        same = [i for i in free if grids[i] == grids[index] and bandlimits[i] == bandlimits[index]]
        if same:
            skips[index] = same[-1]
            free.remove(same[-1])
    return tuple(skips)
