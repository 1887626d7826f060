"""Blocks: convolution, normalisation, activation; and the residual block of the paper."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any, get_args

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Complex, Float, Inexact, PRNGKeyArray

from spinharm import Grid, SpinTransform, change_bandlimit, checks

from .. import _checks, _compact, _entries
from .._layers import pairs
from .._layers.activation import GatedActivation, MagnitudeActivation, PhaseCollapse
from .._layers.conv import SpinConv
from .._layers.norm import SpectralBatchNorm
from .._layers.options import Activation, BlockOptions
from .._layers.shortcut import by_spin


def make_activation(
    name: Activation, spins: tuple[int, ...], channels: int, key: PRNGKeyArray
) -> PhaseCollapse | MagnitudeActivation | GatedActivation:
    """The activation of that name."""
    checks.option("activation", name, get_args(Activation))
    if name == "phase_collapse":
        return PhaseCollapse(spins, channels, key=key)
    if name == "gated":
        return GatedActivation(spins, channels, key=key)
    return MagnitudeActivation(spins, channels)


def to_coefficients(x: jax.Array, transform: SpinTransform | None, bandlimit: int, spins: tuple[int, ...]) -> jax.Array:
    """Coefficients of `bandlimit` degrees, of maps or of coefficients of any bandlimit."""
    if transform is None:
        return _entries.resized(x, bandlimit, spins)
    coeffs = transform.forward(x)
    return coeffs if transform.bandlimit == bandlimit else change_bandlimit(coeffs, bandlimit, axis=-4)


def transform_to(grid: Grid | None, bandlimit: int, spins: tuple[int, ...]) -> SpinTransform | None:
    """The transform that a layer of `bandlimit` needs from a grid that may hold fewer degrees."""
    return None if grid is None else SpinTransform(grid, min(bandlimit, grid.max_bandlimit), spins)


def _keeping_input(layer: Any, x: jax.Array, *arguments: Any, **options: Any) -> Any:
    """`layer(x, …)`, whose backward pass keeps `x` alone and computes the rest again.

    The rest is moduli, quotients and joined copies: much memory for little work. Not for convolutions, whose filters
    take long to make. The parts of `x` are kept, from which no complex array needs to be put together.
    """

    def apply(layer: Any, real: jax.Array, imaginary: jax.Array, *arguments: Any) -> Any:
        return layer(jax.lax.complex(real, imaginary), *arguments, **options)

    return eqx.filter_checkpoint(apply)(layer, x.real, x.imag, *arguments)


def _apply(
    block: SpinBlock | SpinResidualBlock, x: jax.Array, state: eqx.nn.State, mask: jax.Array | None
) -> tuple[jax.Array, eqx.nn.State]:
    """Apply a block by the fast layout where it applies, else by its layers."""
    block.check(x, mask)
    fast = _compact.compact([block])
    return block._by_layers(x, state, mask) if fast is None else fast(x, state, mask)


class SpinBlock(eqx.Module):
    """Convolution, spectral batch norm, activation: maps or coefficients in, maps out.

    The norm acts on the coefficients between the two transforms of the convolution, so the block has one forward and
    one inverse transform.

    Examples:
        >>> import equinox as eqx
        >>> import jax
        >>> import spinharm
        >>> from spinharm import Grid
        >>> from spinnn import SpinBlock
        >>> grid = Grid.gauss_legendre(2)
        >>> block, state = eqx.nn.make_with_state(SpinBlock)(
        ...     (0,), (0, 1), 3, 8, grid_in=grid, grid_out=grid, key=jax.random.key(0)
        ... )
        >>> block.bandlimit, block.spins_in
        (2, (0,))
        >>> maps = jax.numpy.ones((4, *grid.shape, 1, 3))
        >>> block.check(maps, mask=None)
        >>> features, state = spinharm.jit(block)(maps, state)
        >>> features.shape
        (4, 2, 4, 2, 8)
    """

    conv: SpinConv
    norm: SpectralBatchNorm
    activation: PhaseCollapse | MagnitudeActivation | GatedActivation
    transform_in: SpinTransform | None = eqx.field(static=True)
    transform_out: SpinTransform = eqx.field(static=True)

    def __init__(
        self,
        spins_in: Iterable[int],
        spins_out: Iterable[int],
        channels_in: int,
        channels_out: int,
        *,
        grid_in: Grid | None,
        grid_out: Grid,
        bandlimit: int | None = None,
        num_filter_params: int | None = None,
        separable: bool = False,
        options: BlockOptions = BlockOptions(),
        key: PRNGKeyArray,
    ) -> None:
        """Make a block; create it with `equinox.nn.make_with_state`.

        Args:
            spins_in: Spins of the input.
            spins_out: Spins of the output.
            channels_in: Input channels per spin.
            channels_out: Output channels per spin.
            grid_in: Grid of the input maps; None for coefficients.
            grid_out: Grid of the output maps.
            bandlimit: Degrees of the features; default `grid_out.max_bandlimit`. Less than the output grid holds
                leaves room for what the activation adds (oversampling).
            num_filter_params: Knots of localised filters; default one weight per degree.
            separable: See `SpinConv`.
            options: Activation, norm and precision.
            key: Random key.

        Raises:
            TypeError: A size or spin that is not an integer.
            ValueError: Sizes, spins or options out of range.
        """
        spins_in, spins_out = _checks.spin_tuple("spins_in", spins_in), _checks.spin_tuple("spins_out", spins_out)
        _checks.grid_or_none("grid_in", grid_in)
        _checks.grid("grid_out", grid_out)
        checks.instance("options", options, BlockOptions, "a spinnn.BlockOptions")
        bandlimit = grid_out.max_bandlimit if bandlimit is None else _checks.size("bandlimit", bandlimit)
        first, second = jax.random.split(key)
        self.conv = SpinConv(
            spins_in,
            spins_out,
            channels_in,
            channels_out,
            bandlimit=bandlimit,
            num_filter_params=num_filter_params,
            use_bias=False,
            separable=separable,
            product_dtype=options.product_dtype,
            key=first,
        )
        self.norm = SpectralBatchNorm(spins_out, channels_out, center=options.center, momentum=options.momentum)
        self.activation = make_activation(options.activation, spins_out, channels_out, second)
        self.transform_in = transform_to(grid_in, bandlimit, spins_in)
        self.transform_out = SpinTransform(grid_out, bandlimit, spins_out)

    def __call__(
        self,
        x: Inexact[Array, "*batch a b spin_in channel_in"],
        state: eqx.nn.State,
        *,
        mask: Bool[Array, "*batch"] | None = None,
    ) -> tuple[Complex[Array, "*batch lat lon spin channel"], eqx.nn.State]:
        """Apply to maps on `grid_in` or to coefficients; see `SpectralBatchNorm` for `state` and `mask`."""
        return _apply(self, x, state, mask)

    @property
    def bandlimit(self) -> int:
        """Degrees of the features."""
        return self.conv.bandlimit

    @property
    def spins_in(self) -> tuple[int, ...]:
        """Spins of the input."""
        return self.conv.spins_in

    def check(self, x: jax.Array, mask: jax.Array | None) -> None:
        """Refuse an input or a mask that does not fit the block.

        Args:
            x: See a call.
            mask: See a call.

        Raises:
            TypeError: Input of another type, or of another precision than the parameters.
            ValueError: Axes, grid or mask of other sizes.
        """
        conv = self.conv
        _checks.block_input("SpinBlock", x, mask, conv.spins_in, conv.channels_in, conv.weight, self.transform_in)

    def _by_layers(self, x: jax.Array, state: eqx.nn.State, mask: jax.Array | None) -> tuple[jax.Array, eqx.nn.State]:
        """The block as its layers do it, at any bandlimit."""
        coeffs = to_coefficients(x, self.transform_in, self.bandlimit, self.spins_in)
        coeffs, state = _keeping_input(self.norm, self.conv(coeffs), state, mask=mask)
        return _keeping_input(self.activation, self.transform_out.inverse(coeffs)), state


class SpinResidualBlock(eqx.Module):
    """The paper's residual block: the shortcut is added between coefficients.

    maps → FT → (∗K₁ → norm → inverse FT → activation → FT → ∗K₂ → norm) + shortcut → inverse FT → activation.

    The scale of the second norm starts at zero, so the block starts as its shortcut. The shortcut is the identity on
    coefficients where spins and widths agree, pooled by leaving out degrees; else each spin that input and output
    share gets a mixture of channels.

    References:
        Esteves, Slotine, Makadia, Scaling Spherical CNNs (2023), Figure 2.

    Examples:
        >>> import equinox as eqx
        >>> import jax
        >>> from spinharm import Grid
        >>> from spinnn import SpinResidualBlock
        >>> grid, coarse = Grid.gauss_legendre(4), Grid.gauss_legendre(2)
        >>> block, state = eqx.nn.make_with_state(SpinResidualBlock)(
        ...     (0, 1), (0, 1), 4, 8, grid_in=grid, grid_out=coarse, key=jax.random.key(0)
        ... )
        >>> block.bandlimit, block.spins_in
        (2, (0, 1))
        >>> maps = jax.numpy.ones((16, *grid.shape, 2, 4))
        >>> block.check(maps, mask=None)
        >>> features, state = jax.eval_shape(block, maps, state)
        >>> features.shape
        (16, 2, 4, 2, 8)
    """

    first: SpinConv
    first_norm: SpectralBatchNorm
    inner: PhaseCollapse | MagnitudeActivation | GatedActivation
    second: SpinConv
    second_norm: SpectralBatchNorm
    shortcut: Float[Array, "2 shared channel_in channel_out"] | None
    outer: PhaseCollapse | MagnitudeActivation | GatedActivation
    transform_in: SpinTransform | None = eqx.field(static=True)
    transform_out: SpinTransform = eqx.field(static=True)

    def __init__(
        self,
        spins_in: Iterable[int],
        spins_out: Iterable[int],
        channels_in: int,
        channels_out: int,
        *,
        grid_in: Grid | None,
        grid_out: Grid,
        bandlimit: int | None = None,
        num_filter_params: int | None = None,
        separable: bool = False,
        options: BlockOptions = BlockOptions(),
        key: PRNGKeyArray,
    ) -> None:
        """Make a block; create it with `equinox.nn.make_with_state`. The arguments are those of `SpinBlock`."""
        spins_in, spins_out = _checks.spin_tuple("spins_in", spins_in), _checks.spin_tuple("spins_out", spins_out)
        _checks.grid_or_none("grid_in", grid_in)
        _checks.grid("grid_out", grid_out)
        checks.instance("options", options, BlockOptions, "a spinnn.BlockOptions")
        channels_in = _checks.size("channels_in", channels_in)
        channels_out = _checks.size("channels_out", channels_out)
        bandlimit = grid_out.max_bandlimit if bandlimit is None else _checks.size("bandlimit", bandlimit)
        keys = jax.random.split(key, 5)
        conv = functools.partial(
            SpinConv,
            bandlimit=bandlimit,
            num_filter_params=num_filter_params,
            use_bias=False,
            separable=separable,
            product_dtype=options.product_dtype,
        )
        norm = functools.partial(
            SpectralBatchNorm, spins_out, channels_out, center=options.center, momentum=options.momentum
        )
        self.first = conv(spins_in, spins_out, channels_in, channels_out, key=keys[0])
        self.first_norm = norm()
        self.inner = make_activation(options.activation, spins_out, channels_out, keys[1])
        self.second = conv(spins_out, spins_out, channels_out, channels_out, key=keys[2])
        self.second_norm = norm(initial_scale=0.0)
        self.outer = make_activation(options.activation, spins_out, channels_out, keys[3])
        if spins_in == spins_out and channels_in == channels_out:
            self.shortcut = None
        else:
            shared = [spin for spin in spins_out if spin in spins_in]
            self.shortcut = pairs.normal(keys[4], (len(shared), channels_in, channels_out), channels_in**-0.5)
        self.transform_in = transform_to(grid_in, bandlimit, spins_in)
        self.transform_out = SpinTransform(grid_out, bandlimit, spins_out)

    def __call__(
        self,
        x: Inexact[Array, "*batch a b spin_in channel_in"],
        state: eqx.nn.State,
        *,
        mask: Bool[Array, "*batch"] | None = None,
    ) -> tuple[Complex[Array, "*batch lat lon spin channel"], eqx.nn.State]:
        """Apply to maps on `grid_in` or to coefficients; see `SpectralBatchNorm` for `state` and `mask`."""
        return _apply(self, x, state, mask)

    @property
    def bandlimit(self) -> int:
        """Degrees of the features."""
        return self.first.bandlimit

    @property
    def spins_in(self) -> tuple[int, ...]:
        """Spins of the input."""
        return self.first.spins_in

    def check(self, x: jax.Array, mask: jax.Array | None) -> None:
        """Refuse an input or a mask that does not fit the block.

        Args:
            x: See a call.
            mask: See a call.

        Raises:
            TypeError: Input of another type, or of another precision than the parameters.
            ValueError: Axes, grid or mask of other sizes.
        """
        conv = self.first
        _checks.block_input(
            "SpinResidualBlock", x, mask, conv.spins_in, conv.channels_in, conv.weight, self.transform_in
        )

    def _by_layers(self, x: jax.Array, state: eqx.nn.State, mask: jax.Array | None) -> tuple[jax.Array, eqx.nn.State]:
        """The block as its layers do it, at any bandlimit."""
        coeffs = to_coefficients(x, self.transform_in, self.bandlimit, self.spins_in)
        branch, state = _keeping_input(self.first_norm, self.first(coeffs), state, mask=mask)
        branch = _keeping_input(self.inner, self.transform_out.inverse(branch))
        branch = self.second(self.transform_out.forward(branch))
        branch, state = _keeping_input(self.second_norm, branch, state, mask=mask)
        return _keeping_input(self.outer, self.transform_out.inverse(branch + self._shortcut(coeffs))), state

    def _shortcut(self, coeffs: jax.Array) -> jax.Array:
        def mix(x: jax.Array, weights: jax.Array) -> jax.Array:
            return jnp.matmul(x, pairs.join(weights), precision="highest")

        spins = self.first.spins_in, self.second.spins_out
        return by_spin(coeffs, self.shortcut, *spins, axis=coeffs.ndim - 2, mix=mix)


@_compact.reads(SpinBlock)
def _parts(block: SpinBlock) -> _compact.Parts:
    stage = _compact.Stage(block.conv, block.norm, block.activation)
    return _compact.Parts((stage,), block.transform_in, block.transform_out)


@_compact.reads(SpinResidualBlock)
def _residual_parts(block: SpinResidualBlock) -> _compact.Parts:
    first = _compact.Stage(block.first, block.first_norm, block.inner)
    second = _compact.Stage(block.second, block.second_norm, block.outer)
    return _compact.Parts((first, second), block.transform_in, block.transform_out, block.shortcut)
