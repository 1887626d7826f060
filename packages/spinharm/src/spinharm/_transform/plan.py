"""Static, hashable description of one linear map, from which all of its tables follow."""

import dataclasses
from typing import Literal, NamedTuple

import numpy as np
from jax import lax

from .._grids.grid import Grid
from .tuning import TUNING, Tuning

Method = Literal["tables", "recursion"]
Fourier = Literal["dft", "fft"]
Transform = Literal["analysis", "synthesis"]


class Block(NamedTuple):
    """The part of a dense table that is kept for a range of orders; the rest is zero to rounding.

    Attributes:
        orders: From the first order up to, not including, the second.
        degree: First degree.
        rings: From the first ring up to, not including, the second.
    """

    orders: tuple[int, int]
    degree: int
    rings: tuple[int, int]


@dataclasses.dataclass(frozen=True)
class Plan:
    """One of four linear maps: analysis, synthesis, and their transposes, which are their derivatives.

    The analysis takes maps to coefficients with ring matrices A_m, the synthesis coefficients to maps with ring
    matrices P_m. The transpose of an analysis takes coefficients to maps with A_mᵀ and conjugated phases; the transpose
    of a synthesis takes maps to coefficients with P_mᵀ and conjugated phases.

    Attributes:
        grid: The grid of the maps.
        bandlimit: Number of degrees of the coefficients.
        spins: The spin of each entry of the spin axis.
        dtype: `"float32"` or `"float64"`.
        method: Dense tables, or recursion over degree inside the compiled program.
        fourier: Matrix products or FFTs along the rings.
        precision: Of every matrix product.
        real: Maps are real and the only spin is 0.
        transform: `"analysis"` or `"synthesis"`: the transform that this map, or its transpose, is.
        transposed: Whether this map is the transpose.
        tuning: Thresholds between variants.
    """

    grid: Grid
    bandlimit: int
    spins: tuple[int, ...]
    dtype: str
    method: Method
    fourier: Fourier
    precision: lax.Precision
    real: bool = False
    transform: Transform = "analysis"
    transposed: bool = False
    tuning: Tuning = TUNING

    @property
    def transpose(self) -> "Plan":
        """The plan of the transpose."""
        return dataclasses.replace(self, transposed=not self.transposed)

    @property
    def gives_degrees(self) -> bool:
        """Whether maps are the input and coefficients the output, as in an analysis or a transposed synthesis."""
        return (self.transform == "analysis") != self.transposed

    @property
    def integrates(self) -> bool:
        """Whether the ring matrices, or their transposes, are those of the quadrature."""
        return self.transform == "analysis"

    @property
    def interpolates(self) -> bool:
        """Whether the quadrature is along the meridian circle, which is more than a weighted sum of rings."""
        return self.integrates and self.grid.rule == "circle"

    @property
    def sign(self) -> int:
        """σ of the phases e^{−iσmφ} to coefficients and e^{iσmφ} to maps."""
        return -1 if self.transposed else 1

    @property
    def folded(self) -> bool:
        """Whether one table serves orders m and −m, which needs rings symmetric about the equator."""
        return self.grid.is_symmetric

    @property
    def halved(self) -> bool:
        """Whether dense tables hold northern rings only: harmonics of spin 0 are even or odd about the equator."""
        large = self.bandlimit >= self.tuning.halved_from
        return self.folded and not any(self.spins) and self.method == "tables" and large

    @property
    def shared(self) -> bool:
        """Whether one dense table, (order, spin, degree, lat), serves a map and its transpose.

        If the quadrature is a weighted sum over rings, it serves both transforms, and rings are weighted separately.
        """
        return self.method == "tables" and self.bandlimit >= self.tuning.shared_from

    @property
    def northern_rings(self) -> int:
        """Number of rings of the first half, one on the equator included."""
        return -(-self.grid.nlat // 2)

    @property
    def parts(self) -> int:
        """Real numbers per order m >= 0: re and im of order m, and those of order −m unless maps are real."""
        return 2 if self.real else 4

    @property
    def stride(self) -> int:
        """2 if products along the rings separate even and odd orders, which halves their size; else 1.

        Entry i of class r is order r + stride · i. From complex maps to degrees it saves less than it costs.
        """
        products = self.fourier == "dft" and self.method == "tables" and (self.real or not self.gives_degrees)
        large = self.grid.nlon >= self.tuning.classes_from and self.bandlimit >= self.tuning.classes_orders
        return 2 if products and large and self.grid.nlon % 4 == 0 and not self.shared else 1

    @property
    def source(self) -> "Plan":
        """The plan whose tables this one uses; the precision of products does not affect tables."""
        plan = dataclasses.replace(self, precision=lax.Precision.HIGHEST)
        if not self.shared:
            return plan
        if self.interpolates:
            return dataclasses.replace(plan, transform="analysis", transposed=False)
        return dataclasses.replace(plan, transform="synthesis", transposed=True)

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The blocks of the dense table."""
        tuning, L = self.tuning, self.bandlimit
        preferred, least = -(-L // tuning.blocks), -(-L // tuning.most_blocks)
        size = max(tuning.fewest_orders, least, min(preferred, tuning.enough_orders))
        # A block of two classes begins with an even order.
        edges = list(range(0, self.bandlimit, size + size % self.stride))
        if len(edges) < 3:
            edges = [0]
        lowest = min(abs(spin) for spin in self.spins)
        return tuple(
            Block(
                (first, last),
                min(max(first, lowest), self.bandlimit - 1),
                (0, self.grid.nlat) if self.interpolates else self._rings(first),  # interpolation involves all rings
            )
            for first, last in zip(edges, [*edges[1:], self.bandlimit], strict=True)
        )

    def _rings(self, first_order: int) -> tuple[int, int]:
        """The rings where orders from `first_order` on are not negligible.

        Towards the poles, where sin θ < m/l, a harmonic falls off as e^(−lφ), φ = ∫ √(m²/(l sin θ)² − 1) dθ from there
        to θ (WKB). Spin s does at most what m − |s| would do.
        """
        nlat = self.grid.nlat
        x = (first_order - max(abs(spin) for spin in self.spins)) / self.bandlimit
        if x <= 0 or self.bandlimit < self.tuning.rings_from:
            return 0, nlat
        # In u = |cos θ|, with c where the fall begins, the integral has a closed form.
        u, c = np.abs(np.cos(self.grid.colatitude)), np.sqrt(1 - x * x)
        u = np.clip(u, c, 1.0)
        root = np.sqrt(u * u - c * c)
        with np.errstate(divide="ignore"):
            depth = self.bandlimit * (x * np.arctanh(np.minimum(root / (x * u), 1.0)) - np.arccosh(u / c))
        kept = np.flatnonzero(depth <= self.tuning.ring_margin - np.log(np.finfo(self.dtype).eps))
        first = min(kept[0], nlat - 1 - kept[-1]) if self.folded else kept[0]
        return int(first), int(nlat - first if self.folded else kept[-1] + 1)

    @property
    def table_bytes(self) -> int:
        """Bytes of the tables between rings and degrees."""
        item = np.dtype(self.dtype).itemsize
        signs = 1 if self.folded or self.real else 2
        if self.method == "recursion":
            rings, nodes = self.grid.nlat, recursion_nodes(self.grid, self.bandlimit)
            rows = len(self.spins) * self.bandlimit * signs
            return 2 * 8 * rows * max(nodes, rings) + 3 * 8 * rows * self.bandlimit + 2 * item * nodes * rings
        entries = 0
        for (first, last), degree, (north, south) in self.blocks:
            rings = self.northern_rings - north if self.halved else south - north
            entries += (last - first) * (self.bandlimit - degree) * rings
        return item * len(self.spins) * entries * signs


def recursion_nodes(grid: Grid, bandlimit: int) -> int:
    """Number of Gauss-Legendre nodes that integrate a grid's ring interpolant against `bandlimit` degrees exactly."""
    if grid.rule != "circle":
        return grid.nlat
    # The interpolant has degree at most nlat, the harmonics bandlimit − 1; n nodes are exact up to degree 2n − 1.
    return (grid.nlat + bandlimit) // 2 + 1
