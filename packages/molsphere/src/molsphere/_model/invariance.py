"""Change of predictions when molecules are rotated."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import numpy as np

from .. import _checks
from .._molecules.augment import rotate_at_random
from .._molecules.molecule import Molecule, molecule_list
from .property_model import PropertyModel


def invariance_error(
    model: PropertyModel,
    molecules: Sequence[Molecule],
    *,
    rotations: int = 4,
    reflections: bool = False,
    seed: int = 0,
) -> dict[str, float]:
    """Mean absolute change of predictions when each molecule is rotated at random; 0 for an invariant model.

    Properties of isolated molecules do not depend on orientation. The network's transforms are exactly equivariant, its
    activations on grids only nearly; finer grids (`RegressorConfig.oversampling`) and augmentation reduce the error.

    Args:
        model: The model.
        molecules: At least one molecule of species that the model knows.
        rotations: Random rotations of each molecule, at least 1.
        reflections: Whether all of them are combined with a reflection.
        seed: Seed of the rotations.

    Returns:
        By property, the mean over molecules and rotations of |f(R r) − f(r)|, in the model's unit.

    Raises:
        TypeError: Anything other than a model and molecules, or a number that is not an integer.
        ValueError: No molecules, or molecules that the model cannot predict.

    Examples:
        >>> import numpy as np
        >>> from molsphere import Molecule
        >>> water = Molecule(np.array([8, 1, 1]), np.array([[0, 0, 0.12], [0, 0.76, -0.48], [0, -0.76, -0.48]]))
        >>> import equinox as eqx
        >>> import jax
        >>> from molsphere import PropertyModel, RegressorConfig, SphereRegressor, TargetScaling, invariance_error
        >>> config = RegressorConfig(species=(1, 8), bandlimits=(2,), widths=(2,), num_filter_params=(None,))
        >>> network, state = eqx.nn.make_with_state(SphereRegressor)(config, key=jax.random.key(0))
        >>> scaling = TargetScaling(species=(1, 8), references=(-10.0, -2000.0), intercept=0.0, scale=5.0)
        >>> model = PropertyModel(eqx.nn.inference_mode(network), state, {"energy": "eV"}, {"energy": scaling})
        >>> invariance_error(model, [water], rotations=1)["energy"] < 5.0
        True
    """
    _checks.instance("model", model, PropertyModel, "a PropertyModel")
    _checks.flag("reflections", reflections)
    count, molecules = _checks.repetitions("rotations", rotations), molecule_list(molecules)
    before = model.predict(molecules)
    change = dict.fromkeys(before, 0.0)
    for key in jax.random.split(jax.random.key(_checks.integer("seed", seed, 0)), count):
        rotated = rotate_at_random(molecules, key, reflections=reflections)
        for name, after in model.predict(rotated).items():
            change[name] += float(np.abs(after - before[name]).mean()) / count
    return change
