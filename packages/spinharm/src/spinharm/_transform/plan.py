"""What one transform is: a static, hashable description from which every table follows."""

import dataclasses
from typing import Literal, NamedTuple

import numpy as np
from jax import lax

from .._grids.grid import Grid

Method = Literal["tables", "recursion"]
Fourier = Literal["dft", "fft"]

# A dense table is cut into blocks of orders, whose degrees below the first order are left out: of six blocks, 58 % of
# the table remain, of 16 53 %. More blocks cost compilation time.
_BLOCKS, _MOST_BLOCKS = 6, 16
_FEWEST_ORDERS, _ENOUGH_ORDERS = 16, 32
# Harmonics below the rounding error by this factor, e⁻⁵, count as zero.
_MARGIN = 5.0
# From this bandlimit on the halves of `Plan.halved` save more than folding and interleaving cost, and the rings that
# `Block` leaves out more than filling them with zeros.
_LARGE = 128
# From this bandlimit on memory counts more than a product's transposed operands, see `Plan.shared`.
_HUGE = 512
# From this many longitudes and orders on the smaller products of `Plan.stride` save more than their number costs.
_LONG, _MANY = 128, 32


class Block(NamedTuple):
    """Which part of a dense table is kept for a range of orders; elsewhere it is zero, or as good as zero.

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
    """A linear map between maps and coefficients, or its transpose.

    The transform of maps to coefficients with ring matrices A_m is `analysis`; the one of coefficients to maps with
    matrices P_m is `synthesis`. The transpose of an analysis is a synthesis with A_mᵀ and conjugated phases, and the
    transpose of a synthesis is an analysis with P_mᵀ: `adjoint` marks both.

    Attributes:
        grid: The grid of the maps.
        bandlimit: Number of degrees of the coefficients.
        spins: The spin of each entry of the spin axis.
        dtype: `"float32"` or `"float64"`.
        method: Dense tables, or recursion over degree inside the compiled program.
        fourier: Matrix products or FFTs along the rings.
        precision: Of every matrix product.
        real: Maps are real and the only spin is 0.
        adjoint: See above.
    """

    grid: Grid
    bandlimit: int
    spins: tuple[int, ...]
    dtype: str
    method: Method
    fourier: Fourier
    precision: lax.Precision
    real: bool = False
    adjoint: bool = False

    @property
    def sign(self) -> int:
        """σ of the phases e^{−iσmφ} of an analysis and e^{iσmφ} of a synthesis."""
        return -1 if self.adjoint else 1

    @property
    def folded(self) -> bool:
        """Whether one table serves orders m and −m, which needs rings symmetric about the equator."""
        return self.grid.is_symmetric

    @property
    def halved(self) -> bool:
        """Whether dense tables hold northern rings only: harmonics of spin 0 are even or odd about the equator."""
        return self.folded and not any(self.spins) and self.method == "tables" and self.bandlimit >= _LARGE

    @property
    def shared(self) -> bool:
        """Whether one dense table, (order, spin, degree, lat), serves a direction and its adjoint.

        Where integration over rings is a weighted sum, it serves both directions, and rings are weighted apart.
        """
        return self.method == "tables" and self.bandlimit >= _HUGE

    @property
    def northern_rings(self) -> int:
        """Number of rings of the first half, one on the equator included."""
        return -(-self.grid.nlat // 2)

    @property
    def parts(self) -> int:
        """Real numbers kept per order m >= 0: re and im of order m, and those of order −m unless maps are real."""
        return 2 if self.real else 4

    @property
    def stride(self) -> int:
        """2 where products along the rings keep even and odd orders apart, which halves them; else 1.

        Order r + stride · i is entry i of class r.
        """
        products = self.fourier == "dft" and self.method == "tables"
        return 2 if products and self.grid.nlon % 4 == 0 and self.grid.nlon >= _LONG and self.bandlimit >= _MANY else 1

    def is_analysis(self, towards_degrees: bool) -> bool:
        """Whether the matrices of a direction integrate over rings, as they do unless it is an adjoint."""
        return towards_degrees != self.adjoint

    def interpolates(self, towards_degrees: bool) -> bool:
        """Whether a direction integrates along the meridian circle, which is more than a weighted sum of rings."""
        return self.is_analysis(towards_degrees) and self.grid.rule == "circle"

    def source(self, towards_degrees: bool) -> tuple["Plan", bool]:
        """The plan and the direction whose dense table a direction takes."""
        if not self.shared:
            return self, towards_degrees
        return dataclasses.replace(self, adjoint=not self.interpolates(towards_degrees)), True

    def blocks(self, towards_degrees: bool) -> tuple[Block, ...]:
        """The blocks of the dense table of a direction."""
        size = max(_FEWEST_ORDERS, self.bandlimit // _MOST_BLOCKS, min(self.bandlimit // _BLOCKS, _ENOUGH_ORDERS))
        # A block begins with an even order, see `stride`.
        edges = list(range(0, self.bandlimit, size + size % 2))
        if len(edges) < 3:
            edges = [0]
        lowest = min(abs(spin) for spin in self.spins)
        # Interpolation along the meridian circle leaves no ring untouched.
        everywhere = self.interpolates(towards_degrees)
        return tuple(
            Block(
                (first, last),
                min(max(first, lowest), self.bandlimit - 1),
                (0, self.grid.nlat) if everywhere else self._rings(first),
            )
            for first, last in zip(edges, [*edges[1:], self.bandlimit], strict=True)
        )

    def _rings(self, first_order: int) -> tuple[int, int]:
        """The rings that orders from `first_order` on reach.

        Towards the poles, where sin θ < m/l, a harmonic falls off as e^(−lφ), φ = ∫ √(m²/(l sin θ)² − 1) dθ from there
        to θ (WKB). Spin s does at most what m − |s| would do.
        """
        nlat = self.grid.nlat
        x = (first_order - max(abs(spin) for spin in self.spins)) / self.bandlimit
        if x <= 0 or self.bandlimit < _LARGE:
            return 0, nlat
        # In u = |cos θ|, with c where the fall begins, the integral has a closed form.
        u, c = np.abs(np.cos(self.grid.colatitude)), np.sqrt(1 - x * x)
        u = np.clip(u, c, 1.0)
        root = np.sqrt(u * u - c * c)
        with np.errstate(divide="ignore"):
            depth = self.bandlimit * (x * np.arctanh(np.minimum(root / (x * u), 1.0)) - np.arccosh(u / c))
        kept = np.flatnonzero(depth <= _MARGIN - np.log(np.finfo(self.dtype).eps))
        first = min(kept[0], nlat - 1 - kept[-1]) if self.folded else kept[0]
        return int(first), int(nlat - first if self.folded else kept[-1] + 1)

    def table_bytes(self, towards_degrees: bool) -> int:
        """Bytes of the tables of one direction."""
        item = np.dtype(self.dtype).itemsize
        signs = 1 if self.folded or self.real else 2
        if self.method == "recursion":
            rings, nodes = self.grid.nlat, recursion_nodes(self.grid, self.bandlimit)
            rows = len(self.spins) * self.bandlimit * signs
            return 2 * 8 * rows * max(nodes, rings) + 3 * 8 * rows * self.bandlimit + 2 * item * nodes * rings
        entries = 0
        for (first, last), degree, (north, south) in self.blocks(towards_degrees):
            rings = self.northern_rings - north if self.halved else south - north
            entries += (last - first) * (self.bandlimit - degree) * rings
        return item * len(self.spins) * entries * signs


def recursion_nodes(grid: Grid, bandlimit: int) -> int:
    """Number of Gauss-Legendre nodes that integrate a grid's ring interpolant against `bandlimit` degrees exactly."""
    if grid.rule != "circle":
        return grid.nlat
    # The interpolant has degree at most nlat, the harmonics bandlimit − 1; n nodes are exact up to degree 2n − 1.
    return (grid.nlat + bandlimit) // 2 + 1
