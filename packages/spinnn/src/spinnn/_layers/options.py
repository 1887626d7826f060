"""Options that the blocks of a network share."""

from __future__ import annotations

import dataclasses
import math
from typing import Literal, get_args

from spinharm import Grid, checks

from .. import _layer_checks
from .norm import Center
from .product_activation import LARGEST_ORDER, exact_grid

Activation = Literal["phase_collapse", "magnitude", "gated", "product", "s2"]
ProductDtype = Literal["float32", "bfloat16"]
ProductOrder = Literal[2, 3]

_LARGEST_OVERSAMPLING = 16


@dataclasses.dataclass(frozen=True)
class BlockOptions:
    """Options that all blocks of a network share, as plain values that a run's configuration can hold.

    Attributes:
        activation: `"phase_collapse"`, `"magnitude"`, `"gated"`, `"product"` or `"s2"`: `PhaseCollapse`,
            `MagnitudeActivation`, `GatedActivation`, `ProductActivation` or `S2Activation`.
        center: What the norms subtract at degree 0, see `SpectralBatchNorm`.
        momentum: Share of the norms' running statistics kept at each step, at least 0 and below 1.
        product_dtype: `"float32"` or `"bfloat16"`, see `SpinConv`.
        oversampling: Degrees that the grid of the activations resolves, divided by those of the block, 1 … 16. Above 1,
            activations act on a Gauss grid of their own and the degrees that they add to the block's are cut off. At 1
            they act on the block's grid, and its maps keep what they add. Must be 1 for `"product"`, whose grid is the
            smallest exact one.
        product_order: The degree of `"product"`, 2 or 3, see `ProductActivation`.

    Raises:
        TypeError: A momentum or oversampling that is no number.
        ValueError: Options out of range, or one that the activation does not have.

    Examples:
        >>> import dataclasses
        >>> from spinnn import BlockOptions
        >>> given = dataclasses.asdict(BlockOptions(activation="gated"))
        >>> given["activation"], given["center"], given["momentum"]
        ('gated', 'batch', 0.9)
        >>> BlockOptions(oversampling=1.5).activation_grid(bandlimit=8).shape
        (12, 24)
        >>> BlockOptions(activation="product").activation_grid(bandlimit=8).shape
        (11, 22)
    """

    activation: Activation = "phase_collapse"
    center: Center = "batch"
    momentum: float = 0.9
    product_dtype: ProductDtype = "float32"
    oversampling: float = dataclasses.field(default=1.0, metadata={"added": True})
    product_order: ProductOrder = dataclasses.field(default=2, metadata={"added": True})

    def __post_init__(self) -> None:
        for name, allowed in (("activation", Activation), ("center", Center), ("product_dtype", ProductDtype)):
            checks.option(name, getattr(self, name), get_args(allowed))
        _layer_checks.momentum(self.momentum)
        if not 1 <= checks.number("oversampling", self.oversampling) <= _LARGEST_OVERSAMPLING:
            raise ValueError(f"`oversampling` must be 1 … {_LARGEST_OVERSAMPLING}, got {self.oversampling}")
        checks.integer("product_order", self.product_order, 2, LARGEST_ORDER)
        if self.activation == "product" and self.oversampling != 1:
            raise ValueError(
                f"`oversampling` must be 1 for the activation 'product', whose grid is exact, got {self.oversampling}"
            )
        if self.activation != "product" and self.product_order != 2:
            raise ValueError(
                f"`product_order` must be 2 unless the activation is 'product', got {self.product_order} for "
                f"{self.activation!r}; choose activation='product'"
            )

    def activation_grid(self, bandlimit: int) -> Grid | None:
        """The grid on which activations of a block act; None for the block's own.

        Args:
            bandlimit: Degrees of the block's features.

        Raises:
            TypeError: `bandlimit` is not an integer.
            ValueError: `bandlimit` is below 1.
        """
        bandlimit = _layer_checks.size("bandlimit", bandlimit)
        if self.activation == "product":
            return exact_grid(bandlimit, self.product_order)
        return None if self.oversampling == 1 else Grid.gauss_legendre(math.ceil(self.oversampling * bandlimit))
