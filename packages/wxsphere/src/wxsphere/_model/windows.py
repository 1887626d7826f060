"""Training samples: windows of time with inputs and targets, by position."""

from __future__ import annotations

import copy
import functools
import threading
from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import numpy as np
import xarray as xr
from jaxtyping import Array, Float, Inexact, Int

from .. import _checks
from .._conventions.coordinates import check_coordinates
from .._conventions.grids import grid_of
from .._conventions.names import MEMBER, TIME
from .._fields.fields import FieldLayout, pack_members
from .._fields.forcings import FORCINGS
from .._fields.normalize import Normalization
from .task import ForecastTask, hours_of

_KEPT_TIMES = 256


class Batch(eqx.Module):
    """Batch of training samples with normalised fields, as a pytree of arrays.

    Attributes:
        inputs: States at the offsets, shape (batch, offset, lat, lon, spin, channel).
        targets: States at the lead times of all steps, shape (batch, lead, lat, lon, spin, channel).
        forcings: Scaled forcings at the beginning of each step, shape (batch, step, lat, lon, forcing).
        weight: 1 for windows, 0 for empty windows that pad a batch, shape (batch,).
        index: Positions of the windows, −1 for empty windows, shape (batch,).

    Examples:
        >>> import numpy as np
        >>> from wxsphere import Batch
        >>> states = np.zeros((2, 1, 4, 8, 1, 1), np.float32)
        >>> batch = Batch(states, states, np.zeros((2, 1, 4, 8, 0), np.float32), np.ones(2, np.float32), np.arange(2))
        >>> batch.inputs.shape, batch.weight.tolist()
        ((2, 1, 4, 8, 1, 1), [1.0, 1.0])
    """

    inputs: Inexact[Array | np.ndarray, "batch offset lat lon spin channel"]
    targets: Inexact[Array | np.ndarray, "batch lead lat lon spin2 channel2"]
    forcings: Float[Array | np.ndarray, "batch step lat lon forcing"]
    weight: Float[Array | np.ndarray, " batch"]
    index: Int[Array | np.ndarray, " batch"]


class Windows:
    """Training samples of a store for some steps of a task, with random access.

    A window is an initial time (and a member, if the store has members) with all its offsets and lead times. Windows
    across a gap in time, or partly outside the given times, are left out.

    Examples:
        >>> import numpy as np
        >>> from spinharm import Grid
        >>> from wxsphere import FieldLayout, ForecastTask, Normalization, Windows, field_statistics, grid_dataset
        >>> grid = Grid.gauss_legendre(4)
        >>> times = np.arange("2020-01-01T00", "2020-01-02T00", 6, "datetime64[h]").astype("datetime64[ns]")
        >>> fields = grid_dataset(grid).assign_coords(time=times)
        >>> values = np.random.default_rng(0).normal(280, 5, (4, 4, 8))
        >>> fields["2m_temperature"] = ("time", "latitude", "longitude"), values
        >>> layout = FieldLayout.of(fields)
        >>> normalization = Normalization.of(field_statistics(fields), layout)
        >>> windows = Windows(fields, ForecastTask(layout, layout, grid), normalization, normalization)
        >>> len(windows), len(windows.with_steps(2)), windows.times.size, windows.members.tolist()
        (3, 2, 3, [0, 0, 0])
        >>> windows.batch(np.array([0, 2, -1])).targets.shape
        (3, 1, 4, 8, 1, 1)
    """

    def __init__(
        self,
        fields: xr.Dataset,
        task: ForecastTask,
        inputs: Normalization,
        outputs: Normalization,
        *,
        times: np.ndarray | None = None,
        members: Sequence[int] = (),
        steps: int = 1,
        memory_gib: float = 1.0,
    ) -> None:
        """Find the windows; only times are read.

        Args:
            fields: Dataset in the layout of `canonical`, with `time` and optionally `number`.
            task: The forecast task.
            inputs: Normalisation of the inputs.
            outputs: Normalisation of the outputs.
            times: Times that windows may use; default all.
            members: Values of `number`; default all.
            steps: Number of steps of the task, at least 1.
            memory_gib: Fields up to this size [GiB] are read once and kept; larger ones are read for each batch.

        Raises:
            TypeError: A number is not an integer.
            ValueError: There is no window, the grid is another one, a variable or member is missing, or the task cannot
                be iterated.
        """
        _checks.dimensions("fields", fields, (TIME,))
        _checks.instance("task", task, ForecastTask, "a wxsphere.ForecastTask")
        for name, one in (("inputs", inputs), ("outputs", outputs)):
            _checks.instance(name, one, Normalization, "a wxsphere.Normalization")
        check_coordinates("fields", fields)
        memory = _checks.memory_bytes("memory_gib", memory_gib)
        members = _checks.integers("members", members)
        if (found := grid_of(fields)) != task.grid:
            raise ValueError(f"`fields` must be on {task.grid}, got {found}")
        if members:
            fields = _chosen_members(fields, members)
        if times is not None:
            there = np.asarray(fields[TIME].values).astype("datetime64[ns]")
            usable = np.isin(there, _checks.times("times", times))
            fields = fields.isel({TIME: np.flatnonzero(usable)})
        if not fields.indexes[TIME].is_unique:
            raise ValueError("`fields` must not repeat a time")
        self.task, self._fields = task, fields
        self._find(steps)
        self._members = fields.sizes.get(MEMBER, 1)
        self._readers = [
            _Reader(fields, layout, normalization, memory)
            for layout, normalization in ((task.inputs, inputs), (task.outputs, outputs))
        ]
        if task.inputs == task.outputs:
            self._readers[1] = self._readers[0]
        self._forcing = _kept_forcings(task)

    def with_steps(self, steps: int) -> Windows:
        """Windows of the same times and members for another number of steps, sharing data in memory.

        Raises:
            TypeError: `steps` is not an integer.
            ValueError: As for `Windows`.
        """
        out = copy.copy(self)
        out._forcing = self._forcing
        out._find(steps)
        return out

    def __getstate__(self) -> dict[str, Any]:
        # A cache cannot be pickled; another process fills a new one.
        return {name: value for name, value in self.__dict__.items() if name != "_forcing"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._forcing = _kept_forcings(self.task)

    def _find(self, steps: int) -> None:
        task = self.task
        task.check_steps(_checks.integer("steps", steps, 1))
        stamps = np.asarray(self._fields[TIME].values).astype("datetime64[ns]")
        # No window has more steps than there are times.
        listed = min(steps, stamps.size + 1)
        leads = [hours_of(h) + task.step * k for k in range(listed) for h in task.leads]
        shifts = [hours_of(h) for h in task.offsets] + leads
        index = self._fields.indexes[TIME]
        positions = np.stack([index.get_indexer(stamps + shift) for shift in shifts], 1)
        whole = (positions >= 0).all(1)
        if not whole.any():
            reach = task.leads[-1] + (steps - 1) * task.leads[0] - task.offsets[0]
            raise ValueError(
                f"`fields` must have at least one window of {reach:g} h without gaps, for offsets {task.offsets} h and "
                f"{steps} steps of leads {task.leads} h; got {stamps.size} times"
                + (f", {stamps[0]} … {stamps[-1]}" if stamps.size else "")
            )
        self.steps, self._positions, self._starts = steps, positions[whole], stamps[whole]

    def __len__(self) -> int:
        return len(self._starts) * self._members

    @property
    def times(self) -> np.ndarray:
        """The time of each window, `datetime64[ns]`, shape (windows,)."""
        return np.repeat(self._starts, self._members)

    @property
    def members(self) -> np.ndarray:
        """The position of each window's member along `number`, shape (windows,)."""
        return np.tile(np.arange(self._members), len(self._starts))

    def batch(self, index: Int[np.ndarray, " batch"]) -> Batch:
        """Read windows by position.

        Args:
            index: Positions, −1 for an empty window, shape (batch,).

        Returns:
            The batch; all values of empty windows are 0.

        Raises:
            TypeError: `index` is not an array of integers.
            ValueError: A position is out of range, or a field is not finite; the message names variable and time.
        """
        _checks.array("index", index, axes=1)
        if not np.issubdtype(index.dtype, np.integer):
            raise TypeError(f"`index` must hold integers, got dtype {index.dtype}")
        if np.any((index < -1) | (index >= len(self))):
            raise ValueError(f"`index` must lie between -1 and {len(self) - 1}, got {index}")
        present = index >= 0
        start, member = np.divmod(np.where(present, index, 0), self._members)
        positions, count = self._positions[start], len(self.task.offsets)
        keep = present[:, None, None, None, None, None]
        inputs = self._readers[0].read(positions[:, :count], member) * keep
        targets = self._readers[1].read(positions[:, count:], member) * keep
        stamps = self._starts[start]
        forcings = [[self._forcing(stamp + self.task.step * k) for k in range(self.steps)] for stamp in stamps]
        return Batch(
            inputs,
            targets,
            np.array(forcings, np.float32) * keep[..., 0],
            present.astype(np.float32),
            np.asarray(index, np.int32),
        )


def forcing_maps(task: ForecastTask, times: np.ndarray) -> Float[np.ndarray, "time lat lon forcing"]:
    """Forcings of a task at some times, divided by their scales, float32."""
    maps = [FORCINGS[name].function(times, task.grid) / FORCINGS[name].scale for name in task.forcings]
    if not maps:
        return np.zeros((len(times), *task.grid.shape, 0), np.float32)
    return np.stack(maps, -1).astype(np.float32)


def _kept_forcings(task: ForecastTask) -> Callable[[np.datetime64], np.ndarray]:
    """Cached function from a time to its forcing maps."""
    return functools.lru_cache(_KEPT_TIMES)(lambda stamp: forcing_maps(task, np.array([stamp]))[0])


class _Reader:
    """Reader of normalised maps by position in time and member, which are kept in memory if they fit."""

    def __init__(self, fields: xr.Dataset, layout: FieldLayout, normalization: Normalization, memory: int) -> None:
        self._layout, self._normalization = layout, normalization
        missing = [name for name in layout.variables if name not in fields.data_vars or TIME not in fields[name].dims]
        if missing:
            there = ", ".join(sorted(str(name) for name, field in fields.data_vars.items() if TIME in field.dims))
            raise ValueError(f"`fields` must have {missing[0]} with a dimension time, got {there}")
        _checks.real_fields("fields", fields, layout.variables)
        self._fields = fields[list(layout.variables)]
        others = set(layout.batch_dimensions(self._fields)) - {TIME, MEMBER}
        if others:
            raise ValueError(f"`fields` must have no dimension {sorted(others)[0]!r}")
        points = int(np.prod(grid_of(fields).shape)) * len(layout.spins) * layout.channels
        states = fields.sizes[TIME] * fields.sizes.get(MEMBER, 1)
        self._keep = states * points * (8 if layout.winds else 4) <= memory
        self._kept: np.ndarray | None = None
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        # Another process has its own lock and reads the data itself.
        return {**self.__dict__, "_kept": None, "_lock": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _lock=threading.Lock())

    def read(self, positions: np.ndarray, member: np.ndarray) -> np.ndarray:
        """Maps of shape (batch, offset, lat, lon, spin, channel) for times (batch, offset) and members (batch,)."""
        if self._keep:
            with self._lock:
                if self._kept is None:
                    self._kept = self._packed(self._fields)
            return self._kept[positions, member[:, None]]
        out: np.ndarray | None = None
        for one in np.unique(member):
            rows = np.flatnonzero(member == one)
            times, back = np.unique(positions[rows], return_inverse=True)
            part = self._fields.isel({TIME: times})
            maps = self._packed(part.isel({MEMBER: [one]}) if MEMBER in part.dims else part)[:, 0]
            if out is None:
                out = np.empty((*positions.shape, *maps.shape[1:]), maps.dtype)
            out[rows] = maps[back.reshape(rows.size, -1)]
        assert out is not None
        return out

    def _packed(self, fields: xr.Dataset) -> np.ndarray:
        """Normalised maps, shape (time, member, lat, lon, spin, channel)."""
        maps, bad = pack_members(self._layout, fields)
        if bad is not None:
            raise ValueError(
                f"`fields` must be finite, got NaN or infinity in {bad[0]} at {bad[1]}; "
                f"`wxsphere check` counts missing values"
            )
        return self._normalization.normalize(maps)


def _chosen_members(fields: xr.Dataset, members: Sequence[int]) -> xr.Dataset:
    if MEMBER not in fields.dims:
        raise ValueError(f"`members` needs fields with a dimension {MEMBER!r}, got {dict(fields.sizes)}")
    there = fields[MEMBER].values.tolist() if MEMBER in fields.coords else list(range(fields.sizes[MEMBER]))
    absent = [one for one in members if one not in there]
    if absent:
        raise ValueError(f"`members` must be among {there}, got {absent[0]}")
    return fields.isel({MEMBER: [there.index(one) for one in members]})
