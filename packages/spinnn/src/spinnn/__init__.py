"""Spin-weighted spherical neural networks: Equinox layers, blocks and backbones."""

from typing import TYPE_CHECKING

from spinharm import optional as _optional

from .__about__ import __version__ as __version__

# Modules are imported when a name of theirs is asked for: the command line starts at once, without JAX.
if TYPE_CHECKING:
    from ._irreps.linear import DegreeLinear as DegreeLinear
    from ._irreps.norm import RMSNorm as RMSNorm
    from ._layers.activation import (
        GatedActivation as GatedActivation,
        MagnitudeActivation as MagnitudeActivation,
        PhaseCollapse as PhaseCollapse,
        S2Activation as S2Activation,
    )
    from ._layers.conv import SpinConv as SpinConv
    from ._layers.norm import SpatialBatchNorm as SpatialBatchNorm, SpectralBatchNorm as SpectralBatchNorm
    from ._layers.options import BlockOptions as BlockOptions
    from ._layers.pool import SpatialPool as SpatialPool, SpectralPool as SpectralPool, spin_mean as spin_mean
    from ._layers.product_activation import ProductActivation as ProductActivation
    from ._memory import reuse_memory as reuse_memory
    from ._networks.backbone import SpinResNet as SpinResNet, SpinUNet as SpinUNet
    from ._networks.block import SpinBlock as SpinBlock, SpinResidualBlock as SpinResidualBlock
    from ._networks.summary import (
        parameter_count as parameter_count,
        summary as summary,
        summary_html as summary_html,
    )
else:
    __getattr__, __dir__, __all__ = _optional.names_on_demand(__name__)
