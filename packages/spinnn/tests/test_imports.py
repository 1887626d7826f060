"""What is imported with the package, in a process of its own."""

import subprocess
import sys

import pytest

import spinnn


@pytest.mark.parametrize(
    ("program", "absent"),
    [
        ("import spinnn.command, spinnn.files", {"jax", "equinox", "rich", "tyro"}),
        ("from spinnn.training import TrainingConfig, load_config", {"jax", "equinox", "optax", "orbax"}),
        ("from spinnn import SpinConv; from spinnn.training import save_model", {"optax", "orbax", "grain"}),
    ],
)
def test_heavy_libraries_are_imported_when_they_are_used(program, absent):
    command = [sys.executable, "-c", f"{program}\nimport sys\nprint(*sys.modules)"]
    found = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    assert not absent & set(found)


def test_names_of_the_package():
    assert {"SpinConv", "summary", "__version__"} <= set(dir(spinnn))
    assert set(vars(spinnn)["__all__"]) <= set(dir(spinnn))
    with pytest.raises(AttributeError, match="module 'spinnn' has no attribute 'SpinConvs'"):
        getattr(spinnn, "SpinConvs")  # noqa: B009
