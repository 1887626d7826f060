"""Files of predictions that no program takes for something else."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from molsphere import Evaluation, Molecule, read_molecules, write_predictions
from molsphere._files.csv import unescape_cell
from molsphere._run.plots import error_by_size, parity
from spinnn.plots import plain, save_figure


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


def test_cells_come_back_from_a_table_as_they_went_in(tmp_path):
    (tmp_path / "a.csv").write_text("smiles,name,note,shift\nC,-methane,=SUM(A1),-1.5\n")
    (first,) = read_molecules(tmp_path / "a.csv")
    write_predictions(tmp_path / "b.csv", [first], {"H": [1.0]}, {"H": "eV"})
    assert "'-methane" in (tmp_path / "b.csv").read_text()
    (second,) = read_molecules(tmp_path / "b.csv")
    assert (second.name, second.properties["note"], second.properties["shift"]) == ("-methane", "=SUM(A1)", -1.5)


def test_dollar_signs_are_no_mathematics(tmp_path):
    pytest.importorskip("matplotlib")
    one, name = np.array([0, 1]), r"cost $\frac{1 US$"
    values = {name: np.array([1.0, 2.0])}
    result = Evaluation(one, np.zeros(2, int), one + 3, ("test",), {name: "US$/$kg"}, values, values)
    for draw in (parity, error_by_size):
        figure = draw(result)
        # Without escapes this is where matplotlib would raise.
        assert save_figure(figure, tmp_path / "a.png").stat().st_size > 1000
        texts = [text for text in figure.findobj(match=lambda x: hasattr(x, "get_text")) if "cost" in text.get_text()]
        assert texts
        assert all(text._preprocess_math(text.get_text())[1] is False for text in texts)
    assert plain("a$b\x1b") == r"a\$b\x1b"
    with pytest.raises(ValueError, match=r"`path` must end in \.png, \.svg or \.pdf, got '.*a\.gif'"):
        save_figure(parity(result), tmp_path / "a.gif")
