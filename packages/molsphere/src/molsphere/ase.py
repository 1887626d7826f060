"""An ASE calculator: energies and forces from a trained model. Needs the extra `ase`."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Sequence
from types import MappingProxyType
from typing import Any, ClassVar

import equinox as eqx
import jax
import numpy as np

import spinharm
from spinharm.optional import require

from . import _checks
from ._batch import Molecules, pad_molecules, padded_size
from ._molecule import Molecule, check_molecules
from ._property_model import PropertyModel, _skeleton
from ._regressor import RegressorConfig

_calculator = require("ase.calculators.calculator", "molsphere[ase]", "molsphere.ase")

# CODATA 2018; kcal is the thermochemical one.
UNITS_TO_EV = MappingProxyType({
    "eV": 1.0,
    "meV": 1e-3,
    "Hartree": 27.211386245988,
    "kcal/mol": 4184 / 96485.33212,
    "kJ/mol": 1000 / 96485.33212,
})  # fmt: skip


class SphereCalculator(_calculator.Calculator):
    """Energy [eV] and forces [eV/Å] of isolated molecules: F_i = −∂E/∂r_i by reverse differentiation.

    The energy is that of the property, in eV: an energy of atomisation for QM9's, whose forces are those of the total
    energy. Forces follow the predicted energy to rounding; they are as good as what it was trained with lets them be
    away from minima. Molecules are padded to few sizes, so that a changing number of atoms compiles few programs.

    Example:
        >>> atoms.calc = SphereCalculator("runs/U0/model.spinnn")
        >>> ase.optimize.BFGS(atoms).run(fmax=0.05)
    """

    implemented_properties: ClassVar[list[str]] = ["energy", "free_energy", "forces"]

    def __init__(
        self,
        model: PropertyModel | str | os.PathLike,
        *,
        property: str | None = None,
        unit_to_eV: float | None = None,
        **kwargs: Any,
    ) -> None:
        """Make a calculator.

        Args:
            model: A model, or its file.
            property: Which of its properties is the energy; default its only one.
            unit_to_eV: eV per unit of the property; default by the unit's name, one of `UNITS_TO_EV`.
            kwargs: For `ase.calculators.calculator.Calculator`.

        Raises:
            FileNotFoundError: No such file.
            ValueError: A file that is no model, a property that the model has not, or a unit that is not known.
        """
        super().__init__(**kwargs)
        self.model = model if isinstance(model, PropertyModel) else PropertyModel.load(model)
        names = list(self.model.units)
        if property is None:
            if len(names) > 1:
                raise ValueError(f"`property` must be one of {', '.join(names)}, got None")
            property = names[0]
        _checks.option("property", property, names)
        unit = self.model.units[property]
        if unit_to_eV is None:
            if unit not in UNITS_TO_EV:
                raise ValueError(
                    f"`unit_to_eV` must be given for {property!r} in {unit!r}; known units are {', '.join(UNITS_TO_EV)}"
                )
            unit_to_eV = UNITS_TO_EV[unit]
        self.property, self.unit_to_eV = property, _checks.positive_float("unit_to_eV", unit_to_eV)
        self._output = list(self.model.scalings).index(property)

    def calculate(
        self,
        atoms: Any = None,
        properties: Sequence[str] = ("energy",),
        system_changes: Sequence[str] = _calculator.all_changes,
    ) -> None:
        """Fill `results` with energy, free_energy [eV] and forces [eV/Å], shape (atoms, 3).

        Args:
            atoms: The molecule, `ase.Atoms`.
            properties: What is wanted; all of it is computed at once.
            system_changes: What has changed since the last time.

        Raises:
            ValueError: A periodic cell, species that the model does not know, a lone atom, two atoms at one place, or
                positions that are not finite.
        """
        super().calculate(atoms, list(properties), list(system_changes))
        given = self.atoms
        if np.any(given.pbc):
            raise ValueError(f"`atoms` must not be periodic, got pbc {given.pbc.tolist()}")
        molecule = Molecule(given.numbers, given.positions)
        check_molecules([molecule], self.model.config.species)
        network = self.model.network
        batch = pad_molecules([molecule], padded_size(len(molecule)), dtype=str(network.embedding.dtype))
        arrays, state = eqx.filter(network, eqx.is_array), jax.tree.map(lambda leaf: leaf, self.model.state)
        output, slope = _compiled(self.model.config, self._output)(arrays, state, batch)
        scaling = self.model.scalings[self.property]
        # The part of composition is added on the host in float64: totals keep their digits.
        references = dict(zip(scaling.species, scaling.references, strict=True))
        baseline = sum(references[int(z)] for z in molecule.numbers) + scaling.intercept
        energy = (float(output) * scaling.scale + baseline) * self.unit_to_eV
        forces = -np.asarray(slope, np.float64)[0, : len(molecule)] * scaling.scale * self.unit_to_eV
        self.results = {"energy": energy, "free_energy": energy, "forces": forces}


@functools.lru_cache(maxsize=8)
def _compiled(config: RegressorConfig, output: int) -> Callable[[Any, eqx.nn.State, Molecules], Any]:
    """One output of the network, and its derivative in the positions, compiled once per size."""
    shapes, _ = eqx.filter_eval_shape(_skeleton, config)
    _, rest = eqx.partition(eqx.nn.inference_mode(shapes), lambda leaf: isinstance(leaf, jax.ShapeDtypeStruct))

    def run(arrays: Any, state: eqx.nn.State, batch: Molecules) -> Any:
        def scalar(positions: jax.Array) -> jax.Array:
            moved = Molecules(batch.numbers, positions, batch.mask)
            return eqx.combine(arrays, rest)(moved, state)[0][0, output]

        return jax.value_and_grad(scalar)(batch.positions)

    return spinharm.jit(run)
