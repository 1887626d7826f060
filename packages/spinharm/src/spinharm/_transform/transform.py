"""Spin-weighted spherical harmonic transforms between maps on a grid and coefficients."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Complex, Inexact, Num

from .. import html
from .._arrays import arguments
from .._grids.grid import Grid
from .._reference import torus
from . import dense, linear
from .dense import Stages, Table
from .plan import Fourier, Plan, Transform
from .tuning import TUNING

Method = Literal["auto", "tables", "recursion", "torus"]

_GIB = 2**30


@jax.tree_util.register_static
@dataclasses.dataclass(frozen=True, init=False)
class SpinTransform:
    """The transform between maps on a grid and coefficients up to a bandlimit, for several spins at once.

    Forward: a_lm = ∫ f conj(sYlm) dΩ. Inverse: f = Σ a_lm sYlm. Harmonics follow `docs/conventions.md`. Both
    directions are exact to rounding for maps of bandlimit at most `bandlimit`; `forward` of other maps gives the
    coefficients of their interpolant below `bandlimit`: a smaller bandlimit is a truncation of a larger one.

    Along each ring a Fourier transform, then per order m one real matrix between rings and degrees. On
    Gauss-Legendre and Driscoll-Healy rings this is the quadrature rule; on equally spaced rings the profile of order m
    is continued over the pole with parity (−1)^{m+s}, interpolated trigonometrically to Gauss nodes and integrated
    there, which is exact for the full band.

    A transform is a static description: hashable, comparable, without arrays, so as a field of a model it
    adds nothing to the parameters or to the saved file. Its tables live in a cache shared by equal transforms. Called
    directly, a transform passes them to its compiled program as arguments; inside your own compiled functions use
    `spinharm.jit`, which does the same (plain `jax.jit` embeds them in the program as literals).

    Attributes:
        grid: The grid of the maps.
        bandlimit: L; degrees are 0 … L−1.
        spins: The spin of each entry of the spin axis.
        method: `"tables"`, `"recursion"` or `"torus"`.
        fourier: `"dft"` (matrix products along the rings) or `"fft"`.
        precision: Precision of every matrix product.
        delta_symmetry: For the torus method: whether only half of the Wigner Δ sum is evaluated.

    Examples:
        >>> import jax
        >>> from spinharm import Grid, SpinTransform
        >>> transform = SpinTransform(Grid.gauss_legendre(4), spins=(0, 1))
        >>> maps = jax.random.normal(jax.random.key(0), (10, 4, 8, 2, 3))  # (batch, lat, lon, spin, channel)
        >>> coeffs = transform.forward(maps)
        >>> coeffs.shape
        (10, 4, 7, 2, 3)
        >>> transform.inverse(coeffs).shape
        (10, 4, 8, 2, 3)
        >>> transform.table_bytes()
        1024
    """

    grid: Grid
    bandlimit: int
    spins: tuple[int, ...]
    method: Literal["tables", "recursion", "torus"]
    fourier: Fourier
    precision: lax.Precision
    delta_symmetry: bool

    def __init__(
        self,
        grid: Grid,
        bandlimit: int | None = None,
        spins: Iterable[int] = (0,),
        *,
        method: Method = "auto",
        fourier: Literal["auto", "dft", "fft"] = "auto",
        precision: lax.Precision = lax.Precision.HIGHEST,
        delta_symmetry: bool = False,
        memory_limit: int = 2 * _GIB,
    ) -> None:
        """Describe a transform; tables are built at its first use.

        Args:
            grid: The grid of the maps.
            bandlimit: L, 1 … `grid.max_bandlimit`, which is the default. A smaller one skips the higher degrees
                inside the transform (spectral pooling).
            spins: One integer per entry of the spin axis, |spin| < L, in any order, repeats allowed.
            method: `"tables"` keeps one matrix per order: the fastest if it fits into memory. `"recursion"` computes
                the harmonics inside the program by recursion over degree: O(L²) memory. `"torus"` is the algorithm of
                the paper, Huffenberger and Wandelt's. `"auto"` takes tables if those of both directions fit
                `memory_limit` in float32, else the recursion.
            fourier: Matrix products (`"dft"`) or FFTs along the rings; `"auto"` takes matrix products on rings of up
                to 256 points.
            precision: Of every matrix product. The default is independent of the backend's reduced precision.
            delta_symmetry: For `method="torus"`: evaluate half of the sum over m′, equation (5) of the paper.
            memory_limit: Bytes that the tables may take, see `table_bytes`.

        Raises:
            TypeError: An argument of the wrong type.
            ValueError: `bandlimit` above the grid's, too few longitudes, a spin not below `bandlimit`, or an
                unknown option.
            MemoryError: `method="tables"` or `"torus"` whose tables exceed `memory_limit`; names both sizes.

        References:
            Esteves, Slotine, Makadia, Scaling Spherical CNNs (2023), equations (2)-(7).
        """
        if not isinstance(grid, Grid):
            raise TypeError(f"`grid` must be a spinharm.Grid, got {grid!r}; see Grid.equiangular and Grid.from_latlon")
        arguments.option("method", method, ("auto", "tables", "recursion", "torus"))
        arguments.option("fourier", fourier, ("auto", "dft", "fft"))
        arguments.flag("delta_symmetry", delta_symmetry)
        bandlimit = _checked_bandlimit(grid, bandlimit)
        sizes = _Sizes(grid, bandlimit, _checked_spins(spins, bandlimit), bool(delta_symmetry))
        if fourier == "auto":
            fourier = "dft" if grid.nlon <= TUNING.largest_dft else "fft"
        vars(self).update(
            grid=grid,
            bandlimit=bandlimit,
            spins=sizes.spins,
            method=_chosen_method(sizes, method, memory_limit),
            fourier=fourier,
            precision=lax.Precision(precision),
            delta_symmetry=sizes.delta_symmetry,
        )

    def table_bytes(self, dtype: str = "float32") -> int:
        """Device memory of the tables of forward and inverse together [bytes], computed without building them.

        For `method="tables"`, gradients need as much again below bandlimit 512, where transposed products have their
        own tables. From 512 on, a table also serves its transpose, and both directions where the quadrature is a
        weighted sum over rings.

        Args:
            dtype: `"float32"` or `"float64"`, the precision of the maps.

        Returns:
            The number of bytes.

        Raises:
            ValueError: Another `dtype`.
        """
        arguments.option("dtype", dtype, ("float32", "float64"))
        sizes = _Sizes(self.grid, self.bandlimit, self.spins, self.delta_symmetry)
        return _table_bytes(sizes, self.method, dtype)

    def forward(
        self, maps: Num[Array | np.ndarray, "*batch lat lon spin channel"]
    ) -> Complex[Array, "*batch degree order spin channel"]:
        """Coefficients of maps: a_lm = ∫ f conj(sYlm) dΩ.

        Args:
            maps: Real or complex maps, shape (*batch, nlat, nlon, len(spins), channels), any number of batch axes,
                float32, float64, complex64 or complex128. Real maps whose spins are all 0 take half the work.

        Returns:
            Coefficients, shape (*batch, L, 2L−1, len(spins), channels), complex64 or complex128; entry (l, m) is at
            [l, m + L − 1] and zero where |m| > l or l < |spin|.

        Raises:
            TypeError: Integer or half-precision maps.
            ValueError: Axis sizes that are not those of the grid and the spins.
        """
        array = arguments.inexact("maps", maps)
        self._check_axes("maps", array, self.grid.shape, ("lat", "lon"))
        batch = array.shape[:-4]
        if self.method == "torus":
            return torus.forward(self._torus_plan(), arguments.complex_of(array))
        real = not jnp.iscomplexobj(array) and not any(self.spins)
        if not real:
            array = arguments.complex_of(array)
        plan = self._plan("analysis", arguments.real_dtype(array), real)
        coeffs = linear.apply(array.reshape(math.prod(batch), *array.shape[-4:]), plan)
        return coeffs.reshape(*batch, *coeffs.shape[1:])

    def inverse(
        self, coeffs: Num[Array | np.ndarray, "*batch degree order spin channel"], *, real: bool = False
    ) -> Inexact[Array, "*batch lat lon spin channel"]:
        """Maps of coefficients: f = Σ a_lm sYlm.

        Args:
            coeffs: Coefficients, shape (*batch, L, 2L−1, len(spins), channels), complex64 or complex128. Entries
                with |m| > l or l < |spin| are ignored.
            real: Return the real part, at half the work. Only where all spins are 0.

        Returns:
            Maps, shape (*batch, nlat, nlon, len(spins), channels), complex or, with `real`, float, of the precision
            of `coeffs`.

        Raises:
            TypeError: Integer or half-precision coefficients, or `real` that is not True or False.
            ValueError: Axis sizes that are not those of the bandlimit and the spins, or `real` with a spin that is
                not 0.
        """
        arguments.flag("real", real)
        if real and any(self.spins):
            raise ValueError(f"`real` must be False unless all spins are 0, got spins {self.spins}")
        array = arguments.complex_of(arguments.inexact("coeffs", coeffs))
        self._check_axes("coeffs", array, (self.bandlimit, 2 * self.bandlimit - 1), ("degree", "order"))
        batch = array.shape[:-4]
        if self.method == "torus":
            maps = torus.inverse(self._torus_plan(), array)
            return maps.real if real else maps
        plan = self._plan("synthesis", arguments.real_dtype(array), real)
        maps = linear.apply(array.reshape(math.prod(batch), *array.shape[-4:]), plan)
        return maps.reshape(*batch, *maps.shape[1:])

    def matrices(self, spin: int, dtype: str = "float32") -> tuple[Table, Table]:
        """Both directions for one spin as dense real matrices: K = L² coefficients, G = nlat · nlon points.

        At small bandlimits (L ≤ 4 or so) one product of such a matrix with all fields as columns is faster than ring
        by ring. Coefficients are those of `spinharm.convert.to_cosines`, packed: (l, m) at l² + l + m. Points have the
        latitude fastest: (i, j) is at j · nlat + i.

        For spin 0 the matrices are real: R = 1, and they act on real and imaginary parts separately. For other spins
        they are complex, and R = 2: a matrix [A, B] acts on (x, ix), real and imaginary parts of x as columns.

        Args:
            spin: One of `spins`.
            dtype: `"float32"` or `"float64"`.

        Returns:
            Analysis, shape (K, R G), and synthesis, shape (G, R K), as callable `Table`s; built in float64, cached,
            shared.

        Raises:
            ValueError: Another spin or `dtype`.

        Examples:
            >>> import numpy as np
            >>> from spinharm import Grid, SpinTransform
            >>> transform = SpinTransform(Grid.gauss_legendre(2, 4))
            >>> analysis, synthesis = transform.matrices(0)
            >>> fields = np.ones((8, 5), np.float32)  # (points, columns)
            >>> round(float(analysis(fields)[0, 0]), 4)  # √(4π)
            3.5449
            >>> bool(np.allclose(synthesis(analysis(fields)), fields, atol=1e-5))
            True
        """
        return dense.matrices(self._single(spin, dtype))

    def stages(self, spin: int, dtype: str = "float32") -> Stages:
        """Both directions for one spin as two stages of real matrices: along the rings, and between rings and degrees.

        For code that keeps features in its own layout, where `forward` and `inverse` would reorder axes. Coefficients
        and R are as in `matrices`.

        Args:
            spin: One of `spins`.
            dtype: `"float32"` or `"float64"`.

        Returns:
            The four tables of both directions, see `Stages`; built in float64, cached, shared.

        Raises:
            ValueError: Another spin or `dtype`.

        Examples:
            >>> from spinharm import Grid, SpinTransform
            >>> stages = SpinTransform(Grid.gauss_legendre(2, 4)).stages(0)
            >>> stages.fourier_analysis.matrix.shape, stages.legendre_analysis.matrix.shape
            ((3, 4), (3, 2, 2))
        """
        return dense.stages(self._single(spin, dtype))

    def _repr_html_(self) -> str:
        """Table for notebooks."""
        rows = [(field.name, str(getattr(self, field.name))) for field in dataclasses.fields(self)]
        return html.table(f"SpinTransform, {self.bandlimit} degrees", (), rows)

    def _single(self, spin: int, dtype: str) -> Plan:
        arguments.option("dtype", dtype, ("float32", "float64"))
        if spin not in self.spins:
            raise ValueError(f"`spin` must be one of `spins` {self.spins}, got {spin}")
        return Plan(self.grid, self.bandlimit, (spin,), dtype, "tables", "dft", lax.Precision.HIGHEST)

    def _plan(self, transform: Transform, dtype: str, real: bool = False) -> Plan:
        method = "recursion" if self.method == "recursion" else "tables"
        return Plan(self.grid, self.bandlimit, self.spins, dtype, method, self.fourier, self.precision, real, transform)

    def _torus_plan(self) -> torus.TorusPlan:
        return torus.TorusPlan(self.grid, self.bandlimit, self.spins, self.fourier, self.precision, self.delta_symmetry)

    def _check_axes(self, name: str, array: jax.Array, sizes: tuple[int, int], axes: tuple[str, str]) -> None:
        wanted = (*sizes, len(self.spins))
        if array.ndim < 4 or array.shape[-4:-1] != wanted:
            raise ValueError(
                f"`{name}` must have axes (*batch, {axes[0]}, {axes[1]}, spin, channel) with sizes "
                f"(…, {wanted[0]}, {wanted[1]}, {wanted[2]}, any) for bandlimit {self.bandlimit} and spins "
                f"{self.spins} on Grid({self.grid}), got shape {array.shape}"
            )


class _Sizes(NamedTuple):
    """Sizes that, with the method, determine the memory of a transform; fields as in `SpinTransform`."""

    grid: Grid
    bandlimit: int
    spins: tuple[int, ...]
    delta_symmetry: bool


def _checked_bandlimit(grid: Grid, bandlimit: int | None) -> int:
    bandlimit = grid.max_bandlimit if bandlimit is None else arguments.integer("bandlimit", bandlimit, 1)
    if bandlimit > grid.max_bandlimit_of_rings:
        raise ValueError(
            f"`bandlimit` must be at most {grid.max_bandlimit_of_rings} on the {grid.nlat} rings of "
            f"Grid({grid}), got {bandlimit}; use a grid with more rings"
        )
    if grid.nlon < 2 * bandlimit - 1:
        raise ValueError(
            f"`bandlimit` {bandlimit} needs nlon >= 2 * bandlimit - 1 = {2 * bandlimit - 1} longitudes, got "
            f"nlon = {grid.nlon}; use `bandlimit` at most {grid.max_bandlimit} or a grid with more longitudes"
        )
    return bandlimit


def _checked_spins(spins: Iterable[int], bandlimit: int) -> tuple[int, ...]:
    if isinstance(spins, int | np.integer):
        raise TypeError(f"`spins` must be a sequence of integers, got {spins!r}; write ({spins},)")
    checked = tuple(arguments.integer("spins", spin) for spin in spins)
    if not checked:
        raise ValueError("`spins` must not be empty, got (); a scalar field has spins (0,)")
    for spin in checked:
        if abs(spin) >= bandlimit:
            raise ValueError(
                f"`spins` must be below the bandlimit in magnitude, got spin {spin} with bandlimit {bandlimit}: "
                f"a field of spin s begins at degree |s|"
            )
    return checked


def _chosen_method(sizes: _Sizes, method: Method, memory_limit: int) -> Literal["tables", "recursion", "torus"]:
    """The method itself, or for `"auto"` tables if they fit into memory, else the recursion."""
    if method == "torus" and sizes.grid.rule != "circle":
        raise ValueError(
            f'`method` "torus" needs rings equally spaced along the meridian circle, got Grid({sizes.grid}); '
            f'use method "tables"'
        )
    if method == "recursion":
        return method
    need = _table_bytes(sizes, "tables" if method == "auto" else method, "float32")
    if need <= memory_limit:
        return "tables" if method == "auto" else method
    if method == "auto":
        return "recursion"
    raise MemoryError(
        f"the tables of method {method!r} for bandlimit {sizes.bandlimit}, spins {sizes.spins} on Grid({sizes.grid}) "
        f"take {need / _GIB:.2f} GiB, above `memory_limit` {memory_limit / _GIB:.2f} GiB; raise it, or use method "
        f"'recursion', which takes {_table_bytes(sizes, 'recursion', 'float32') / _GIB:.2f} GiB"
    )


def _table_bytes(sizes: _Sizes, method: Literal["tables", "recursion", "torus"], dtype: str) -> int:
    """Bytes of the tables of both directions."""
    if method == "torus":
        return torus.table_bytes(sizes.bandlimit, sizes.spins, dtype, sizes.delta_symmetry)
    analysis = Plan(sizes.grid, sizes.bandlimit, sizes.spins, dtype, method, "fft", lax.Precision.HIGHEST)
    synthesis = dataclasses.replace(analysis, transform="synthesis")
    return sum(plan.table_bytes for plan in {analysis.source, synthesis.source})


def forward(
    f: Num[Array | np.ndarray, "*batch lat lon"], grid: Grid, *, spin: int = 0, bandlimit: int | None = None
) -> Complex[Array, "*batch degree order"]:
    """Coefficients of maps of one spin: a_lm = ∫ f conj(sYlm) dΩ.

    Args:
        f: Maps, shape (*batch, nlat, nlon), real or complex, 32 or 64 bits; any number of batch axes.
        grid: Their grid.
        spin: Their spin weight.
        bandlimit: L; default `grid.max_bandlimit`.

    Returns:
        Coefficients, shape (*batch, L, 2L−1), complex; entry (l, m) is at [l, m + L − 1].

    Raises:
        TypeError: Integer or half-precision maps.
        ValueError: Axis sizes that are not the grid's, or a bandlimit or spin out of range.

    Examples:
        >>> import numpy as np
        >>> import spinharm
        >>> from spinharm import Grid
        >>> grid = Grid.gauss_legendre(4)
        >>> coeffs = spinharm.forward(np.ones(grid.shape), grid)
        >>> coeffs.shape
        (4, 7)
        >>> round(float(coeffs[0, 3].real), 4)  # √(4π)
        3.5449
    """
    transform = SpinTransform(grid, bandlimit, (spin,))
    array = arguments.inexact("f", f)
    if array.shape[-2:] != grid.shape:
        raise ValueError(f"`f` must have axes (*batch, lat, lon) with sizes {grid.shape}, got shape {array.shape}")
    return transform.forward(array[..., None, None])[..., 0, 0]


def inverse(
    coeffs: Num[Array | np.ndarray, "*batch degree order"], grid: Grid, *, spin: int = 0, real: bool = False
) -> Inexact[Array, "*batch lat lon"]:
    """Maps of the coefficients of one spin: f = Σ a_lm sYlm.

    Args:
        coeffs: Coefficients, shape (*batch, L, 2L−1), complex.
        grid: The grid of the maps; any that resolves L degrees.
        spin: The spin weight.
        real: Return the real part, at half the work; for spin 0.

    Returns:
        Maps, shape (*batch, nlat, nlon), complex or, with `real`, float.

    Raises:
        TypeError: Integer or half-precision coefficients.
        ValueError: Axes that are not (degree, order), a bandlimit above the grid's, or a spin out of range.

    Examples:
        >>> import numpy as np
        >>> import spinharm
        >>> from spinharm import Grid
        >>> coeffs = np.zeros((4, 7), np.complex64)
        >>> coeffs[0, 3] = np.sqrt(4 * np.pi)
        >>> maps = spinharm.inverse(coeffs, Grid.equiangular(7, 12), real=True)
        >>> maps.shape, bool(np.allclose(maps, 1))
        ((7, 12), True)
    """
    array = arguments.inexact("coeffs", coeffs)
    bandlimit = arguments.bandlimit_of(array, -2)
    return SpinTransform(grid, bandlimit, (spin,)).inverse(array[..., None, None], real=real)[..., 0, 0]
