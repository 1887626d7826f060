"""Scaling of targets: a baseline by composition is subtracted, the residual divided by its standard deviation."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any, Literal

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from .. import _checks
from .._molecules.dataset import MoleculeSet

Method = Literal["none", "mean", "composition"]


@dataclasses.dataclass(frozen=True)
class TargetScaling:
    """Scaling of a target, y_scaled = (y − intercept − Σ_i reference(z_i)) / scale; can be written as JSON.

    Attributes:
        species: Atomic numbers.
        references: Contribution of an atom of each species; zeros without regression.
        intercept: Constant.
        scale: Standard deviation of the residual over the training split.

    Raises:
        TypeError: Anything other than integers and numbers.
        ValueError: References of another number than species, or a scale that is not above 0.

    Examples:
        >>> import jax.numpy as jnp
        >>> import numpy as np
        >>> from molsphere import MoleculeSet, TargetScaling, from_smiles
        >>> molecules = MoleculeSet.from_molecules([from_smiles(smiles) for smiles in ("O", "C", "CO")])
        >>> values = np.array([-76.4, -40.5, -115.7])
        >>> scaling = TargetScaling.fit(molecules, values)
        >>> scaling.species
        (1, 6, 8)
        >>> scaled = scaling.scale_values(molecules, values)
        >>> batch = molecules.pad([0, 1, 2], 6)
        >>> np.allclose(scaling.restore(jnp.asarray(scaled), batch.numbers), values, rtol=1e-5)
        True
        >>> scaling.baseline(molecules).shape
        (3,)
        >>> TargetScaling.from_json(scaling.to_json()) == scaling
        True
    """

    species: tuple[int, ...]
    references: tuple[float, ...]
    intercept: float
    scale: float

    def __post_init__(self) -> None:
        known = _checks.species_tuple(self.species)
        references = _checks.entries("references", self.references, "numbers, one per species")
        for value in references:
            _checks.number("references", value)
        if len(references) != len(known):
            raise ValueError(f"`references` must be one for each of the species {known}, got {self.references}")
        _checks.number("intercept", self.intercept)
        _checks.positive_float("scale", self.scale)

    @classmethod
    def fit(
        cls,
        training: MoleculeSet,
        values: Float[np.ndarray, " molecules"],
        *,
        species: Iterable[int] | None = None,
        method: Method = "composition",
    ) -> TargetScaling:
        """Fit a scaling to the training split.

        Args:
            training: Molecules of the training split.
            values: Their values, shape (molecules,), NaN where missing; such molecules are left out of the fit.
            species: Atomic numbers; default those of `training`. A species that does not occur gets the reference 0.
            method: `"composition"`: linear regression on the numbers of atoms of each species, with an intercept, the
                least-squares solution of smallest norm. `"mean"`: intercept and scale only. `"none"`: the identity.

        Returns:
            The scaling. The scale is 1 where the residual is zero.

        Raises:
            TypeError: Anything other than a set of molecules and real values.
            ValueError: No molecules with a value, values that are infinite or of another shape, an unknown method, or
                molecules of other species.
        """
        _checks.option("method", method, ("none", "mean", "composition"))
        _checks.instance("training", training, MoleculeSet, "a MoleculeSet")
        _checks.array("values", values, "fiu")
        known = training.species if species is None else _checks.species_tuple(species)
        missing = np.isnan(values)
        if values.shape != (len(training),) or missing.all() or np.isinf(values).any():
            raise ValueError(
                f"`values` must be finite or NaN for none, at least one of them a number, one for each of at least one "
                f"molecule, got {int((~missing).sum())} numbers of shape {values.shape} for {len(training)} molecules"
            )
        if strangers := sorted(set(training.species) - set(known)):
            raise ValueError(f"`species` must hold all of the training split, got {known} without {strangers}")
        if missing.any():
            training, values = training.subset(np.flatnonzero(~missing)), values[~missing]
        values = values.astype(np.float64)
        references, intercept = np.zeros(len(known)), 0.0
        if method == "none":
            return cls(known, tuple(references.tolist()), intercept, 1.0)
        if method == "composition":
            counts = training.composition(known).astype(np.float64)
            center = counts.mean(0)
            references = np.linalg.lstsq(counts - center, values - values.mean(), rcond=None)[0]
            # Exactly 0 for a species that does not occur, without rounding.
            references[counts.sum(0) == 0] = 0
            values = values - counts @ references
        intercept = float(values.mean())
        spread = float(values.std())
        rounding = 1e-12 * max(1.0, float(np.abs(values).max()))
        return cls(known, tuple(references.tolist()), intercept, spread if spread > rounding else 1.0)

    def baseline(self, molecules: MoleculeSet) -> Float[np.ndarray, " molecules"]:
        """Baseline by composition: intercept + Σ_i reference(z_i), float64.

        Args:
            molecules: Any molecules of these species.

        Returns:
            Values in the target's unit, shape (molecules,).

        Raises:
            TypeError: Anything other than a set of molecules.
            ValueError: Molecules of other species.
        """
        _checks.instance("molecules", molecules, MoleculeSet, "a MoleculeSet")
        if strangers := sorted(set(molecules.species) - set(self.species)):
            raise ValueError(f"`molecules` must be of the species {self.species}, got {strangers} too")
        return molecules.composition(self.species) @ np.array(self.references) + self.intercept

    def scale_values(
        self, molecules: MoleculeSet, values: Float[np.ndarray, " molecules"]
    ) -> Float[np.ndarray, " molecules"]:
        """Scale values, in float64 so that large totals keep their precision.

        Args:
            molecules: Any molecules of these species.
            values: Their values, shape (molecules,).

        Returns:
            Scaled values, shape (molecules,).

        Raises:
            TypeError: Anything other than a set of molecules and real values.
            ValueError: Molecules of other species, or values of another shape.
        """
        _checks.instance("molecules", molecules, MoleculeSet, "a MoleculeSet")
        values = _checks.real_values("values", values, len(molecules))
        return (values - self.baseline(molecules)) / self.scale

    def restore(
        self, scaled: Float[Array, "*batch"], numbers: Int[Array | np.ndarray, "*batch atoms"]
    ) -> Float[Array, "*batch"]:
        """Restore values in the target's unit from scaled ones, on the device; works under `jit` and `grad`.

        Args:
            scaled: Outputs of a network, shape (*batch,).
            numbers: Atomic numbers, 0 for padding, shape (*batch, atoms).

        Returns:
            Values of the type and shape of `scaled`.

        Raises:
            TypeError: Scaled values that are not float32 or float64, or numbers that are not integers.
            ValueError: Inconsistent shapes.
        """
        _checks.floats("scaled", scaled)
        _checks.array("numbers", numbers, "iu")
        if numbers.ndim == 0 or numbers.shape[:-1] != scaled.shape:
            raise ValueError(f"`numbers` must have shape {(*scaled.shape, 'atoms')}, got {numbers.shape}")
        dtype = scaled.dtype
        counts = (jnp.asarray(numbers)[..., None] == np.array(self.species, numbers.dtype)).sum(-2).astype(dtype)
        baseline = jnp.sum(counts * np.array(self.references, dtype), -1) + np.array(self.intercept, dtype)
        return scaled * np.array(self.scale, dtype) + baseline

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON types."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> TargetScaling:
        """Make a scaling from the fields of `to_json`.

        Args:
            fields: Result of `to_json`, also after writing and reading JSON.

        Returns:
            The scaling.

        Raises:
            TypeError: Not a mapping, or fields that are not numbers.
            ValueError: Other fields, or numbers out of range.
        """
        names = {field.name for field in dataclasses.fields(cls)}
        _checks.mapping("fields", fields, "a result of `to_json`")
        if set(fields) != names:
            raise ValueError(f"`fields` must be {sorted(names)}, got {sorted(fields)}")
        species, references = (_checks.entries(name, fields[name], "numbers") for name in ("species", "references"))
        return cls(
            _checks.species_tuple(species),
            tuple(_checks.number("references", x) for x in references),
            _checks.number("intercept", fields["intercept"]),
            _checks.number("scale", fields["scale"]),
        )
