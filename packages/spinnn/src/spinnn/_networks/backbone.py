"""Backbones: a residual network and a U-Net over any sequence of grids and widths."""

from __future__ import annotations

import abc
import itertools
from collections.abc import Iterable, Sequence
from typing import Any, Literal, NamedTuple, get_args

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Inexact, PRNGKeyArray

from spinharm import Grid, SpinTransform, checks

from .. import _compact, _layer_checks
from .._layers import pairs
from .._layers.conv import SpinConv
from .._layers.options import BlockOptions
from .._layers.pool import spin_mean
from .block import SpinBlock, SpinResidualBlock, to_coefficients, transform_to

Output = Literal["complex", "real", "magnitude"]


class _OutputSpec(NamedTuple):
    """Arguments of a network for its output, see `SpinResNet`."""

    spins: Iterable[int]
    channels: int
    grid: Grid | None
    kind: Output


class _Head(eqx.Module):
    """The last convolution, to the output's spins, grid and kind."""

    conv: SpinConv
    kind: Output = eqx.field(static=True)

    def __init__(
        self,
        last: dict[str, Any],
        spins: tuple[int, ...],
        output: _OutputSpec,
        *,
        product_dtype: str,
        key: PRNGKeyArray,
    ) -> None:
        """Make the head that follows the block with the arguments `last`, whose output has these spins."""
        spins_out = _layer_checks.spin_tuple("spins_out", output.spins)
        checks.option("output", output.kind, get_args(Output))
        if output.kind != "complex" and any(spins_out):
            raise ValueError(
                f"`output` must be 'complex' unless spins_out is (0,), got {output.kind!r} for {spins_out}"
            )
        self.kind = output.kind
        self.conv = SpinConv(
            spins,
            spins_out,
            last["channels_out"],
            output.channels,
            bandlimit=last["bandlimit"],
            grid_in=last["grid_out"],
            grid_out=last["grid_out"] if output.grid is None else output.grid,
            num_filter_params=last["num_filter_params"],
            product_dtype=product_dtype,
            key=key,
        )

    def __call__(self, x: jax.Array) -> jax.Array:
        out = self.conv(x)
        if self.kind == "magnitude":
            return pairs.modulus(out)
        return out.real if self.kind == "real" else out


def _layout(
    grids: Sequence[Grid],
    widths: Sequence[int],
    bandlimits: Sequence[int | None] | None,
    num_filter_params: Sequence[int | None] | None,
    separable: Sequence[bool] | None,
) -> list[dict[str, Any]]:
    """The arguments of each block, from lists with an entry per block."""
    count = len(grids)
    if count == 0 or count != len(widths):
        raise ValueError(
            f"`grids` and `widths` must have one entry per block and at least one, got {count} and {len(widths)}"
        )
    lists: dict[str, Sequence[Any]] = {
        "bandlimit": [None] * count if bandlimits is None else bandlimits,
        "num_filter_params": [None] * count if num_filter_params is None else num_filter_params,
        "separable": [False] * count if separable is None else separable,
    }
    for name, values in lists.items():
        if len(values) != count:
            name = "bandlimits" if name == "bandlimit" else name
            raise ValueError(f"`{name}` must have one entry per block, {count}, got {len(values)}: {tuple(values)}")
    lists["bandlimit"] = [
        grid.max_bandlimit if limit is None else _layer_checks.size("bandlimits", limit)
        for grid, limit in zip(grids, lists["bandlimit"], strict=True)
    ]
    lists |= {"grid_out": grids, "channels_out": [_layer_checks.size("widths", width) for width in widths]}
    return [dict(zip(lists, entries, strict=True)) for entries in zip(*lists.values(), strict=True)]


def _run(block, remat: bool, x, state, mask):
    """Apply a block, recomputing its inside in the backward pass if `remat`."""

    def apply(block, x, state, mask):
        return block(x, state, mask=mask)

    return (eqx.filter_checkpoint(apply) if remat else apply)(block, x, state, mask)


def _before_fast(
    blocks: Sequence[SpinBlock | SpinResidualBlock],
    remat: bool,
    x: jax.Array,
    state: eqx.nn.State,
    mask: jax.Array | None,
) -> tuple[jax.Array, _compact.Chain | None, eqx.nn.State]:
    """Apply blocks until the remaining ones have a joint fast function, and return that; without one, apply all."""
    for begin, block in enumerate(blocks):
        fast = _compact.compact(blocks[begin:], remat=remat)
        if fast is not None:
            block.check(x, mask)
            return x, fast, state
        x, state = _run(block, remat, x, state, mask)
    return x, None, state


def _run_in_turn(
    blocks: Sequence[SpinBlock | SpinResidualBlock],
    remat: bool,
    x: jax.Array,
    state: eqx.nn.State,
    mask: jax.Array | None,
) -> tuple[jax.Array, eqx.nn.State]:
    """Apply consecutive blocks."""
    x, fast, state = _before_fast(blocks, remat, x, state, mask)
    return (x, state) if fast is None else fast(x, state, mask)


class _Backbone(eqx.Module):
    """Base of both networks: blocks, the last convolution, the call."""

    blocks: tuple[SpinBlock | SpinResidualBlock, ...]
    head: _Head | None
    remat: bool = eqx.field(static=True)

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
            Maps on `grid_out`, or on the last block's grid in a network without a last convolution, and the new state.
        """
        _layer_checks.array(type(self).__name__, "x", x)
        x, state = self._features(x, state, mask)
        return (x if self.head is None else self.head(x)), state

    @abc.abstractmethod
    def _features(self, x: jax.Array, state: eqx.nn.State, mask: jax.Array | None) -> tuple[jax.Array, eqx.nn.State]:
        """Maps of the last block, and the new state."""


class SpinResNet(_Backbone):
    """Residual network: a `SpinBlock`, then `SpinResidualBlock`s, then optionally a convolution to the output's spins.

    A block of lower bandlimit than the one before it pools.

    References:
        Esteves, Slotine, Makadia, Scaling Spherical CNNs (2023), sections 5.1.2 and 5.2.1, A.1.1.

    Examples:
        >>> import equinox as eqx
        >>> import jax
        >>> from spinharm import Grid
        >>> from spinnn import SpinResNet
        >>> fine, coarse = Grid.gauss_legendre(4), Grid.gauss_legendre(2)
        >>> network, state = eqx.nn.make_with_state(SpinResNet)(
        ...     (0,), 3, grid_in=fine, grids=[fine, coarse], widths=[8, 16], key=jax.random.key(0)
        ... )
        >>> maps = jax.numpy.ones((4, *fine.shape, 1, 3))
        >>> features, _ = jax.eval_shape(network, maps, state)
        >>> features.shape
        (4, 2, 4, 2, 16)
        >>> invariant, _ = jax.eval_shape(network.pooled, maps, state)
        >>> invariant.shape
        (4, 2, 16)
    """

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
        separable: Sequence[bool] | None = None,
        options: BlockOptions = BlockOptions(),
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
            separable: Whether each block's convolutions are separable (see `SpinConv`); default none.
            options: Activation, norm and precision of all blocks.
            remat: Keep only the blocks' inputs for the backward pass and compute their insides again.
            key: Random key.

        Raises:
            TypeError: A size or spin that is not an integer, or a switch that is not True or False.
            ValueError: Lists of different lengths, or sizes, spins or options out of range.
        """
        checks.flag("remat", remat)
        layout = _layout(grids, widths, bandlimits, num_filter_params, separable)
        spins = _layer_checks.spin_tuple("spins", spins)
        if (spins_out is None) != (channels_out is None):
            raise ValueError(
                f"`spins_out` and `channels_out` must be given together, got {spins_out} and {channels_out}"
            )
        *keys, last_key = jax.random.split(key, len(layout) + 1)
        blocks = []
        before = (_layer_checks.spin_tuple("spins_in", spins_in), channels_in, grid_in)
        for index, (arguments, block_key) in enumerate(zip(layout, keys, strict=True)):
            kind = SpinBlock if index == 0 else SpinResidualBlock
            spins_before, width, grid = before
            blocks.append(kind(spins_before, spins, width, grid_in=grid, options=options, key=block_key, **arguments))
            before = (spins, arguments["channels_out"], arguments["grid_out"])
        self.blocks, self.remat, self.head = tuple(blocks), remat, None
        if spins_out is not None and channels_out is not None:
            wanted = _OutputSpec(spins_out, channels_out, grid_out, output)
            self.head = _Head(layout[-1], spins, wanted, product_dtype=options.product_dtype, key=last_key)

    def _features(self, x: jax.Array, state: eqx.nn.State, mask: jax.Array | None) -> tuple[jax.Array, eqx.nn.State]:
        return _run_in_turn(self.blocks, self.remat, x, state, mask)

    def pooled(
        self,
        x: Inexact[Array, "*batch a b spin_in channel_in"],
        state: eqx.nn.State,
        *,
        mask: Bool[Array, "*batch"] | None = None,
    ) -> tuple[Float[Array, "*batch spin channel"], eqx.nn.State]:
        """`spin_mean` of the last block's maps, without computing those maps where the fast layout applies.

        Args:
            x: Input, see a call.
            state: Holds the running statistics of the norms.
            mask: Elements of the batch that count in statistics, shape (*batch).

        Returns:
            Means over the sphere, shape (*batch, spins, channels of the last block), and the new state.

        Raises:
            ValueError: Input of other sizes, or a network with a last convolution.
        """
        if self.head is not None:
            raise ValueError(
                "`channels_out` must be None for `pooled`, got a network with a last convolution; make it without one"
            )
        if type(self).__call__ is not SpinResNet.__call__:
            x, state = self(x, state, mask=mask)
        else:
            _layer_checks.array(type(self).__name__, "x", x)
            x, fast, state = _before_fast(self.blocks, self.remat, x, state, mask)
            if fast is not None:
                return fast.pooled(x, state, mask)
        last = self.blocks[-1].transform_out
        return spin_mean(x, last.grid, last.spins), state


class SpinUNet(_Backbone):
    """U-Net: `SpinBlock`s down to the coarsest grid and up again, with skip connections between equal grids.

    On the way up, each block also gets the features of the last unused block on the way down with the same grid, joined
    along channels. Joining happens between coefficients: the features from below are padded to the block's bandlimit,
    which is upsampling without any interpolation error.

    References:
        Esteves, Slotine, Makadia, Scaling Spherical CNNs (2023), A.1.2 and A.1.4.

    Examples:
        >>> import equinox as eqx
        >>> import jax
        >>> from spinharm import Grid
        >>> from spinnn import SpinUNet
        >>> fine, coarse = Grid.gauss_legendre(4), Grid.gauss_legendre(2)
        >>> network, state = eqx.nn.make_with_state(SpinUNet)(
        ...     (0,),
        ...     3,
        ...     grid_in=fine,
        ...     grids=[fine, coarse, fine],
        ...     widths=[8, 16, 8],
        ...     spins_out=(0,),
        ...     channels_out=1,
        ...     output="real",
        ...     key=jax.random.key(0),
        ... )
        >>> network.skips  # the last block also gets the features of the first
        (None, None, 0)
        >>> out, _ = jax.eval_shape(network, jax.numpy.ones((4, *fine.shape, 1, 3)), state)
        >>> out.shape, out.dtype
        ((4, 4, 8, 1, 1), dtype('float32'))
    """

    skips: tuple[int | None, ...] = eqx.field(static=True)
    transforms: tuple[tuple[SpinTransform, SpinTransform] | None, ...] = eqx.field(static=True)

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
        separable: Sequence[bool] | None = None,
        options: BlockOptions = BlockOptions(),
        remat: bool = False,
        key: PRNGKeyArray,
    ) -> None:
        """Make a network; create it with `equinox.nn.make_with_state`. The arguments are those of `SpinResNet`."""
        checks.flag("remat", remat)
        layout = _layout(grids, widths, bandlimits, num_filter_params, separable)
        spins = _layer_checks.spin_tuple("spins", spins)
        self.skips = skip_connections(grids, [arguments["bandlimit"] for arguments in layout])
        *keys, last_key = jax.random.split(key, len(layout) + 1)
        blocks, transforms = [], []
        before = (
            _layer_checks.spin_tuple("spins_in", spins_in),
            _layer_checks.size("channels_in", channels_in),
            grid_in,
        )
        for arguments, skip, block_key in zip(layout, self.skips, keys, strict=True):
            spins_before, width, grid = before
            joined = None
            if skip is not None:
                assert grid is not None  # a block on the way up has one below it
                joined = tuple(transform_to(g, arguments["bandlimit"], spins) for g in (grid, grids[skip]))
                width, grid = width + layout[skip]["channels_out"], None
            transforms.append(joined)
            blocks.append(
                SpinBlock(spins_before, spins, width, grid_in=grid, options=options, key=block_key, **arguments)
            )
            before = (spins, arguments["channels_out"], arguments["grid_out"])
        self.blocks, self.transforms, self.remat = tuple(blocks), tuple(transforms), remat
        wanted = _OutputSpec(spins_out, channels_out, grid_out, output)
        self.head = _Head(layout[-1], spins, wanted, product_dtype=options.product_dtype, key=last_key)

    def _features(self, x: jax.Array, state: eqx.nn.State, mask: jax.Array | None) -> tuple[jax.Array, eqx.nn.State]:
        features: dict[int, jax.Array] = {}
        for begin, end in itertools.pairwise(joints(self.skips)):
            block, skip, transforms = self.blocks[begin], self.skips[begin], self.transforms[begin]
            if skip is not None and transforms is not None:
                joined = zip((x, features[skip]), transforms, strict=True)
                parts = [to_coefficients(y, transform, block.bandlimit, block.spins_in) for y, transform in joined]
                x = jnp.concatenate(parts, -1)
            x, state = _run_in_turn(self.blocks[begin:end], self.remat, x, state, mask)
            features[end - 1] = x
        return x, state


def joints(skips: Sequence[int | None]) -> list[int]:
    """Where skip connections begin or end, in order, with 0 and the number of blocks.

    Between two of them, each block takes the maps of the one before, which nothing else needs.
    """
    ends = {index for index, skip in enumerate(skips) if skip is not None}
    return sorted(ends | {skip + 1 for skip in skips if skip is not None} | {0, len(skips)})


def skip_connections(grids: Sequence[Grid], bandlimits: Sequence[int]) -> tuple[int | None, ...]:
    """For each block, the block on the way down whose features it also receives, or None.

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
