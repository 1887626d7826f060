"""An ASE calculator: energies and forces from a trained model. Needs the extra `ase`."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np

from spinharm.optional import require
from spinnn.files import FileWarning

from . import _checks
from ._model.ensemble import Source, load_models
from ._molecules.distances import describe_pair, pairs_of
from ._molecules.molecule import Molecule, check_molecules

_atoms = require("ase.atoms", "molsphere[ase]", "molsphere.ase")
_calculator = require("ase.calculators.calculator", "molsphere[ase]", "molsphere.ase")

# CODATA 2018; kcal is the thermochemical one.
UNITS_TO_EV = MappingProxyType({
    "eV": 1.0,
    "meV": 1e-3,
    "Hartree": 27.211386245988,
    "kcal/mol": 4184 / 96485.33212,
    "kJ/mol": 1000 / 96485.33212,
})  # fmt: skip


__all__ = ["UNITS_TO_EV", "SphereCalculator"]


class SphereCalculator(_calculator.Calculator):
    """Energy [eV] and forces [eV/Å] of isolated molecules: F_i = −∂E/∂r_i by reverse differentiation.

    The energy is the predicted property in eV: for QM9 an energy of atomisation, which has the same forces as the total
    energy. Forces are the derivatives of the predicted energy to rounding; away from minima they are as accurate as the
    training data allow. Molecules are padded to few sizes, so that a changing number of atoms compiles few programs.

    Several models are a committee: energy and forces are their means, and `results` has the sample standard deviations
    `energy_std` and `forces_std`, by component. A calculator can be pickled and sent to worker processes.

    Examples:
        >>> import ase
        >>> import equinox as eqx
        >>> import jax
        >>> from molsphere import PropertyModel, RegressorConfig, SphereRegressor, TargetScaling
        >>> config = RegressorConfig(species=(1, 8), bandlimits=(2,), widths=(2,), num_filter_params=(None,))
        >>> network, state = eqx.nn.make_with_state(SphereRegressor)(config, key=jax.random.key(0))
        >>> scaling = TargetScaling(species=(1, 8), references=(-10.0, -2000.0), intercept=0.0, scale=5.0)
        >>> model = PropertyModel(eqx.nn.inference_mode(network), state, {"energy": "eV"}, {"energy": scaling})
        >>> from molsphere.ase import SphereCalculator
        >>> water = ase.Atoms("OH2", positions=[[0, 0, 0.12], [0, 0.76, -0.48], [0, -0.76, -0.48]])
        >>> water.calc = SphereCalculator(model)
        >>> water.get_forces().shape
        (3, 3)
        >>> committee = SphereCalculator([model, model])
        >>> committee.calculate(water)
        >>> committee.results["energy_std"]
        0.0
    """

    implemented_properties: ClassVar[list[str]] = ["energy", "free_energy", "forces"]

    def __init__(
        self,
        model: Source | Sequence[Source],
        *,
        property: str | None = None,
        unit_to_eV: float | None = None,
        **kwargs: Any,
    ) -> None:
        """Make a calculator.

        Args:
            model: A model, its file or the folder of its run; or several of these, a committee.
            property: Name of the property that is the energy; default the only one. All models must have it.
            unit_to_eV: eV per unit of the property; default by the unit's name, one of `UNITS_TO_EV`.
            kwargs: For `ase.calculators.calculator.Calculator`.

        Raises:
            FileNotFoundError: No such file, or no model in the folder.
            TypeError: Anything other than models, files and folders.
            ValueError: No model, a file that is not a model file, a property that a model lacks, an unknown unit, or
                models in different units with one `unit_to_eV`.
        """
        super().__init__(**kwargs)
        self.models = load_models(model)
        names = [name for name in self.models[0].units if all(name in other.units for other in self.models)]
        if not names:
            raise ValueError(
                f"`model` must be models of one property, got {' and '.join(', '.join(m.units) for m in self.models)}"
            )
        if property is None:
            if len(names) > 1:
                raise ValueError(f"`property` must be one of {', '.join(names)}, got None")
            property = names[0]
        _checks.option("property", property, names)
        self.property = property
        units = [one.units[property] for one in self.models]
        if unit_to_eV is None:
            if strange := [unit for unit in units if unit not in UNITS_TO_EV]:
                raise ValueError(
                    f"`unit_to_eV` must be given for {property!r} in {strange[0]!r}; known units are "
                    f"{', '.join(UNITS_TO_EV)}"
                )
            self._to_eV = [UNITS_TO_EV[unit] for unit in units]
        else:
            if len(set(units)) > 1:
                raise ValueError(f"`model` must be models in one unit where `unit_to_eV` is given, got {units}")
            self._to_eV = [_checks.positive_float("unit_to_eV", unit_to_eV)] * len(units)
        self._warned = False
        if len(self.models) > 1:
            several = [*type(self).implemented_properties, "energy_std", "forces_std"]
            self.implemented_properties = several  # pyright: ignore[reportAttributeAccessIssue]

    def calculate(
        self,
        atoms: Any = None,
        properties: Sequence[str] = ("energy",),
        system_changes: Sequence[str] = _calculator.all_changes,
    ) -> None:
        """Fill `results` with energy, free_energy [eV] and forces [eV/Å], shape (atoms, 3); see the class.

        Args:
            atoms: The molecule, `ase.Atoms`.
            properties: Ignored: energy and forces are always computed together.
            system_changes: Changes since the last call.

        Raises:
            TypeError: Anything other than `ase.Atoms`.
            ValueError: No atoms, a periodic cell, species that a model does not know, a lone atom, coincident atoms,
                or positions that are not finite.

        Warns:
            FileWarning: A molecule unlike the training data, or whose nearest atoms are below 0.5 or above 1.45 times
                the sum of their covalent radii; once per calculator.
        """
        if atoms is not None:
            _checks.instance("atoms", atoms, _atoms.Atoms, "ase.Atoms")
        elif self.atoms is None:
            raise ValueError("`atoms` must be ase.Atoms in the first call, got None")
        super().calculate(atoms, list(properties), list(system_changes))
        given = self.atoms
        if np.any(given.pbc):
            raise ValueError(f"`atoms` must not be periodic, got pbc {given.pbc.tolist()}")
        molecule = Molecule(given.numbers, given.positions)
        for model in self.models:
            check_molecules([molecule], model.config.species)
        self._warn(molecule)
        found = []
        for model, to_eV in zip(self.models, self._to_eV, strict=True):
            (one,), (forces,) = model._energies_and_forces([molecule], self.property)
            found.append((one * to_eV, forces * to_eV))
        energies, forces = (np.stack(values) for values in zip(*found, strict=True))
        energy = float(energies.mean())
        self.results = {"energy": energy, "free_energy": energy, "forces": forces.mean(0)}
        if len(found) > 1:
            self.results |= {"energy_std": float(energies.std(ddof=1)), "forces_std": forces.std(0, ddof=1)}

    def _warn(self, molecule: Molecule) -> None:
        """Warn of an implausible molecule or one unlike the training data, once for all steps of a trajectory."""
        if self._warned:
            return
        seen = [model.seen for model in self.models if model.seen is not None]
        unlike = next((text for one in seen if (text := one.differences([molecule])[0])), "")
        reasons = [f"unlike the training data: {unlike}"] if unlike else []
        pairs = pairs_of([molecule])
        if pairs.outside[0]:
            reasons.append(f"{describe_pair(molecule, pairs, 0)}, which is not a plausible geometry in Å")
        if reasons:
            text = f"{molecule.formula}: {'; '.join(reasons)}; energy and forces may be meaningless"
            warnings.warn(f"{text} (reported once per calculator)", FileWarning, stacklevel=3)
            self._warned = True
