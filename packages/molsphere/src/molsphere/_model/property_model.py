"""Trained models: a network with the names, units and scalings of its properties, in one file."""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Float

import spinharm
from spinnn import summary_html
from spinnn.files import well_formed
from spinnn.training import from_json, load_model, save_model, to_json

from .. import _checks
from .._data.scaling import TargetScaling
from .._data.training_range import TrainingRange, warn_of_differences
from .._molecules.augment import rotate_at_random
from .._molecules.batch import Molecules, bucket_molecules, padded_size
from .._molecules.dataset import MoleculeSet
from .._molecules.distances import warn_of_distances
from .._molecules.molecule import Molecule, check_molecules, molecule_list
from .forces import compiled_forces
from .networks import NETWORKS, Network, NetworkConfig, make_network

MODEL_FILE = "model.spinnn"


@dataclasses.dataclass(frozen=True, eq=False)
class PropertyModel:
    """A trained network that predicts named properties in their units.

    Attributes:
        network: The network, in inference mode.
        state: Running statistics of its norms.
        units: Unit by property, in the order of the network's outputs.
        scalings: Scale and reference energies of each property.
        seen: Ranges of the molecules it was trained on; None if unknown, as in files of earlier versions.

    Raises:
        TypeError: A value of another type.
        ValueError: Units and scalings that do not match the network's outputs and species.

    Examples:
        >>> import numpy as np
        >>> from molsphere import Molecule
        >>> water = Molecule(np.array([8, 1, 1]), np.array([[0, 0, 0.12], [0, 0.76, -0.48], [0, -0.76, -0.48]]))
        >>> import equinox as eqx
        >>> import jax
        >>> from molsphere import PropertyModel, RegressorConfig, SphereRegressor, TargetScaling
        >>> config = RegressorConfig(species=(1, 8), bandlimits=(2,), widths=(2,), num_filter_params=(None,))
        >>> network, state = eqx.nn.make_with_state(SphereRegressor)(config, key=jax.random.key(0))
        >>> scaling = TargetScaling(species=(1, 8), references=(-10.0, -2000.0), intercept=0.0, scale=5.0)
        >>> model = PropertyModel(eqx.nn.inference_mode(network), state, {"energy": "eV"}, {"energy": scaling})
        >>> model.predict([water])["energy"].shape
        (1,)
        >>> model.save("model.spinnn")
        >>> PropertyModel.load("model.spinnn").config == config
        True
    """

    network: Network
    state: eqx.nn.State
    units: Mapping[str, str]
    scalings: Mapping[str, TargetScaling]
    seen: TrainingRange | None = None

    def __post_init__(self) -> None:
        _checks.instance("network", self.network, NETWORKS, "a SphereRegressor or an InteractingNetwork")
        _checks.instance("state", self.state, eqx.nn.State, "the state that equinox.nn.make_with_state gave")
        if self.seen is not None:
            _checks.instance("seen", self.seen, TrainingRange, "a TrainingRange or None")
        for name in ("units", "scalings"):
            _checks.mapping(name, getattr(self, name), "a mapping by property")
        for name, unit in self.units.items():
            _checks.instance("units", unit, str, "strings by property")
            _checks.instance("scalings", self.scalings.get(name), TargetScaling, "of type TargetScaling by property")
        if len(self.units) != self.config.outputs or list(self.units) != list(self.scalings):
            raise ValueError(
                f"`units` and `scalings` must be of the same properties in one order, one for each of the network's "
                f"{self.config.outputs} outputs, got {list(self.units)} and {list(self.scalings)}"
            )
        lacking = [name for name, one in self.scalings.items() if not {*self.config.species} <= {*one.species}]
        if lacking:
            raise ValueError(
                f"`scalings` must have the network's species {self.config.species}, {lacking[0]!r} has "
                f"{self.scalings[lacking[0]].species}"
            )

    @property
    def config(self) -> NetworkConfig:
        """The network's configuration."""
        return self.network.config

    def _repr_html_(self) -> str:
        """Table of parameters for notebooks."""
        units = ", ".join(f"{name} [{unit}]" for name, unit in self.units.items())
        return summary_html(self.network, f"PropertyModel: {units}")

    def __call__(self, molecules: Molecules) -> dict[str, Float[Array, "*batch"]]:
        """Properties of a padded batch, on the device; works under `jit`, `grad` and `vmap`.

        Args:
            molecules: A padded batch.

        Returns:
            Values by property in `units`, shape (*batch,).

        Raises:
            TypeError: Anything other than a padded batch.
            ValueError: Species that the network does not know or positions that are not finite, where concrete.
        """
        state = jax.tree.map(lambda leaf: leaf, self.state)  # a copy: Equinox lets a state be used once
        outputs, _ = self.network(molecules, state)
        return {
            name: scaling.restore(outputs[..., i], molecules.numbers)
            for i, (name, scaling) in enumerate(self.scalings.items())
        }

    def predict(
        self, molecules: Sequence[Molecule], *, batch_size: int = 32, orientations: int = 1, warn: bool = True
    ) -> dict[str, Float[np.ndarray, " molecules"]]:
        """Predict properties of molecules, batch by batch; each padded size is compiled once.

        Activations on grids make predictions depend slightly on a molecule's orientation (`invariance_error`). The mean
        over several orientations reduces that, at proportional cost: the molecule as given, and rotated at random by
        the same rotations in every call.

        Args:
            molecules: Molecules of species that the network knows.
            batch_size: Molecules per batch.
            orientations: Number of orientations of each molecule to average over, 1 … 10,000.
            warn: Whether to warn of unusual molecules.

        Returns:
            Values by property in `units`, shape (molecules,), float64.

        Raises:
            TypeError: Anything other than molecules, or a number that is not an integer.
            ValueError: No molecules, numbers out of range, unknown species, coincident atoms.

        Warns:
            FileWarning: Molecules whose nearest atoms are below 0.5 or above 1.45 times the sum of their covalent
                radii, and molecules unlike the training data, see `TrainingRange.differences`, by name or by file and
                line.
        """
        _checks.flag("warn", warn)
        molecules = molecule_list(molecules)
        results = self._predict(molecules, batch_size, orientations)
        if warn:
            warn_of_distances(molecules)
            if self.seen is not None:
                warn_of_differences(self.seen, molecules)
        return results

    def _predict(
        self, molecules: Sequence[Molecule], batch_size: int = 32, orientations: int = 1
    ) -> dict[str, Float[np.ndarray, " molecules"]]:
        """As `predict`, without warnings."""
        check_molecules(molecules, self.config.species)
        count = _checks.repetitions("orientations", orientations)
        outputs = self._outputs(molecules, batch_size)
        for key in jax.random.split(jax.random.key(0), count)[1:]:
            outputs += self._outputs(rotate_at_random(molecules, key), batch_size)
        outputs /= count
        # The baseline by composition is added on the host in float64: totals keep their digits.
        results = {}
        for i, (name, scaling) in enumerate(self.scalings.items()):
            references = dict(zip(scaling.species, scaling.references, strict=True))
            baseline = [sum(references[int(z)] for z in molecule.numbers) for molecule in molecules]
            results[name] = outputs[:, i] * scaling.scale + np.array(baseline) + scaling.intercept
        return results

    def _outputs(self, molecules: Sequence[Molecule], batch_size: int) -> Float[np.ndarray, "molecules output"]:
        """Outputs of the network before scaling, float64."""
        run, arrays = _compiled(self.config), eqx.filter(self.network, eqx.is_array)
        outputs = np.zeros((len(molecules), self.config.outputs))
        buckets = sorted({padded_size(len(molecule)) for molecule in molecules})
        for index, batch in bucket_molecules(molecules, buckets=buckets, batch_size=batch_size):
            state = jax.tree.map(lambda leaf: leaf, self.state)
            outputs[index[index >= 0]] = np.asarray(run(arrays, state, batch))[index >= 0]
        return outputs

    def predict_forces(
        self, molecules: Sequence[Molecule], *, property: str | None = None, batch_size: int = 32
    ) -> list[Float[np.ndarray, "atoms 3"]]:
        """Forces F_i = −∂E/∂r_i of a property that is an energy; each padded size is compiled once.

        Args:
            molecules: Molecules of species that the network knows.
            property: Name of the energy; default the only property.
            batch_size: Molecules per batch.

        Returns:
            For each molecule the forces [unit of the energy per Å], shape (atoms, 3), float64.

        Raises:
            TypeError: Anything other than molecules, or a number that is not an integer.
            ValueError: No molecules, numbers out of range, unknown species, or no property of that name.

        Examples:
            >>> import numpy as np
            >>> from molsphere import InteractingConfig, Molecule, PropertyModel, TargetScaling
            >>> water = Molecule(np.array([8, 1, 1]), np.array([[0, 0, 0.12], [0, 0.76, -0.48], [0, -0.76, -0.48]]))
            >>> import equinox as eqx
            >>> import jax
            >>> from molsphere import InteractingNetwork
            >>> config = InteractingConfig(species=(1, 8), max_degree=1, channels=4)
            >>> network, state = eqx.nn.make_with_state(InteractingNetwork)(config, key=jax.random.key(0))
            >>> scaling = TargetScaling(species=(1, 8), references=(-10.0, -2000.0), intercept=0.0, scale=5.0)
            >>> model = PropertyModel(network, state, {"energy": "eV"}, {"energy": scaling})
            >>> (forces,) = model.predict_forces([water])
            >>> forces.shape, bool(np.abs(forces.sum(0)).max() < 1e-5)
            ((3, 3), True)
        """
        molecules = molecule_list(molecules)
        check_molecules(molecules, self.config.species)
        return self._energies_and_forces(molecules, self._energy_name(property), batch_size)[1]

    def _energies_and_forces(
        self, molecules: Sequence[Molecule], name: str, batch_size: int = 1
    ) -> tuple[Float[np.ndarray, " molecules"], list[Float[np.ndarray, "atoms 3"]]]:
        """Energies and forces of checked molecules by one property, in the type of the network."""
        run = compiled_forces(self.config, list(self.units).index(name))
        arrays, scaling = eqx.filter(self.network, eqx.is_array), self.scalings[name]
        # The baseline by composition is added on the host in float64: totals keep their digits.
        energies = scaling.baseline(MoleculeSet.from_molecules(molecules))
        found: list[np.ndarray] = [np.empty(0)] * len(molecules)
        buckets = sorted({padded_size(len(molecule)) for molecule in molecules})
        dtype = str(self.network.embedding.dtype)
        for index, batch in bucket_molecules(molecules, buckets=buckets, batch_size=batch_size, dtype=dtype):
            state = jax.tree.map(lambda leaf: leaf, self.state)
            outputs, forces = (np.asarray(x, np.float64) * scaling.scale for x in run(arrays, state, batch))
            for row, at in enumerate(index):
                if at >= 0:
                    energies[at] += outputs[row]
                    found[at] = forces[row, : len(molecules[at])]
        return energies, found

    def _energy_name(self, property: str | None) -> str:
        """The name of the property that is the energy: the given one, or the only one."""
        if property is None and len(self.units) > 1:
            raise ValueError(f"`property` must be one of {', '.join(self.units)}, got None")
        if property is not None:
            _checks.option("property", property, tuple(self.units))
        return property or next(iter(self.units))

    def save(self, path: str | os.PathLike, **extra: Any) -> None:
        """Write the model to one file, under a temporary name that is then renamed.

        Args:
            path: The file.
            extra: Further values of JSON types for the configuration in the header.

        Raises:
            TypeError: Anything other than JSON types.
            ValueError: A name that is already in the configuration.
        """
        config = {
            "kind": "molsphere.PropertyModel",
            "network": to_json(self.config),
            "units": dict(self.units),
            "scalings": {name: scaling.to_json() for name, scaling in self.scalings.items()},
            "seen": None if self.seen is None else self.seen.to_json(),
        }
        if taken := sorted(set(config) & set(extra)):
            raise ValueError(f"`extra` must have names other than {', '.join(config)}, got {taken}")
        config |= extra
        save_model(path, (self.network, self.state), config)

    @classmethod
    def load(cls, path: str | os.PathLike) -> PropertyModel:
        """Read a model from a file that `save` wrote.

        Args:
            path: The file, or the folder of a run with the file `model.spinnn`.

        Returns:
            The model.

        Raises:
            FileNotFoundError: No such file, or no model in the folder.
            ValueError: Another kind of file, or a truncated or damaged one.
        """
        path = find_model(path)

        def build(config: dict[str, Any]) -> tuple[Network, eqx.nn.State]:
            if config.get("kind") != "molsphere.PropertyModel":
                raise ValueError(f"{path} must be a molsphere model, got the kind {config.get('kind')!r}")
            return make_network(from_json(NetworkConfig, config["network"]))

        (network, state), header = load_model(path, build)
        config = header["config"]
        with well_formed(path, "the config of the model file"):
            scalings = {name: TargetScaling.from_json(fields) for name, fields in config["scalings"].items()}
            units = {str(name): str(config["units"][name]) for name in scalings}
            if len(scalings) != network.config.outputs:
                raise ValueError(f"`scalings` must be {network.config.outputs}, one per output, got {list(scalings)}")
            seen = None if config.get("seen") is None else TrainingRange.from_json(config["seen"])
        return cls(eqx.nn.inference_mode(network), state, units, scalings, seen)


def find_model(path: str | os.PathLike) -> Path:
    """The model file of a path, which may be the folder of a run."""
    path = Path(path)
    if path.is_dir():
        found = path / MODEL_FILE
        if not found.is_file():
            runs = sorted(str(file.parent) for file in path.glob(f"*/{MODEL_FILE}"))
            hint = f"; the folder holds the runs {', '.join(runs)}: name them" if runs else ""
            raise FileNotFoundError(f"`model` must be a model file or the folder of a run, found no {found}{hint}")
        return found
    if not path.is_file():
        raise FileNotFoundError(f"`model` must be a model file or the folder of a run, found no {path}")
    return path


@functools.lru_cache(maxsize=8)
def _compiled(config: NetworkConfig) -> Callable[[Any, eqx.nn.State, Molecules], Array]:
    """The network of a configuration in inference mode, as a compiled function of its arrays, state and a batch."""
    shapes, _ = eqx.filter_eval_shape(make_network, config)
    _, rest = eqx.partition(eqx.nn.inference_mode(shapes), lambda leaf: isinstance(leaf, jax.ShapeDtypeStruct))
    return spinharm.jit(lambda arrays, state, batch: eqx.combine(arrays, rest)(batch, state)[0])
