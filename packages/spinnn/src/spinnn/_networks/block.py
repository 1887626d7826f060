"""Blocks: convolution, normalisation, activation; and the residual block of the paper."""

from __future__ import annotations

import abc
import functools
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Complex, Float, Inexact, PRNGKeyArray

from spinharm import Grid, SpinTransform, change_bandlimit, checks

from .. import _compact, _entries, _layer_checks
from .._layers import pairs
from .._layers.activation import GatedActivation, MagnitudeActivation, PhaseCollapse, S2Activation
from .._layers.conv import SpinConv
from .._layers.norm import SpectralBatchNorm
from .._layers.options import BlockOptions
from .._layers.product_activation import ProductActivation
from .._layers.shortcut import by_spin

ActivationLayer = PhaseCollapse | MagnitudeActivation | GatedActivation | ProductActivation | S2Activation


def make_activation(
    options: BlockOptions, spins: tuple[int, ...], channels: int, bandlimit: int, key: PRNGKeyArray
) -> ActivationLayer:
    """Make the activation that the options name, for features of `bandlimit` degrees."""
    if options.activation == "magnitude":
        return MagnitudeActivation(spins, channels)
    if options.activation == "product":
        return ProductActivation(spins, channels, bandlimit=bandlimit, order=options.product_order, key=key)
    kinds = {"phase_collapse": PhaseCollapse, "gated": GatedActivation, "s2": S2Activation}
    return kinds[options.activation](spins, channels, key=key)


def to_coefficients(x: jax.Array, transform: SpinTransform | None, bandlimit: int, spins: tuple[int, ...]) -> jax.Array:
    """Coefficients of `bandlimit` degrees, of maps or of coefficients of any bandlimit."""
    if transform is None:
        return _entries.resized(x, bandlimit, spins)
    coeffs = transform.forward(x)
    return coeffs if transform.bandlimit == bandlimit else change_bandlimit(coeffs, bandlimit, axis=-4)


def transform_to(grid: Grid | None, bandlimit: int, spins: tuple[int, ...]) -> SpinTransform | None:
    """The transform that a layer of `bandlimit` needs from a grid that may resolve fewer degrees."""
    return None if grid is None else SpinTransform(grid, min(bandlimit, grid.max_bandlimit), spins)


def _keeping_input(layer: Any, x: jax.Array, *arguments: Any, **options: Any) -> Any:
    """Apply a layer whose backward pass keeps only `x` and recomputes the other intermediates.

    These are moduli, quotients and concatenated copies: much memory for little work. Not for convolutions, whose
    filters take long to compute. `x` is kept as real and imaginary parts, which saves assembling complex arrays.
    """

    def apply(layer: Any, real: jax.Array, imaginary: jax.Array, *arguments: Any) -> Any:
        return layer(jax.lax.complex(real, imaginary), *arguments, **options)

    return eqx.filter_checkpoint(apply)(layer, x.real, x.imag, *arguments)


class _Sizes(NamedTuple):
    """Checked sizes of a block.

    Attributes:
        spins_in: Spins of the input.
        spins_out: Spins of the output.
        channels_in: Input channels per spin.
        channels_out: Output channels per spin.
        bandlimit: Degrees of the features.
    """

    spins_in: tuple[int, ...]
    spins_out: tuple[int, ...]
    channels_in: int
    channels_out: int
    bandlimit: int

    def convolution(
        self, num_filter_params: int | None, separable: Any, options: BlockOptions
    ) -> Callable[..., SpinConv]:
        """A function that makes a convolution between coefficients, of spins and channels."""
        return functools.partial(
            SpinConv,
            bandlimit=self.bandlimit,
            num_filter_params=num_filter_params,
            use_bias=False,
            separable=separable,
            product_dtype=options.product_dtype,
        )

    def transforms(
        self, grid_in: Grid | None, grid_out: Grid, options: BlockOptions
    ) -> tuple[SpinTransform | None, SpinTransform, SpinTransform | None]:
        """Transforms of the input maps, of the output maps, and of the activations' maps if these are others."""
        analysis = transform_to(grid_in, self.bandlimit, self.spins_in)
        between = transform_to(options.activation_grid(self.bandlimit), self.bandlimit, self.spins_out)
        return analysis, SpinTransform(grid_out, self.bandlimit, self.spins_out), between


def _checked_sizes(
    spins: tuple[Any, Any],
    channels: tuple[Any, Any],
    grids: tuple[Any, Any],
    bandlimit: int | None,
    options: BlockOptions,
) -> _Sizes:
    """Sizes of a block from its arguments, of which the first three are pairs of input and output."""
    _layer_checks.grid_or_none("grid_in", grids[0])
    _layer_checks.grid("grid_out", grids[1])
    checks.instance("options", options, BlockOptions, "a spinnn.BlockOptions")
    return _Sizes(
        _layer_checks.spin_tuple("spins_in", spins[0]),
        _layer_checks.spin_tuple("spins_out", spins[1]),
        _layer_checks.size("channels_in", channels[0]),
        _layer_checks.size("channels_out", channels[1]),
        grids[1].max_bandlimit if bandlimit is None else _layer_checks.size("bandlimit", bandlimit),
    )


class _Block(eqx.Module):
    """Base of both blocks: transforms, checks of the input, choice of the fast layout."""

    transform_in: SpinTransform | None = eqx.field(static=True)
    transform_out: SpinTransform = eqx.field(static=True)
    transform_activation: SpinTransform | None = eqx.field(static=True)

    def __call__(
        self,
        x: Inexact[Array, "*batch a b spin_in channel_in"],
        state: eqx.nn.State,
        *,
        mask: Bool[Array, "*batch"] | None = None,
    ) -> tuple[Complex[Array, "*batch lat lon spin channel"], eqx.nn.State]:
        """Apply to maps on `grid_in` or to coefficients; see `SpectralBatchNorm` for `state` and `mask`."""
        self.check(x, mask)
        fast = _compact.compact([self])
        return self._by_layers(x, state, mask) if fast is None else fast(x, state, mask)

    @property
    def bandlimit(self) -> int:
        """Degrees of the features."""
        return self._first_conv.bandlimit

    @property
    def spins_in(self) -> tuple[int, ...]:
        """Spins of the input."""
        return self._first_conv.spins_in

    def check(self, x: jax.Array, mask: jax.Array | None) -> None:
        """Refuse an input or a mask that does not fit the block.

        Args:
            x: The input of a call.
            mask: The mask of a call.

        Raises:
            TypeError: Input of another type, or of another precision than the parameters.
            ValueError: Axes, grid or mask of other sizes.
        """
        _layer_checks.block_input(type(self).__name__, x, mask, self._first_conv, self.transform_in)

    def _activated(self, activation: ActivationLayer, coeffs: jax.Array) -> jax.Array:
        """Coefficients of the activation of maps, of the same degrees."""
        transform = self.transform_activation or self.transform_out
        return transform.forward(_keeping_input(activation, transform.inverse(coeffs)))

    def _activated_maps(self, activation: ActivationLayer, coeffs: jax.Array) -> jax.Array:
        """Output maps: on a grid of its own the activation adds no degrees to them."""
        if self.transform_activation is None:
            return _keeping_input(activation, self.transform_out.inverse(coeffs))
        return self.transform_out.inverse(self._activated(activation, coeffs))

    @property
    @abc.abstractmethod
    def _first_conv(self) -> SpinConv:
        """The convolution that takes the input."""

    @abc.abstractmethod
    def _by_layers(self, x: jax.Array, state: eqx.nn.State, mask: jax.Array | None) -> tuple[jax.Array, eqx.nn.State]:
        """Apply the layers one after the other, at any bandlimit."""


class SpinBlock(_Block):
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
    activation: ActivationLayer

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
            bandlimit: Degrees of the features; default `grid_out.max_bandlimit`. A lower bandlimit than the output
                grid resolves leaves room for the degrees that the activation adds (oversampling).
            num_filter_params: Knots of localised filters; default one weight per degree.
            separable: See `SpinConv`.
            options: Activation, norm and precision.
            key: Random key.

        Raises:
            TypeError: A size or spin that is not an integer, or `separable` that is not True or False.
            ValueError: Sizes, spins or options out of range.
        """
        sizes = _checked_sizes(
            (spins_in, spins_out), (channels_in, channels_out), (grid_in, grid_out), bandlimit, options
        )
        conv = sizes.convolution(num_filter_params, separable, options)
        first, second = jax.random.split(key)
        spins, channels = sizes.spins_out, sizes.channels_out
        self.conv = conv(sizes.spins_in, spins, sizes.channels_in, channels, key=first)
        self.norm = SpectralBatchNorm(spins, channels, center=options.center, momentum=options.momentum)
        self.activation = make_activation(options, spins, channels, sizes.bandlimit, second)
        transforms = sizes.transforms(grid_in, grid_out, options)
        self.transform_in, self.transform_out, self.transform_activation = transforms

    @property
    def _first_conv(self) -> SpinConv:
        return self.conv

    def _by_layers(self, x: jax.Array, state: eqx.nn.State, mask: jax.Array | None) -> tuple[jax.Array, eqx.nn.State]:
        coeffs = to_coefficients(x, self.transform_in, self.bandlimit, self.spins_in)
        coeffs, state = _keeping_input(self.norm, self.conv(coeffs), state, mask=mask)
        return self._activated_maps(self.activation, coeffs), state


class SpinResidualBlock(_Block):
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
    inner: ActivationLayer
    second: SpinConv
    second_norm: SpectralBatchNorm
    shortcut: Float[Array, "2 shared channel_in channel_out"] | None
    outer: ActivationLayer

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
        sizes = _checked_sizes(
            (spins_in, spins_out), (channels_in, channels_out), (grid_in, grid_out), bandlimit, options
        )
        conv = sizes.convolution(num_filter_params, separable, options)
        keys = jax.random.split(key, 5)
        spins_in, spins, channels_in, channels = sizes[:4]
        norm = functools.partial(SpectralBatchNorm, spins, channels, center=options.center, momentum=options.momentum)
        self.first = conv(spins_in, spins, channels_in, channels, key=keys[0])
        self.first_norm = norm()
        self.inner = make_activation(options, spins, channels, sizes.bandlimit, keys[1])
        self.second = conv(spins, spins, channels, channels, key=keys[2])
        self.second_norm = norm(initial_scale=0.0)
        self.outer = make_activation(options, spins, channels, sizes.bandlimit, keys[3])
        if spins_in == spins and channels_in == channels:
            self.shortcut = None
        else:
            shared = [spin for spin in spins if spin in spins_in]
            self.shortcut = pairs.normal(keys[4], (len(shared), channels_in, channels), channels_in**-0.5)
        transforms = sizes.transforms(grid_in, grid_out, options)
        self.transform_in, self.transform_out, self.transform_activation = transforms

    @property
    def _first_conv(self) -> SpinConv:
        return self.first

    def _by_layers(self, x: jax.Array, state: eqx.nn.State, mask: jax.Array | None) -> tuple[jax.Array, eqx.nn.State]:
        coeffs = to_coefficients(x, self.transform_in, self.bandlimit, self.spins_in)
        branch, state = _keeping_input(self.first_norm, self.first(coeffs), state, mask=mask)
        branch = self.second(self._activated(self.inner, branch))
        branch, state = _keeping_input(self.second_norm, branch, state, mask=mask)
        return self._activated_maps(self.outer, branch + self._shortcut(coeffs)), state

    def _shortcut(self, coeffs: jax.Array) -> jax.Array:
        def mix(x: jax.Array, weights: jax.Array) -> jax.Array:
            return jnp.matmul(x, pairs.join(weights), precision="highest")

        spins = self.first.spins_in, self.second.spins_out
        return by_spin(coeffs, self.shortcut, *spins, axis=coeffs.ndim - 2, mix=mix)


@_compact.reads(SpinBlock)
def _parts(block: SpinBlock) -> _compact.Parts:
    stage = _compact.Stage(block.conv, block.norm, block.activation)
    return _compact.Parts((stage,), block.transform_in, block.transform_out, block.transform_activation)


@_compact.reads(SpinResidualBlock)
def _residual_parts(block: SpinResidualBlock) -> _compact.Parts:
    first = _compact.Stage(block.first, block.first_norm, block.inner)
    second = _compact.Stage(block.second, block.second_norm, block.outer)
    transforms = block.transform_in, block.transform_out, block.transform_activation
    return _compact.Parts((first, second), *transforms, block.shortcut)
