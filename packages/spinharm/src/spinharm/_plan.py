"""What one transform is: a static, hashable description from which every table follows."""

import dataclasses
from typing import Literal

import numpy as np
from jax import lax

from ._grid import Grid

Method = Literal["tables", "recursion"]
Fourier = Literal["dft", "fft"]

# A dense table is cut into blocks of orders, whose degrees below the first order are left out: with six blocks, 58 % of
# the table remains. More blocks save little and cost compilation time.
_BLOCKS = 6
_FEWEST_ORDERS = 16
# From this bandlimit on the halves of `Plan.halved` save more than folding and interleaving cost.
_LARGE = 128


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
    def parts(self) -> int:
        """Real numbers kept per order m >= 0: re and im of order m, and those of order −m unless maps are real."""
        return 2 if self.real else 4

    @property
    def blocks(self) -> tuple[tuple[int, int, int], ...]:
        """(first order, last order + 1, first degree) of each block of a dense table."""
        edges = list(range(0, self.bandlimit, max(_FEWEST_ORDERS, -(-self.bandlimit // _BLOCKS))))
        if len(edges) < 3:
            edges = [0]
        lowest = min(abs(spin) for spin in self.spins)
        stops = [*edges[1:], self.bandlimit]
        return tuple((a, b, min(max(a, lowest), self.bandlimit - 1)) for a, b in zip(edges, stops, strict=True))

    @property
    def table_bytes(self) -> int:
        """Bytes of the tables of one direction."""
        item = np.dtype(self.dtype).itemsize
        rings = self.grid.nlat
        kept = -(-rings // 2) if self.halved else rings
        signs = 1 if self.folded or self.real else 2
        if self.method == "recursion":
            nodes = recursion_nodes(self.grid, self.bandlimit)
            rows = len(self.spins) * self.bandlimit * signs
            return 2 * 8 * rows * max(nodes, rings) + 3 * 8 * rows * self.bandlimit + 2 * item * nodes * rings
        entries = sum((b - a) * (self.bandlimit - low) for a, b, low in self.blocks)
        return item * len(self.spins) * entries * kept * signs


def recursion_nodes(grid: Grid, bandlimit: int) -> int:
    """Number of Gauss-Legendre nodes that integrate a grid's ring interpolant against `bandlimit` degrees exactly."""
    if grid.rule != "circle":
        return grid.nlat
    # The interpolant has degree at most nlat, the harmonics bandlimit − 1; n nodes are exact up to degree 2n − 1.
    return (grid.nlat + bandlimit) // 2 + 1
