"""Networks by name."""

from __future__ import annotations

from types import MappingProxyType

from .heads import HeadConfig
from .interacting import InteractingConfig
from .networks import NetworkConfig
from .regressor import RegressorConfig

# Centers and widths [Å], from the lengths of bonds outwards.
_GAUSSIANS = (
    (1.05, 0.15),
    (1.25, 0.15),
    (1.45, 0.2),
    (1.75, 0.25),
    (2.15, 0.3),
    (2.6, 0.4),
    (3.2, 0.5),
    (4.0, 0.6),
    (5.0, 0.7),
)
# `paper`: A.1.1. `small`: the five convolutions of the ablation (Table 6) as one block and two residual blocks.
# `tiny`, `interacting`: minutes on a CPU.
NETWORKS: MappingProxyType[str, NetworkConfig] = MappingProxyType({
    "paper": RegressorConfig(),
    "small": RegressorConfig(
        bandlimits=(16, 8, 4), widths=(64, 128, 256), num_filter_params=(8, 8, 4), head=HeadConfig(width=256)
    ),
    "tiny": RegressorConfig(
        powers=(1, 2),
        gaussians=_GAUSSIANS,
        interactions=2,
        bandlimits=(4,),
        grid="gauss",
        widths=(32,),
        num_filter_params=(None,),
        head=HeadConfig(width=64, linear=True),
    ),
    "interacting": InteractingConfig(),
})  # fmt: skip


def network_config(name: str) -> NetworkConfig:
    """Look up the configuration of a network.

    Args:
        name: One of `NETWORKS`: `"paper"`, `"small"`, `"tiny"` or `"interacting"`.

    Returns:
        The configuration.

    Raises:
        ValueError: Another name.

    Examples:
        >>> from molsphere import network_config
        >>> network_config("tiny").widths
        (32,)
    """
    if not isinstance(name, str) or name not in NETWORKS:
        raise ValueError(f"`name` must be one of {', '.join(NETWORKS)}, got {name!r}")
    return NETWORKS[name]
