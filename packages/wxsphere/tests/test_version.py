from importlib.metadata import requires, version

from packaging.requirements import Requirement

import wxsphere

SIBLINGS = {"spinharm", "spinnn", "molsphere", "wxsphere"}


def test_installed_version_is_the_one_in_the_source():
    assert version("wxsphere") == wxsphere.__version__


def test_bounds_on_siblings_admit_the_installed_ones():
    requirements = [Requirement(text) for text in requires("wxsphere") or []]
    siblings = {r.name: r.specifier for r in requirements if r.name in SIBLINGS}
    assert set(siblings) == {"spinharm", "spinnn"}
    for name, bounds in siblings.items():
        assert bounds.contains(version(name)), f"wxsphere needs {name}{bounds}, found {version(name)}"
