"""Options that the blocks of a network share."""

from __future__ import annotations

import dataclasses
from typing import Literal, get_args

from spinharm import checks

from .. import _layer_checks
from .norm import Center

Activation = Literal["phase_collapse", "magnitude", "gated"]
ProductDtype = Literal["float32", "bfloat16"]


@dataclasses.dataclass(frozen=True)
class BlockOptions:
    """Options that all blocks of a network share, as plain values that a run's configuration can hold.

    Attributes:
        activation: `"phase_collapse"`, `"magnitude"` or `"gated"`: `PhaseCollapse`, `MagnitudeActivation` or
            `GatedActivation`.
        center: What the norms subtract at degree 0, see `SpectralBatchNorm`.
        momentum: Share of the norms' running statistics kept at each step, at least 0 and below 1.
        product_dtype: `"float32"` or `"bfloat16"`, see `SpinConv`.

    Raises:
        TypeError: A momentum that is no number.
        ValueError: Options out of range.

    Examples:
        >>> import dataclasses
        >>> from spinnn import BlockOptions
        >>> dataclasses.asdict(BlockOptions(activation="gated"))
        {'activation': 'gated', 'center': 'batch', 'momentum': 0.9, 'product_dtype': 'float32'}
    """

    activation: Activation = "phase_collapse"
    center: Center = "batch"
    momentum: float = 0.9
    product_dtype: ProductDtype = "float32"

    def __post_init__(self) -> None:
        for name, allowed in (("activation", Activation), ("center", Center), ("product_dtype", ProductDtype)):
            checks.option(name, getattr(self, name), get_args(allowed))
        _layer_checks.momentum(self.momentum)
