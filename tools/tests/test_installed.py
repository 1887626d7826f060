from pathlib import Path

import installed
from check_repo import ROOT


def test_packages_stand_on_those_below_them():
    assert installed.lower_packages(ROOT, "spinharm") == ["spinharm"]
    assert installed.lower_packages(ROOT, "molsphere") == ["spinharm", "spinnn", "molsphere"]


def test_requirements_of_others_hold_the_extras_that_are_asked_for(tmp_path: Path):
    projects = {
        "low": ('["numpy>=2"]', 'fast = ["numba"]\nplot = ["matplotlib"]'),
        "high": ('["low[fast]>=0.1"]', 'all = ["high[more]"]\nmore = ["ase"]'),
    }
    for name, (needs, extras) in projects.items():
        (tmp_path / "packages" / name).mkdir(parents=True)
        text = f'[project]\nname = "{name}"\ndependencies = {needs}\n[project.optional-dependencies]\n{extras}\n'
        (tmp_path / "packages" / name / "pyproject.toml").write_text(text)
    assert installed.outer_requirements(tmp_path, "high", extras=False) == ["numba", "numpy>=2"]
    assert installed.outer_requirements(tmp_path, "high", extras=True) == ["ase", "matplotlib", "numba", "numpy>=2"]


def test_libraries_of_other_fields_are_unwanted():
    assert installed.unwanted("molsphere", ("jax", "rdkit", "xarray", "gcsfs")) == ["gcsfs", "xarray"]
    assert installed.unwanted("wxsphere", ("jax", "rdkit", "xarray", "gcsfs")) == ["gcsfs", "rdkit"]
    assert installed.unwanted("spinnn", ("jax", "equinox")) == []
