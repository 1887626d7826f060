"""Fixtures shared by the tests of spinnn."""

from collections.abc import Callable

import jax
import pytest


@pytest.fixture(scope="session")
def clone() -> Callable:
    """A copy of Equinox state, which can be used only once."""
    return lambda state: jax.tree.map(lambda x: x, state)
