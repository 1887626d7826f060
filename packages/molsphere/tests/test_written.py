"""Files of predictions that no program takes for something else."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from molsphere import Molecule, write_predictions
from molsphere._writers import unescape_cell


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("-cyclohexane", "'-cyclohexane"),
        ("+1 day", "'+1 day"),
        ("'=1+1", "''=1+1"),
        ("\tx", "'\tx"),
        ("-1.5", "-1.5"),
        ("+2e-3", "+2e-3"),
        ("it's 5'-ATP", "it's 5'-ATP"),
        ("(−)-menthol", "(−)-menthol"),
        ("a\x1b[31mb\u202e", "a\\x1b[31mb\\u202e"),
    ],
)
def test_no_cell_of_a_csv_is_a_formula(tmp_path, name, cell):
    path = tmp_path / "a.csv"
    molecule = Molecule(np.array([1, 1]), np.array([[0.0, 0, 0], [0, 0, 0.74]]), name)
    write_predictions(path, [molecule], {"H": [-1.5]}, {"H": "meV"})
    ((found, _, value),) = list(csv.reader(path.read_text("utf-8").splitlines()))[1:]
    assert (found, value) == (cell, "-1.5")
    if "\x1b" not in name:
        assert unescape_cell(found) == name
