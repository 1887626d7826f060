import email
import importlib.metadata
from pathlib import Path
from types import SimpleNamespace

import pytest

import licences
from check_repo import ROOT

LIBRARIES = {
    "free": "License-Expression: MIT\nRequires-Dist: deep>=1\nRequires-Dist: hidden; extra == 'all'\n",
    "deep": "Classifier: License :: OSI Approved :: BSD License\n",
    "weak": "License-Expression: LGPL-2.1-or-later\n",
    "strong": "Classifier: License :: OSI Approved :: GNU General Public License v3 (GPLv3)\n",
    "silent": "Summary: nothing\n",
    "hidden": "License: AGPL-3.0\n\n",
}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A package, and one that asks for an extra of it."""
    projects = {
        "low": ('["free"]', 'plot = ["weak"]\nall = ["free[all]"]'),
        "high": ('["low[plot]", "absent"]', 'more = ["strong", "silent"]'),
    }
    for name, (needs, extras) in projects.items():
        (tmp_path / "packages" / name).mkdir(parents=True)
        text = f'[project]\nname = "{name}"\ndependencies = {needs}\n[project.optional-dependencies]\n{extras}\n'
        (tmp_path / "packages" / name / "pyproject.toml").write_text(text)
    return tmp_path


def find(name: str) -> SimpleNamespace:
    if name not in LIBRARIES:
        raise importlib.metadata.PackageNotFoundError(name)
    return SimpleNamespace(metadata=email.message_from_string(LIBRARIES[name]))


def test_what_packages_need_has_licences_that_are_admitted():
    found = licences.libraries(ROOT)
    assert {"jax", "numpy", "equinox"} <= set(found)
    assert licences.check_licences(found) == []


def test_libraries_are_found_through_others_and_through_extras(repository: Path):
    found = licences.libraries(repository, find)
    assert {name: one.licence for name, one in found.items()} == {
        "free": "MIT",
        "deep": "BSD License",
        "weak": "LGPL-2.1-or-later",
        "strong": "GNU General Public License v3 (GPLv3)",
        "silent": "",
        "hidden": "AGPL-3.0",
    }
    assert found["deep"].needed_by == {"low", "low[all]", "high"}
    assert found["hidden"].needed_by == {"low[all]"}


def test_each_licence_that_is_not_admitted_is_named(repository: Path):
    assert licences.check_licences(licences.libraries(repository, find)) == [
        "hidden: AGPL-3.0 is refused, needed by low[all]",
        "silent: names no licence, needed by high[more]; look it up and add it to STATED in tools/licences.py",
        "strong: GNU General Public License v3 (GPLv3) is refused, needed by high[more]",
        "weak: LGPL-2.1-or-later is for extras only, needed by high, low[plot]",
    ]


def test_a_weak_licence_of_an_extra_is_admitted():
    assert licences.check_licences({"ase": licences.Library("LGPL-2.1-or-later", {"molsphere[ase]"})}) == []
