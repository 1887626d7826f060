"""Thresholds between the variants of a computation."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Tuning:
    """Sizes at which layers and blocks change their variant; results agree to rounding for all values.

    The defaults are measured on CPUs (`tools/bench`). Tests set others, so that each variant runs at small sizes.

    Attributes:
        largest_block: Up to this many degrees a block alone is faster in the fast layout (`spinnn._compact`), which it
            must enter and leave.
        largest_chain: Up to this many degrees several blocks together are.
        largest_dense: Up to this many degrees of a grid, a transform in the layout is one product, whose matrix grows
            as L⁴; above, two stages.
        three_products: From this many features on, a complex product is three real ones instead of one of twice the
            widths.
    """

    largest_block: int = 12
    largest_chain: int = 16
    largest_dense: int = 4
    three_products: int = 256


TUNING = Tuning()
