"""Conversion between datasets and arrays for networks, with scalars on spin 0 and winds on spin ±1."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import xarray as xr
from jaxtyping import Inexact

from spinharm import Grid

from .. import _checks
from .._conventions.grids import grid_dataset, grid_of
from .._conventions.names import LATITUDE, LEVEL, LONGITUDE, MEMBER, TIME, WINDS
from .poles import PoleRule, rebuild_poles


class Channel(NamedTuple):
    """A scalar or a wind on one level.

    Attributes:
        names: Name of the variable, or of the eastward and the northward component.
        level: Level [hPa], or None for a field without levels.

    Examples:
        >>> from wxsphere import Channel
        >>> print(Channel(("u_component_of_wind", "v_component_of_wind"), 850.0))
        u_component_of_wind,v_component_of_wind@850
    """

    names: tuple[str, ...]
    level: float | None = None

    def __str__(self) -> str:
        return ",".join(self.names) + ("" if self.level is None else f"@{self.level:g}")


@dataclasses.dataclass(frozen=True)
class FieldLayout:
    """Assignment of variables and levels to spins and channels of maps (*batch, lat, lon, spin, channel).

    Winds are one complex channel each, v_θ + i v_φ = −v + i u for spin +1 or its conjugate for spin −1. The shorter of
    the two lists of channels is padded with zeros.

    Attributes:
        scalars: Channels on spin 0.
        winds: Channels on the spin of the wind.
        wind_spin: +1 or −1.

    Raises:
        TypeError: An entry is not a `Channel`.
        ValueError: There is no channel, a channel occurs twice, or one has the wrong number of variables.

    Examples:
        >>> import numpy as np
        >>> from spinharm import Grid
        >>> from wxsphere import FieldLayout, grid_dataset
        >>> times = np.arange("2020-01-01T00", "2020-01-01T12", 6, "datetime64[h]").astype("datetime64[ns]")
        >>> grid = Grid.gauss_legendre(4)
        >>> fields = grid_dataset(grid).assign_coords(time=times)
        >>> for name in ("2m_temperature", "10m_u_component_of_wind", "10m_v_component_of_wind"):
        ...     fields[name] = ("time", "latitude", "longitude"), np.ones((2, 4, 8), "float32")
        >>> layout = FieldLayout.of(fields)
        >>> layout.variables
        ('2m_temperature', '10m_u_component_of_wind', '10m_v_component_of_wind')
        >>> layout.spins, layout.channels, layout.batch_dimensions(fields)
        ((0, 1), 1, ('time',))
        >>> maps = layout.pack(fields)
        >>> maps.shape, maps.dtype.name
        ((2, 4, 8, 2, 1), 'complex64')
        >>> bool(layout.unpack(maps, grid, {"time": times}).equals(fields))
        True
    """

    scalars: tuple[Channel, ...]
    winds: tuple[Channel, ...] = ()
    wind_spin: Literal[1, -1] = 1

    def __post_init__(self) -> None:
        for name in ("scalars", "winds"):
            object.__setattr__(self, name, _channels(name, getattr(self, name)))
        if not (self.scalars or self.winds):
            raise ValueError("`scalars` and `winds` must not both be empty")
        if _checks.integer("wind_spin", self.wind_spin) not in (1, -1):
            raise ValueError(f"`wind_spin` must be 1 or -1, got {self.wind_spin!r}")
        for name, channels, parts in (("scalars", self.scalars, 1), ("winds", self.winds, 2)):
            for channel in channels:
                if len(channel.names) != parts:
                    raise ValueError(f"`{name}` must have {parts} variables in each channel, got {channel.names}")
        everything = [(name, channel.level) for channel in self.scalars + self.winds for name in channel.names]
        if len(set(everything)) != len(everything):
            raise ValueError(f"`scalars` and `winds` must not repeat a variable and level, got {everything}")

    @classmethod
    def of(
        cls,
        dataset: xr.Dataset,
        variables: Sequence[str] | None = None,
        *,
        winds_as_scalars: bool = False,
        wind_spin: Literal[1, -1] = 1,
    ) -> FieldLayout:
        """Make the layout of a dataset: pairs of components become winds, other variables scalars, level by level.

        Args:
            dataset: Dataset in the layout of `canonical`.
            variables: Names of the variables, in order; default all with latitude and longitude, sorted by name.
            winds_as_scalars: Keep wind components as two scalars, which is not equivariant; for comparison.
            wind_spin: +1 or −1.

        Returns:
            The layout.

        Raises:
            ValueError: A variable is missing, has no latitude and longitude, or is one component of a wind only.
        """
        _checks.dataset("dataset", dataset)
        _checks.flag("winds_as_scalars", winds_as_scalars)
        if variables is None:
            fields = dataset.data_vars.items()
            # The order of arrays in a store is arbitrary.
            chosen = sorted(str(name) for name, field in fields if {LATITUDE, LONGITUDE} <= set(field.dims))
        else:
            chosen = _checks.names("variables", variables)
        _check_fields(dataset, chosen)
        pairs = {} if winds_as_scalars else {name: pair for pair in WINDS.values() for name in pair}
        _check_components(chosen, pairs)
        if LEVEL in dataset.dims and not dataset.sizes[LEVEL]:
            raise ValueError(f"`dataset` must have at least one level, got sizes {dict(dataset.sizes)}")
        scalars: list[Channel] = []
        winds: list[Channel] = []
        for name in chosen:
            levels = [float(x) for x in dataset[LEVEL].values] if LEVEL in dataset[name].dims else [None]
            if name not in pairs:
                scalars += [Channel((name,), level) for level in levels]
            elif name == pairs[name][0]:
                winds += [Channel(pairs[name], level) for level in levels]
        return cls(tuple(scalars), tuple(winds), wind_spin)

    @property
    def spins(self) -> tuple[int, ...]:
        """The spin of each entry of the spin axis."""
        return (0,) * bool(self.scalars) + (self.wind_spin,) * bool(self.winds)

    @property
    def channels(self) -> int:
        """Size of the channel axis."""
        return max(len(self.scalars), len(self.winds))

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of the variables, without repeats."""
        return tuple(dict.fromkeys(name for channel in self.scalars + self.winds for name in channel.names))

    def pack(
        self, dataset: xr.Dataset, *, poles: PoleRule = "auto", dtype: str = "float32"
    ) -> Inexact[np.ndarray, "*batch lat lon spin channel"]:
        """Read the fields of a dataset as maps.

        Args:
            dataset: Dataset in the layout of `canonical`. Dimensions other than level, latitude and longitude become
                batch axes, in the order of the dataset; variables without one of them are repeated along it.
            poles: Treatment of rows on the poles, see `rebuild_poles`.
            dtype: Precision of the maps, `"float32"` or `"float64"`.

        Returns:
            Maps, shape (*batch, lat, lon, spin, channel), complex if there are winds, else real.

        Raises:
            ValueError: A variable or level is missing, or the grid is unknown.
        """
        if dtype not in ("float32", "float64"):
            raise ValueError(f"`dtype` must be 'float32' or 'float64', got {dtype!r}")
        grid = grid_of(dataset)
        batch = self.batch_dimensions(dataset)
        sizes = tuple(dataset.sizes[name] for name in batch)
        kind = ("complex64" if dtype == "float32" else "complex128") if self.winds else dtype
        out = np.zeros((*sizes, *grid.shape, len(self.spins), self.channels), kind)
        _checks.real_fields("dataset", dataset, self.variables)
        if LEVEL in dataset.indexes and not dataset.indexes[LEVEL].is_unique:
            raise ValueError(f"`dataset` must not repeat a level, got {dataset[LEVEL].values.tolist()}")
        loaded = {name: self._loaded(dataset, name, batch, dtype) for name in self.variables}
        for at, channel in enumerate(self.scalars):
            field = self._map(loaded[channel.names[0]], channel, sizes)
            out[..., 0, at] = rebuild_poles(field, grid, spin=0, rule=poles)
        for at, channel in enumerate(self.winds):
            u, v = (self._map(loaded[name], channel, sizes) for name in channel.names)
            field = -v + np.asarray(1j * self.wind_spin, kind) * u
            out[..., -1, at] = rebuild_poles(field, grid, spin=self.wind_spin, rule=poles)
        return out

    def unpack(
        self,
        maps: Inexact[np.ndarray, "*batch lat lon spin channel"],
        grid: Grid,
        batch: Mapping[str, np.ndarray] | None = None,
    ) -> xr.Dataset:
        """Convert maps to a dataset; the inverse of `pack`.

        Args:
            maps: Maps of shape (*batch, lat, lon, spin, channel). Imaginary parts of scalars are dropped.
            grid: Grid of the maps.
            batch: Name and coordinate of each batch axis, in order; default none.

        Returns:
            The dataset, in the layout of `canonical`.

        Raises:
            ValueError: The sizes are not those of the layout, the grid or the coordinates.
        """
        _checks.array("maps", maps)
        _checks.grid("grid", grid)
        if self.winds and not np.iscomplexobj(maps):
            raise TypeError(f"`maps` must be complex, since the layout has winds, got dtype {maps.dtype}")
        batch = _batch_axes(batch)
        wanted = (*(len(values) for values in batch.values()), *grid.shape, len(self.spins), self.channels)
        if maps.shape != wanted:
            raise ValueError(
                f"`maps` must have axes ({', '.join([*batch, 'lat', 'lon', 'spin', 'channel'])}) with sizes {wanted}, "
                f"got shape {maps.shape}"
            )
        parts: dict[str, list[tuple[float | None, np.ndarray]]] = {name: [] for name in self.variables}
        for at, channel in enumerate(self.scalars):
            parts[channel.names[0]].append((channel.level, np.real(maps[..., 0, at])))
        for at, channel in enumerate(self.winds):
            field = maps[..., -1, at]
            parts[channel.names[0]].append((channel.level, self.wind_spin * np.imag(field)))
            parts[channel.names[1]].append((channel.level, -np.real(field)))
        out = grid_dataset(grid).assign_coords({name: (name, values) for name, values in batch.items()})
        for name, levels in parts.items():
            if levels[0][0] is None:
                field = xr.DataArray(levels[0][1], dims=(*batch, LATITUDE, LONGITUDE))
            else:
                stacked = np.stack([field for _, field in levels], -3)
                field = xr.DataArray(
                    stacked,
                    dims=(*batch, LEVEL, LATITUDE, LONGITUDE),
                    coords={LEVEL: (LEVEL, np.array([level for level, _ in levels]), {"units": "hPa"})},
                )
            out = out.merge(field.to_dataset(name=name), join="outer", compat="no_conflicts")
        return out

    def batch_dimensions(self, dataset: xr.Dataset) -> tuple[str, ...]:
        """Dimensions of the variables that become batch axes of the maps, in order.

        Raises:
            TypeError: `dataset` is not an `xarray.Dataset`.
            ValueError: A variable is missing.
        """
        _checks.dataset("dataset", dataset)
        missing = [name for name in self.variables if name not in dataset.data_vars]
        if missing:
            there = ", ".join(sorted(map(str, dataset.data_vars)))
            raise ValueError(f"`dataset` must have {', '.join(missing)}, got only {there}")
        used = {dim for name in self.variables for dim in dataset[name].dims} - {LEVEL, LATITUDE, LONGITUDE}
        longest = max((dataset[name].dims for name in self.variables), key=len)
        ordered = [str(dim) for dim in longest if dim in used]
        return (*ordered, *(str(dim) for dim in dataset.dims if dim in used and dim not in ordered))

    def _loaded(self, dataset: xr.Dataset, name: str, batch: tuple[str, ...], dtype: str) -> xr.DataArray:
        field = dataset[name]
        levels = [c.level for c in self.scalars + self.winds if name in c.names and c.level is not None]
        if levels:
            there = np.asarray(dataset[LEVEL].values, np.float64) if LEVEL in field.dims else np.array([])
            absent = [level for level in levels if level not in there]
            if absent:
                raise ValueError(f"`dataset` must have {name} at {absent[0]:g} hPa, got levels {there.tolist()}")
            field = field.sel({LEVEL: sorted(levels)})
        order = [dim for dim in batch if dim in field.dims]
        ends = (LEVEL, LATITUDE, LONGITUDE) if levels else (LATITUDE, LONGITUDE)
        missing = [batch.index(dim) for dim in batch if dim not in field.dims]
        values = field.transpose(*order, *ends).astype(dtype)
        return values.expand_dims({batch[at]: 1 for at in missing}).transpose(*batch, *ends).load()

    def _map(self, field: xr.DataArray, channel: Channel, sizes: tuple[int, ...]) -> np.ndarray:
        chosen = field if channel.level is None else field.sel({LEVEL: channel.level})
        values = chosen.values
        return np.ascontiguousarray(np.broadcast_to(values, (*sizes, *values.shape[-2:])))


def _check_fields(dataset: xr.Dataset, chosen: Sequence[str]) -> None:
    for name in chosen:
        if name not in dataset.data_vars or not {LATITUDE, LONGITUDE} <= set(dataset[name].dims):
            there = ", ".join(sorted(map(str, dataset.data_vars)))
            raise ValueError(f"`variables` names {name!r}, which is no field of the dataset; there are {there}")


def _check_components(chosen: Sequence[str], pairs: Mapping[str, tuple[str, ...]]) -> None:
    for name in chosen:
        missing = [part for part in pairs.get(name, ()) if part not in chosen]
        if missing:
            raise ValueError(f"`variables` must name both components of a wind, got {name!r} without {missing[0]!r}")


def _channels(name: str, channels: Any) -> tuple[Channel, ...]:
    _checks.instance(name, channels, (tuple, list), "a sequence of wxsphere.Channel")
    for channel in channels:
        _checks.instance(name, channel, Channel, "a sequence of wxsphere.Channel")
        if not isinstance(channel.names, tuple) or not all(isinstance(one, str) and one for one in channel.names):
            raise TypeError(f"`{name}` must have a tuple of names in each channel, got {channel.names!r}")
        if channel.level is not None:
            _checks.number(f"level` in `{name}", channel.level, above=0.0)
    return tuple(channels)


def _batch_axes(batch: Mapping[str, np.ndarray] | None) -> dict[str, np.ndarray]:
    _checks.instance("batch", {} if batch is None else batch, Mapping, "a mapping of names to coordinates, or None")
    out = {}
    for name, values in (batch or {}).items():
        out[name] = np.asarray(values)
        if not isinstance(name, str) or name in (LEVEL, LATITUDE, LONGITUDE) or out[name].ndim != 1:
            raise ValueError(f"`batch` must hold a coordinate of one axis by name, got {name!r}: {values!r}")
    return out


def pack_members(
    layout: FieldLayout, fields: xr.Dataset
) -> tuple[Inexact[np.ndarray, "time member lat lon spin channel"], tuple[Channel, str] | None]:
    """States by time and member (one if there is no `number`), and the first channel and time that are not finite."""
    maps, batch = layout.pack(fields), layout.batch_dimensions(fields)
    if MEMBER not in batch:
        maps = maps[:, None]
    elif batch.index(MEMBER) == 0:
        maps = np.swapaxes(maps, 0, 1)
    bad = ~np.isfinite(maps)
    if not bad.any():
        return maps, None
    time, _, _, _, spin, channel = np.argwhere(bad)[0]
    channels = layout.winds if layout.spins[spin] else layout.scalars
    return maps, (channels[channel], str(fields[TIME].values[time]))
