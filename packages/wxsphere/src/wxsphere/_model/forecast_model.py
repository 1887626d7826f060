"""Trained forecast model: network, fields, grid, normalisation and constants, in one file."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import os
from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax
import numpy as np
import xarray as xr
from jaxtyping import Array, Float, Inexact

import spinharm
from spinharm import Grid
from spinnn import summary_html
from spinnn.files import well_formed
from spinnn.training import from_json, load_model, save_model, to_json

from .. import _checks
from .._conventions.coordinates import check_coordinates
from .._conventions.grids import grid_of
from .._conventions.names import LEVEL, MEMBER, TIME
from .._fields.fields import Channel, FieldLayout, pack_members
from .._fields.normalize import Normalization
from .networks import NetworkConfig
from .rollout import Stepper, rollout
from .task import ForecastTask, hours_of
from .windows import forcing_maps

_KIND = "wxsphere.ForecastModel"


@dataclasses.dataclass(frozen=True, eq=False)
class ForecastModel:
    """Trained model that maps fields to later fields, in physical units.

    Attributes:
        config: Configuration of the network.
        network: The network, in inference mode.
        state: Running statistics of its normalisation layers.
        stepper: Task, normalisation and constants.

    Examples:
        >>> import equinox as eqx
        >>> import jax
        >>> import numpy as np
        >>> from spinharm import Grid
        >>> from wxsphere import (
        ...     FieldLayout, ForecastModel, ForecastTask, NetworkConfig, Normalization, Stepper, field_statistics,
        ...     grid_dataset,
        ... )
        >>> grid = Grid.gauss_legendre(4)
        >>> times = np.arange("2020-01-01T00", "2020-01-02T00", 6, "datetime64[h]").astype("datetime64[ns]")
        >>> fields = grid_dataset(grid).assign_coords(time=times)
        >>> values = np.random.default_rng(0).normal(280, 5, (4, 4, 8))
        >>> fields["2m_temperature"] = ("time", "latitude", "longitude"), values
        >>> layout = FieldLayout.of(fields)
        >>> task = ForecastTask(layout, layout, grid)
        >>> normalization = Normalization.of(field_statistics(fields), layout)
        >>> stepper = Stepper(task, normalization, normalization, np.ones((1, 1, 1)), np.zeros((4, 8, 0), "float32"))
        >>> config = NetworkConfig("resnet", bandlimits=(2,), widths=(2,), num_filter_params=(None,))
        >>> network, state = eqx.nn.make_with_state(config.make)(layout, layout, grid, key=jax.random.key(0))
        >>> ForecastModel(config, eqx.nn.inference_mode(network), state, stepper).save("model.spinnn")
        >>> model = ForecastModel.load("model.spinnn")
        >>> hours = model.step.astype("timedelta64[h]")
        >>> hours, model.offsets, model.layout == model.task.outputs, len(model.fingerprint())
        (np.timedelta64(6,'h'), (0.0,), True, 16)
        >>> model.check(fields)
        >>> states = model.pack(fields, times[:1])
        >>> jax.jit(model)(states).shape  # (time, member, lead, lat, lon, spin, channel)
        (1, 1, 1, 4, 8, 1, 1)
        >>> window = normalization.normalize(states[:, 0])
        >>> outputs, following = model.run(window, model.forcings(times[:2])[:, None])
        >>> outputs.shape  # (step, time, lead, lat, lon, spin, channel)
        (2, 1, 1, 4, 8, 1, 1)
    """

    config: NetworkConfig
    network: Any
    state: eqx.nn.State
    stepper: Stepper

    @property
    def task(self) -> ForecastTask:
        """Inputs and outputs of the model."""
        return self.stepper.task

    @property
    def step(self) -> np.timedelta64:
        """The (first) lead time."""
        return self.task.step

    @property
    def layout(self) -> FieldLayout:
        """Channels of the inputs at each offset."""
        return self.task.inputs

    @property
    def offsets(self) -> tuple[float, ...]:
        """Times of the inputs [hours], the last 0."""
        return self.task.offsets

    def _repr_html_(self) -> str:
        """Table of parameters for notebooks."""
        return summary_html(self.network, f"ForecastModel, steps of {self.step / np.timedelta64(1, 'h'):g} h")

    def __call__(
        self,
        states: Inexact[Array, "*batch offset lat lon spin channel"],
        forcings: Float[Array, "*batch lat lon forcing"] | None = None,
    ) -> Inexact[Array, "*batch lead lat lon spin2 channel2"]:
        """Compute one step on the device; works under `jit`, `grad` and `vmap`.

        Args:
            states: Fields at the offsets, in the order of `layout.pack`, in physical units.
            forcings: Values of the method `forcings` for the time of each state; omitted for a model without forcings.

        Returns:
            Fields at the lead times, in the order of `task.outputs`, in physical units.

        Raises:
            ValueError: An array has another shape.
        """
        task, stepper = self.task, self.stepper
        _checks.array("states", states)
        if forcings is not None:
            _checks.ends("forcings", forcings, "lat, lon, forcing", (*task.grid.shape, len(task.forcings)))
        wanted = (len(task.offsets), *task.grid.shape, len(task.inputs.spins), task.inputs.channels)
        if states.shape[-5:] != wanted:
            raise ValueError(
                f"`states` must have axes (*batch, offset, lat, lon, spin, channel) ending {wanted}, got {states.shape}"
            )
        batch = states.shape[:-5]
        shape = (*batch, *task.grid.shape, len(task.forcings))
        if forcings is None and not task.forcings:
            forcings = jax.numpy.zeros(shape, states.real.dtype)
        if forcings is None or forcings.shape != shape:
            got = None if forcings is None else forcings.shape
            raise ValueError(f"`forcings` must be {', '.join(task.forcings) or 'none'} of shape {shape}, got {got}")
        window = stepper.inputs.normalize(states)
        outputs, _ = stepper(self.network, jax.tree.map(lambda leaf: leaf, self.state), window, forcings)
        return stepper.outputs.restore(outputs)

    def forcings(self, times: np.ndarray) -> Float[np.ndarray, "time lat lon forcing"]:
        """Forcings at some times, divided by their scales as inputs of the network, float32.

        Args:
            times: Times, `datetime64`, shape (time,).

        Raises:
            TypeError: `times` are not dates.
        """
        return forcing_maps(self.task, _checks.times("times", times))

    def pack(
        self, fields: xr.Dataset, times: Sequence[Any] | np.ndarray
    ) -> Inexact[np.ndarray, "time member offset lat lon spin channel"]:
        """Read initial states from a dataset, in physical units.

        Args:
            fields: Dataset in the layout of `canonical`, with `time` and optionally `number`.
            times: Initial times, `datetime64`, shape (time,).

        Returns:
            States, shape (time, member, offset, lat, lon, spin, channel); one member if there is no `number`.

        Raises:
            ValueError: The grid is another one, a variable, level or time is missing, or a value is not finite.
        """
        self.check(fields)
        stamps = _checks.times("times", times)
        index = fields.indexes[TIME]
        wanted = np.stack([stamps + hours_of(h) for h in self.offsets], 1)
        positions = index.get_indexer(wanted.reshape(-1))
        if (positions < 0).any():
            raise ValueError(
                f"`fields` must have the times of all offsets {self.offsets} h, got none for "
                f"{wanted.reshape(-1)[positions < 0][0]}"
            )
        unique, back = np.unique(positions, return_inverse=True)
        maps, bad = pack_members(self.layout, fields[list(self.layout.variables)].isel({TIME: unique}))
        if bad is not None:
            raise ValueError(f"`fields` must be finite, got NaN or infinity at {bad[1]}")
        windows = maps[back.reshape(wanted.shape)]  # (time, offset, member, …)
        return np.swapaxes(windows, 1, 2)

    def check(self, fields: xr.Dataset) -> None:
        """Check that fields have the grid, variables and levels of the inputs.

        Raises:
            ValueError: The grid is another one, or a variable or level is missing; the message names it.
        """
        _checks.dataset("fields", fields)
        missing = [name for name in self.layout.variables if name not in fields.data_vars]
        if missing:
            there = ", ".join(sorted(map(str, fields.data_vars)))
            raise ValueError(f"`fields` must have {', '.join(missing)}, which the model needs, got {there}")
        _checks.real_fields("fields", fields, self.layout.variables)
        for channel in self.layout.scalars + self.layout.winds:
            dims = fields[channel.names[0]].dims
            levels = fields[LEVEL].values.tolist() if LEVEL in dims else []
            if (channel.level is None) != (LEVEL not in dims) or (
                channel.level is not None and channel.level not in levels
            ):
                raise ValueError(f"`fields` must have {channel}, which the model needs, got levels {levels}")
        _checks.dimensions("fields", fields, (TIME,))
        check_coordinates("fields", fields)
        others = set(self.layout.batch_dimensions(fields)) - {TIME, MEMBER}
        if others:
            raise ValueError(f"`fields` must have no dimension {sorted(others)[0]!r}, got {dict(fields.sizes)}")
        if (grid := grid_of(fields)) != self.task.grid:
            raise ValueError(f"`fields` must be on {self.task.grid}, the grid of the model, got {grid}")

    def run(self, window: np.ndarray, forcings: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Compute several steps; compiled once for each number of steps and batch size.

        Args:
            window: Normalised states at the offsets, shape (*batch, offset, lat, lon, spin, channel).
            forcings: Forcings at the beginning of each step, shape (step, *batch, lat, lon, forcing).

        Returns:
            Normalised states, shape (step, *batch, lead, lat, lon, spin, channel), and the window of the next step.

        Raises:
            TypeError: An argument is not an array of numbers.
            ValueError: An array has another shape, or there are several steps of a model that cannot be iterated.
        """
        task = self.task
        sizes = (len(task.offsets), *task.grid.shape, len(task.inputs.spins), task.inputs.channels)
        _checks.ends("window", window, "offset, lat, lon, spin, channel", sizes)
        _checks.ends("forcings", forcings, "lat, lon, forcing", (*task.grid.shape, len(task.forcings)))
        wanted = (*window.shape[:-5], *task.grid.shape, len(task.forcings))
        if forcings.shape[1:] != wanted or not forcings.ndim:
            raise ValueError(
                f"`forcings` must have axes (step, *batch, lat, lon, forcing) with sizes {wanted} after the first, "
                f"got shape {forcings.shape}"
            )
        task.check_steps(forcings.shape[0])
        arrays = eqx.filter(self.network, eqx.is_array)
        outputs, following = self._compiled(arrays, self.state, window, forcings)
        return np.asarray(outputs), np.asarray(following)

    def __reduce__(self) -> tuple[Any, ...]:
        # Compiled functions cannot be pickled; another process compiles again.
        return type(self), (self.config, self.network, self.state, self.stepper)

    @functools.cached_property
    def _compiled(self) -> Callable[..., tuple[Array, Array]]:
        _, rest = eqx.partition(self.network, eqx.is_array)
        stepper = self.stepper

        def many(arrays: Any, state: Any, window: Array, forcings: Array) -> tuple[Array, Array]:
            return rollout(stepper, eqx.combine(arrays, rest), state, window, forcings)

        return spinharm.jit(many)

    def fingerprint(self) -> str:
        """Digest of everything that forecasts depend on, 16 hexadecimal digits."""
        digest = hashlib.sha256(repr(self._described()).encode())
        for leaf in jax.tree.leaves((self.network, self.state)):
            if eqx.is_array(leaf):
                digest.update(np.ascontiguousarray(leaf).tobytes())
        digest.update(np.ascontiguousarray(self.stepper.constants).tobytes())
        return digest.hexdigest()[:16]

    def save(self, path: str | os.PathLike, **extra: Any) -> None:
        """Write the model to one file, by way of a temporary name.

        Args:
            path: The file.
            extra: Further values of JSON types for the configuration in the header.
        """
        save_model(path, (self.network, self.state, self.stepper.constants), {**self._described(), **extra})

    @classmethod
    def load(cls, path: str | os.PathLike) -> ForecastModel:
        """Read a model from a file that `save` wrote.

        Args:
            path: The file.

        Returns:
            The model.

        Raises:
            ValueError: The file is of another kind, cut off, damaged or malformed; the message names the file.
        """

        def build(config: dict[str, Any]) -> tuple[Any, eqx.nn.State, np.ndarray]:
            if config.get("kind") != _KIND:
                raise ValueError(f"{path} must be a wxsphere model, got the kind {config.get('kind')!r}")
            task = task_from_json(config["task"])
            network, state = make_network(from_json(NetworkConfig, config["network"]), task)
            constants = np.zeros((*task.grid.shape, len(task.constants)), np.float32)
            return network, state, constants

        (network, state, constants), header = load_model(path, build)
        config = header["config"]
        with well_formed(path, "the config of the model file"):
            task = task_from_json(config["task"])
            inputs, outputs = (
                Normalization(*(np.array(config[name][part], np.float64) for part in ("shift", "scale")))
                for name in ("normalization_in", "normalization_out")
            )
            stepper = Stepper(task, inputs, outputs, np.array(config["change"], np.float64), np.asarray(constants))
            _check_shapes(stepper)
            network_config = from_json(NetworkConfig, config["network"])
        return cls(network_config, eqx.nn.inference_mode(network), state, stepper)

    def _described(self) -> dict[str, Any]:
        stepper = self.stepper
        return {
            "kind": _KIND,
            "network": to_json(self.config),
            "task": task_to_json(self.task),
            "normalization_in": _lists(stepper.inputs),
            "normalization_out": _lists(stepper.outputs),
            "change": stepper.change.tolist(),
        }


def make_network(config: NetworkConfig, task: ForecastTask, seed: int = 0) -> tuple[Any, eqx.nn.State]:
    """Make the untrained network of a task, and its state."""
    make = eqx.nn.make_with_state(config.make)
    return make(task.network_inputs, task.network_outputs, task.grid, key=jax.random.key(seed))


def task_to_json(task: ForecastTask) -> dict[str, Any]:
    """Convert a task to JSON types."""
    # As by `to_json`: channels become [names, level].
    return to_json(task)


def task_from_json(values: dict[str, Any]) -> ForecastTask:
    """Convert the JSON types of `task_to_json` to a task."""

    def layout(fields: dict[str, Any]) -> FieldLayout:
        scalars, winds = (
            tuple(Channel(tuple(names), level) for names, level in fields[part]) for part in ("scalars", "winds")
        )
        return FieldLayout(scalars, winds, fields["wind_spin"])

    lists = {name: tuple(values[name]) for name in ("offsets", "leads", "constants", "forcings")}
    return ForecastTask(
        layout(values["inputs"]),
        layout(values["outputs"]),
        from_json(Grid, values["grid"]),
        residual=values["residual"],
        **lists,
    )


def _check_shapes(stepper: Stepper) -> None:
    task = stepper.task
    given, made = ((len(layout.spins), layout.channels) for layout in (task.inputs, task.outputs))
    for name, array, shape in (
        ("normalization_in", stepper.inputs.shift, given),
        ("normalization_in", stepper.inputs.scale, given),
        ("normalization_out", stepper.outputs.shift, made),
        ("normalization_out", stepper.outputs.scale, made),
        ("change", stepper.change, (len(task.leads), *made)),
    ):
        if array.shape != shape or not np.isfinite(array).all():
            raise ValueError(f"`{name}` must be finite numbers of shape {shape}, got shape {array.shape}")


def _lists(normalization: Normalization) -> dict[str, list[list[float]]]:
    return {"shift": normalization.shift.tolist(), "scale": normalization.scale.tolist()}
