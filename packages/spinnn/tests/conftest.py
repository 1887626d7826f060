"""Fixtures shared by the tests of spinnn."""

from collections.abc import Callable, Iterator

import jax
import jaxtyping
import pytest


@pytest.fixture
def untyped() -> Iterator[None]:
    """No type checks at run time: what is called sees its arguments as it does outside the tests."""
    former = jaxtyping.config.jaxtyping_disable
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", former)


@pytest.fixture(scope="session")
def clone() -> Callable:
    """A copy of Equinox state, which can be used only once."""
    return lambda state: jax.tree.map(lambda x: x, state)
