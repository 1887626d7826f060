"""The kinds of networks, each with its configuration."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
from jaxtyping import PRNGKeyArray

from .. import _checks
from .interacting import InteractingConfig, InteractingNetwork
from .regressor import RegressorConfig, SphereRegressor

NetworkConfig = RegressorConfig | InteractingConfig
Network = SphereRegressor | InteractingNetwork

_KINDS: dict[type, Any] = {RegressorConfig: SphereRegressor, InteractingConfig: InteractingNetwork}
NETWORKS = tuple(_KINDS.values())
"""Classes of networks."""


def check_config(name: str, config: object) -> None:
    """Check that a value is the configuration of a network."""
    _checks.instance(name, config, tuple(_KINDS), f"of type {' or '.join(kind.__name__ for kind in _KINDS)}")


def make_network(config: NetworkConfig, *, key: PRNGKeyArray | None = None) -> tuple[Network, eqx.nn.State]:
    """The network of a configuration, and the state of its norms."""
    return eqx.nn.make_with_state(_KINDS[type(config)])(config, key=jax.random.key(0) if key is None else key)
