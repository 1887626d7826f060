"""Spin-weighted spherical convolution."""

from __future__ import annotations

import math
from collections.abc import Iterable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float, Inexact, PRNGKeyArray

from spinharm import Grid, SpinTransform, checks

from .. import _entries, _layer_checks
from . import pairs, products


class SpinConv(eqx.Module):
    """Convolution between sets of spins and channels: a product with filter coefficients at every degree.

    out_{lm,t,d} = Σ_{s,c} in_{lm,s,c} · k_{l,s,c,t,d}, complex, for input spins s and channels c and output spins t
    and channels d. Independent of the order m, it commutes with every rotation of the sphere. With
    `num_filter_params` fewer than degrees the filter is linear in l between that many knots, hence smooth in l and
    localised in space.

    Input and output are maps where a grid is given and coefficients where it is not. With a
    `bandlimit` below that of the input, the higher degrees are not computed (spectral pooling). With one below that of
    the output grid, the layer upsamples.

    A bias is a constant added to spin 0 alone; a constant of another spin does not exist.

    At initialisation each output coefficient has the mean square of the input coefficients, whatever the widths, spins
    and knots.

    References:
        Esteves, Slotine, Makadia, Scaling Spherical CNNs (2023), section 3; Esteves, Makadia, Daniilidis, Spin-weighted
        spherical CNNs (2020), equation (12) and section 4.2 (localised filters).

    Examples:
        >>> import jax
        >>> from spinharm import Grid
        >>> from spinnn import SpinConv
        >>> grid = Grid.gauss_legendre(4)
        >>> layer = SpinConv((0,), (0, 1), 3, 8, bandlimit=4, grid_in=grid, key=jax.random.key(0))
        >>> layer(jax.numpy.ones((16, *grid.shape, 1, 3))).shape  # coefficients go out
        (16, 4, 7, 2, 8)
        >>> layer.filters().shape
        (4, 1, 3, 2, 8)
    """

    weight: Float[Array, "2 knots spin_in channel_in spin_out channel_out"] | Float[Array, "2 knots spin_in spin_out c"]
    pointwise: Float[Array, "2 spin_out channel_in channel_out"] | None
    bias: Float[Array, "2 channel_out"] | None
    spins_in: tuple[int, ...] = eqx.field(static=True)
    spins_out: tuple[int, ...] = eqx.field(static=True)
    channels_in: int = eqx.field(static=True)
    channels_out: int = eqx.field(static=True)
    bandlimit: int = eqx.field(static=True)
    transform_in: SpinTransform | None = eqx.field(static=True)
    transform_out: SpinTransform | None = eqx.field(static=True)
    product_dtype: str = eqx.field(static=True)

    def __init__(
        self,
        spins_in: Iterable[int],
        spins_out: Iterable[int],
        channels_in: int,
        channels_out: int,
        *,
        bandlimit: int,
        grid_in: Grid | None = None,
        grid_out: Grid | None = None,
        num_filter_params: int | None = None,
        use_bias: bool = True,
        separable: bool = False,
        product_dtype: str = "float32",
        key: PRNGKeyArray,
    ) -> None:
        """Make a layer with random filters.

        Args:
            spins_in: Spin of each entry of the input's spin axis.
            spins_out: Spin of each entry of the output's spin axis.
            channels_in: Input channels per spin.
            channels_out: Output channels per spin.
            bandlimit: L, the number of degrees of the filter and of the output.
            grid_in: Grid of the input maps; coefficients come in if left out.
            grid_out: Grid of the output maps; coefficients go out if left out.
            num_filter_params: Knots of a localised filter, 1 … L; default one weight per degree.
            use_bias: Whether spin 0 of the output has a bias; ignored where it has no spin 0.
            separable: A filter per channel (mixing spins), then a mixture of channels per spin.
            product_dtype: `"float32"` or `"bfloat16"`: type of the factors of matrix products over channels; sums are
                float32.
            key: Random key.

        Raises:
            TypeError: A size or spin that is not an integer, or a switch that is not True or False.
            ValueError: Sizes, spins, knots or options out of range.
        """
        self.spins_in = _layer_checks.spin_tuple("spins_in", spins_in)
        self.spins_out = _layer_checks.spin_tuple("spins_out", spins_out)
        self.channels_in = channels_in = _layer_checks.size("channels_in", channels_in)
        self.channels_out = channels_out = _layer_checks.size("channels_out", channels_out)
        self.bandlimit = bandlimit = _layer_checks.size("bandlimit", bandlimit)
        for name, spins in (("spins_in", self.spins_in), ("spins_out", self.spins_out)):
            if max(map(abs, spins)) >= bandlimit:
                raise ValueError(f"`{name}` must be below the bandlimit {bandlimit} in magnitude, got {spins}")
        knots = bandlimit if num_filter_params is None else _layer_checks.size("num_filter_params", num_filter_params)
        if knots > bandlimit:
            raise ValueError(f"`num_filter_params` must be at most the bandlimit {bandlimit}, got {knots}")
        for name, value in (("use_bias", use_bias), ("separable", separable)):
            checks.flag(name, value)
        checks.option("product_dtype", product_dtype, ("float32", "bfloat16"))
        self.product_dtype = product_dtype
        self.transform_in = None if grid_in is None else SpinTransform(grid_in, bandlimit, self.spins_in)
        self.transform_out = None if grid_out is None else SpinTransform(grid_out, bandlimit, self.spins_out)
        spectral, mixing = jax.random.split(key)
        if separable:
            shape = (knots, len(self.spins_in), len(self.spins_out), channels_in)
            self.weight = pairs.normal(spectral, shape, 1.0)
            shape = (len(self.spins_out), channels_in, channels_out)
            self.pointwise = pairs.normal(mixing, shape, channels_in**-0.5)
        else:
            shape = (knots, len(self.spins_in), channels_in, len(self.spins_out), channels_out)
            self.weight = pairs.normal(spectral, shape, channels_in**-0.5)
            self.pointwise = None
        self.bias = jnp.zeros((2, channels_out)) if use_bias and 0 in self.spins_out else None

    def filters(self) -> Complex[Array, "degree *axes"]:
        """Filter coefficients by degree: (L, spin_in, channel_in, spin_out, channel_out), complex.

        For a separable layer (L, spin_in, spin_out, channel). Zero where a spin does not reach the degree.
        """
        return pairs.join(filter_parts(self))

    def __call__(self, x: Inexact[Array, "*batch a b spin_in channel_in"]) -> Complex[Array, "*batch c d spin channel"]:
        """Convolve.

        Args:
            x: Maps on `grid_in`, shape (*batch, lat, lon, spins_in, channels_in), real (spin 0 alone) or complex, or
                coefficients, shape (*batch, degree, order, spins_in, channels_in), of `bandlimit` degrees or more.
                Entries with |m| > l or l < |spin| do not matter, here and in every layer.

        Returns:
            Maps on `grid_out`, shape (*batch, lat, lon, spins_out, channels_out), or coefficients, shape
            (*batch, L, 2L−1, spins_out, channels_out), complex.

        Raises:
            TypeError: Input of another precision than the parameters.
            ValueError: Axes of other sizes.
        """
        _layer_checks.features("SpinConv", "x", x, self.spins_in, self.channels_in, self.weight)
        if self.transform_in is not None:
            coeffs = self.transform_in.forward(x)
        else:
            _layer_checks.coefficients("SpinConv", "x", x, self.bandlimit)
            coeffs = _entries.resized(x, self.bandlimit, self.spins_in)
        out = self._filter(coeffs)
        if self.bias is not None:
            at = self.spins_out.index(0)
            # The coefficient of a constant 1 is √4π.
            constant = pairs.join(self.bias) * jnp.asarray((4 * np.pi) ** 0.5, out.dtype)
            out = out.at[..., 0, self.bandlimit - 1, at, :].add(constant)
        return out if self.transform_out is None else self.transform_out.inverse(out)

    def _filter(self, coeffs: jax.Array) -> jax.Array:
        L = self.bandlimit
        batch = coeffs.shape[:-4]
        if self.pointwise is not None:
            mixed = jnp.einsum("...lmsc,lstc->...lmtc", coeffs, self.filters(), precision="highest")
            rows = math.prod(batch) * L * (2 * L - 1)
            parts = jnp.moveaxis(mixed, -2, 0).reshape(len(self.spins_out), rows, self.channels_in)
            out = self._product(parts, self.pointwise)
            out = out.reshape(len(self.spins_out), *batch, L, 2 * L - 1, self.channels_out)
            return jnp.moveaxis(out, 0, -2)
        rows = math.prod(batch) * (2 * L - 1)
        columns = jnp.moveaxis(coeffs, -4, 0).reshape(L, rows, len(self.spins_in) * self.channels_in)
        matrices = filter_parts(self).reshape(2, L, columns.shape[-1], -1)
        out = self._product(columns, matrices)
        out = out.reshape(L, *batch, 2 * L - 1, len(self.spins_out), self.channels_out)
        return jnp.moveaxis(out, 0, -4)

    def _product(self, x: jax.Array, matrix: jax.Array) -> jax.Array:
        """Batched complex product (g, n, i) × (g, i, o), the matrix as a pair of real ones."""
        parts = products.complex_product(x.real, x.imag, matrix[0], matrix[1], self.product_dtype)
        return jax.lax.complex(*parts)


def filter_parts(conv: SpinConv) -> Float[Array, "2 degree *axes"]:
    """`SpinConv.filters` as a pair of real arrays."""
    knots = conv.weight.shape[1]
    table = _degree_table(conv.bandlimit, knots, conv.spins_in, conv.spins_out)
    interpolation, present = (table[name].astype(conv.weight.dtype) for name in ("interpolation", "present"))
    present = present[..., None] if conv.pointwise is not None else present[:, :, None, :, None]
    if knots == conv.bandlimit:
        # A weight per degree: nothing to interpolate.
        return conv.weight * (present * np.diag(interpolation).reshape(-1, *[1] * (present.ndim - 1)))
    return jnp.einsum("lk,pk...->pl...", interpolation, conv.weight, precision="highest") * present


def _degree_table(
    bandlimit: int, knots: int, spins_in: tuple[int, ...], spins_out: tuple[int, ...]
) -> dict[str, np.ndarray]:
    """How weights become filters: interpolation over degree, and which spins reach which degree."""
    degree = np.arange(bandlimit)
    position = degree * (knots - 1) / max(bandlimit - 1, 1)
    interpolation = np.maximum(0.0, 1.0 - np.abs(position[:, None] - np.arange(knots)))
    # Between knots a mean of independent weights varies less, and at low degrees fewer spins contribute: both are
    # undone, so that each output coefficient has the variance of the inputs.
    interpolation /= np.sqrt((interpolation**2).sum(1, keepdims=True))
    reached_in = degree[:, None] >= np.abs(spins_in)
    reached_out = degree[:, None] >= np.abs(spins_out)
    contributing = np.maximum(reached_in.sum(1), 1)
    interpolation /= np.sqrt(contributing)[:, None]
    return {"interpolation": interpolation, "present": reached_in[:, :, None] & reached_out[:, None, :]}
