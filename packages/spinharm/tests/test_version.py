from importlib.metadata import requires, version

from packaging.requirements import Requirement

import spinharm

ALLOWED = {"jax", "jaxlib", "jaxtyping", "numpy", "scipy"}


def test_installed_version_is_the_one_in_the_source():
    assert version("spinharm") == spinharm.__version__


def test_plain_install_needs_jax_and_numpy_only():
    requirements = [Requirement(text) for text in requires("spinharm") or []]
    plain = {r.name: r.specifier for r in requirements if r.marker is None or r.marker.evaluate({"extra": ""})}
    assert set(plain) <= ALLOWED
    for name, bounds in plain.items():
        assert bounds.contains(version(name)), f"spinharm needs {name}{bounds}, found {version(name)}"
