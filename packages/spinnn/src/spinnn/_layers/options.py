"""What the blocks of a network have in common."""

from __future__ import annotations

import dataclasses
from typing import Literal

from .norm import Center

Activation = Literal["phase_collapse", "magnitude", "gated"]


@dataclasses.dataclass(frozen=True)
class BlockOptions:
    """Choices that all blocks of a network share; plain values, so that a run's configuration can hold them.

    Attributes:
        activation: `"phase_collapse"`, `"magnitude"` or `"gated"`: `PhaseCollapse`, `MagnitudeActivation` or
            `GatedActivation`.
        center: What the norms subtract at degree 0, see `SpectralBatchNorm`.
        momentum: Share of the norms' running statistics that a batch leaves, 0 … 1.
        product_dtype: `"float32"` or `"bfloat16"`, see `SpinConv`.
    """

    activation: Activation = "phase_collapse"
    center: Center = "batch"
    momentum: float = 0.9
    product_dtype: Literal["float32", "bfloat16"] = "float32"
