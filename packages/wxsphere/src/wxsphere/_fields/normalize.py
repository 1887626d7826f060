"""Normalization of fields to mean 0 and standard deviation 1 per variable and level."""

from __future__ import annotations

import dataclasses
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Float

from .. import _checks
from .._conventions.names import LEVEL
from .fields import Channel, FieldLayout

Maps = TypeVar("Maps", np.ndarray, jax.Array)


@dataclasses.dataclass(frozen=True, eq=False)
class Normalization:
    """Shift and scale of each channel of a layout.

    A scalar becomes (x − mean) / std. A wind on spin ±1 is a vector, from which no mean may be subtracted; it is
    divided by √((std_u² + mean_u² + std_v² + mean_v²) / 2), so that its two components have a mean square of 1.

    Attributes:
        shift: Values to subtract, shape (spin, channel), in the units of the fields; 0 for winds and padding.
        scale: Divisors, shape (spin, channel); 1 for padding.

    Examples:
        >>> import numpy as np
        >>> from spinharm import Grid
        >>> from wxsphere import FieldLayout, Normalization, field_statistics, grid_dataset
        >>> times = np.arange("2020-01-01T00", "2020-01-02T00", 6, "datetime64[h]").astype("datetime64[ns]")
        >>> fields = grid_dataset(Grid.equiangular(4, 8)).assign_coords(time=times)
        >>> values = np.random.default_rng(0).normal(280, 5, (4, 4, 8))
        >>> fields["2m_temperature"] = ("time", "latitude", "longitude"), values
        >>> layout = FieldLayout.of(fields)
        >>> normalization = Normalization.of(field_statistics(fields), layout)
        >>> maps = layout.pack(fields)
        >>> normalized = normalization.normalize(maps)
        >>> bool(abs(normalized).max() < 5), bool(np.allclose(normalization.restore(normalized), maps))
        (True, True)
    """

    shift: Float[np.ndarray, "spin channel"]
    scale: Float[np.ndarray, "spin channel"]

    @classmethod
    def of(cls, statistics: xr.Dataset, layout: FieldLayout) -> Normalization:
        """Make the normalisation of a layout from the statistics `mean` and `std`.

        Args:
            statistics: Variables with dimensions (statistic[, level]), as `prepare` writes them.
            layout: Layout of the channels.

        Returns:
            The normalisation.

        Raises:
            ValueError: The statistics lack a variable or level, or a standard deviation is not above 0.
        """
        _check(statistics, layout)
        shift = np.zeros((len(layout.spins), layout.channels))
        for at, channel in enumerate(layout.scalars):
            shift[0, at] = _statistic(statistics, "mean", channel, 0)
        return cls(shift, _scales(statistics, layout, "mean", "std"))

    def normalize(self, maps: Maps) -> Maps:
        """Compute (x − shift) / scale of maps of shape (*batch, lat, lon, spin, channel), in their precision.

        Raises:
            TypeError: `maps` is not an array of numbers.
            ValueError: `maps` has another number of spins or channels.
        """
        _checks.ends("maps", maps, "spin, channel", self.shift.shape)
        return (maps - _like(self.shift, maps)) / _like(self.scale, maps)

    def restore(self, maps: Maps) -> Maps:
        """Compute x · scale + shift, the inverse of `normalize`, of maps of the same shape."""
        _checks.ends("maps", maps, "spin, channel", self.shift.shape)
        return maps * _like(self.scale, maps) + _like(self.shift, maps)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Normalization):
            return NotImplemented
        return np.array_equal(self.shift, other.shift) and np.array_equal(self.scale, other.scale)


def tendency_scale(
    statistics: xr.Dataset, layout: FieldLayout, normalization: Normalization
) -> Float[np.ndarray, "spin channel"]:
    """Root mean square change of normalised channels over one cadence of the data.

    Args:
        statistics: Statistics with `tendency_mean` and `tendency_std`; for scalars the standard deviation is used, for
            winds the root mean square of both components.
        layout: Layout of the channels.
        normalization: Normalisation of the channels.

    Returns:
        Scales, shape (spin, channel); 1 for padding.

    Raises:
        ValueError: As for `Normalization.of`.

    Examples:
        >>> import numpy as np
        >>> from spinharm import Grid
        >>> from wxsphere import FieldLayout, Normalization, field_statistics, grid_dataset, tendency_scale
        >>> times = np.arange("2020-01-01T00", "2020-01-02T00", 6, "datetime64[h]").astype("datetime64[ns]")
        >>> fields = grid_dataset(Grid.equiangular(4, 8)).assign_coords(time=times)
        >>> values = np.random.default_rng(0).normal(280, 5, (4, 4, 8))
        >>> fields["2m_temperature"] = ("time", "latitude", "longitude"), values
        >>> statistics, layout = field_statistics(fields), FieldLayout.of(fields)
        >>> tendency_scale(statistics, layout, Normalization.of(statistics, layout)).round(1)
        array([[1.5]])
    """
    _check(statistics, layout)
    _checks.instance("normalization", normalization, Normalization, "a wxsphere.Normalization")
    found = _scales(statistics, layout, "tendency_mean", "tendency_std") / normalization.scale
    found[_padding(layout)] = 1.0
    return found


def _check(statistics: xr.Dataset, layout: FieldLayout) -> None:
    _checks.dataset("statistics", statistics)
    _checks.instance("layout", layout, FieldLayout, "a wxsphere.FieldLayout")


def _scales(statistics: xr.Dataset, layout: FieldLayout, mean: str, std: str) -> np.ndarray:
    out = np.ones((len(layout.spins), layout.channels))
    for at, channel in enumerate(layout.scalars):
        out[0, at] = _statistic(statistics, std, channel, 0)
    for at, channel in enumerate(layout.winds):
        squares = [_statistic(statistics, which, channel, part) ** 2 for which in (mean, std) for part in (0, 1)]
        out[-1, at] = (sum(squares) / 2) ** 0.5
    for channels, row in ((layout.scalars, 0), (layout.winds, -1)):
        for at, channel in enumerate(channels):
            if not out[row, at] > 0:
                raise ValueError(f"`statistics` must have a {std} above 0 of {channel}, got {out[row, at]}")
    return out


def _padding(layout: FieldLayout) -> np.ndarray:
    """Mask of the padding channels, shape (spin, channel)."""
    counts = [len(channels) for channels in (layout.scalars, layout.winds) if channels]
    return np.arange(layout.channels) >= np.array(counts)[:, None]


def _statistic(statistics: xr.Dataset, which: str, channel: Channel, part: int) -> float:
    name = channel.names[part]
    if name not in statistics.data_vars:
        there = ", ".join(sorted(map(str, statistics.data_vars))) or "nothing"
        raise ValueError(f"`statistics` must include {name}, which the fields have, got statistics of {there}")
    _checks.real_fields("statistics", statistics, [name])
    field = statistics[name]
    if (LEVEL in field.dims) != (channel.level is not None):
        raise ValueError(f"`statistics` must be those of the fields, which have {channel}, got dims {field.dims}")
    if channel.level is not None:
        if channel.level not in field[LEVEL].values:
            raise ValueError(f"`statistics` must have {name} at {channel.level:g} hPa, got {field[LEVEL].values}")
        field = field.sel({LEVEL: channel.level})
    if field.dims != ("statistic",) or which not in statistics["statistic"].values.tolist():
        raise ValueError(f"`statistics` must have the statistic {which!r} of {channel}, got {dict(field.sizes)}")
    value = float(field.sel(statistic=which))
    if not np.isfinite(value):
        raise ValueError(f"`statistics` must be finite, got {which} {value} of {channel}")
    return value


def _like(values: np.ndarray, maps: Any) -> Any:
    """Convert constants to the precision and array library of maps."""
    return jnp.asarray(values, maps.dtype) if isinstance(maps, jax.Array) else values.astype(maps.dtype)
