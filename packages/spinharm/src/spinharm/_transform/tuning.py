"""Thresholds between the variants of a transform: which table layout, which product, how large a block."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Tuning:
    """Sizes at which a transform changes its variant, and sizes of blocks; results agree to rounding for all values.

    The defaults are measured on CPUs (`tools/bench`). Tests set others, so that each variant runs at small sizes.

    Attributes:
        largest_dft: Up to this many longitudes, matrix products along the rings are faster than FFTs.
        blocks: Preferred number of blocks of orders of a dense table. Degrees below the first order of a block are
            omitted: of six blocks 58 % of the table remain, of 16 blocks 53 %. More blocks cost compilation time.
        most_blocks: Largest number of blocks.
        fewest_orders: Smallest size of a block.
        enough_orders: Size of a block at which more blocks are preferred to larger ones.
        halved_from: Bandlimit from which `Plan.halved` saves more than folding and interleaving cost.
        rings_from: Bandlimit from which blocks omit rings near the poles, see `Block.rings`.
        ring_margin: Harmonics below the rounding error by the factor e^−ring_margin count as zero.
        shared_from: Bandlimit from which memory counts more than products with transposed operands, see `Plan.shared`.
        classes_from: Longitudes from which the smaller products of `Plan.stride` save more than their number costs.
        classes_orders: Orders from which they do.
        enough_columns: With fewer columns, real and imaginary parts are joined for one product: a copy, but the table
            is read once.
        enough_channels: With fewer channels, which are contiguous in memory, unfolding and transposing are faster as
            two passes.
        degrees_per_block: Degrees computed on the fly before each matrix product: enough for the product to be
            compute-bound, few enough to stay in cache.
        cached_harmonics: Harmonics of one degree computed on the fly together; they stay in cache from degree to
            degree.
        points_per_block: Points evaluated together; bounds the memory.
    """

    largest_dft: int = 256
    blocks: int = 6
    most_blocks: int = 16
    fewest_orders: int = 16
    enough_orders: int = 32
    halved_from: int = 128
    rings_from: int = 128
    ring_margin: float = 5.0
    shared_from: int = 512
    classes_from: int = 128
    classes_orders: int = 32
    enough_columns: int = 64
    enough_channels: int = 16
    degrees_per_block: int = 16
    cached_harmonics: int = 2**14
    points_per_block: int = 1024


TUNING = Tuning()
