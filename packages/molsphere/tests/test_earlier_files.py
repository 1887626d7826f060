"""Files of earlier versions are read."""

from pathlib import Path

import numpy as np

from molsphere import Molecule, PropertyModel, RadialBasis, Representation

FILES = Path(__file__).parent / "earlier_files"


def test_a_model_from_before_representations_predicts_the_same():
    """Random weights, two interactions, a Gaussian beside two powers; the code that wrote it predicted this."""
    model = PropertyModel.load(FILES / "model.spinnn")
    seen = Representation((1, 6, 8), RadialBasis((1, 2), ((1.1, 0.3),)), bandlimit=3, cutoff_angle=0.7)
    assert model.config.make_representation() == seen
    assert model.config.interactions == 2
    water = Molecule(np.array([8, 1, 1]), np.array([[0, 0, 0.12], [0, 0.76, -0.48], [0, -0.76, -0.48]]))
    np.testing.assert_allclose(model.predict([water])["energy"], -7.678723931312561, rtol=1e-6)
