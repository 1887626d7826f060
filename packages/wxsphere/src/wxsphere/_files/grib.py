"""Reading of GRIB files with several types of levels as one dataset."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from spinharm.optional import require

from .._conventions.coordinates import listed
from .._conventions.names import STATIC, VARIABLE_ALIASES
from .._notices import notice
from .grib_messages import message_offsets

_PRESSURE = "isobaricInhPa"
_IN_PA = "isobaricInPa"
_FRONT = ("number", "time", "step")
# Keys by which fields of the same name may differ.
_KEYS = ("typeOfLevel", "stepType", "dataType", "gridType", "numberOfPoints")
_KINDS = tuple(f"GRIB_{key}" for key in _KEYS)
_ORIGINS = ("GRIB_edition", "GRIB_centre", "GRIB_subCentre")
_GRIDS = ("regular_ll", "regular_gg")
_OTHER_GRIDS: Mapping[str, tuple[str, str]] = {
    "sh": ("spectral coefficients", "sp2gpl"),
    "reduced_gg": ("a reduced Gaussian grid", "setgridtype,regular"),
}
_ANY_GRID = "remapbil,r360x181"


def open_grib(path: Path, lazily: Callable[[xr.Dataset], xr.Dataset]) -> xr.Dataset:
    """Open all fields of a GRIB file as one dataset.

    cfgrib combines fields whose coordinates agree, and leaves out the others. Here every variable is opened separately,
    then all are combined: heights of single levels become the attribute `GRIB_<type of level>` of their variable;
    pressure levels that a variable lacks become NaN; fields of the same name at several types of levels, or of several
    kinds, get different names. Each of these gives a `DataWarning`. No index file is written.

    Args:
        path: The file.
        lazily: Function that makes Dask arrays of the variables of a dataset.

    Returns:
        The dataset, with times and steps not decoded.

    Raises:
        ModuleNotFoundError: cfgrib is not installed.
        ValueError: The file is damaged; has spectral coefficients or a grid that is not regular, several grids, or
            fields at different times; or has a field twice with different values.
    """
    require("cfgrib", "wxsphere[grib]", "reading GRIB")
    parts = [_by_level(part) for part in _parts(path)]
    _check_grids(path, parts)
    by_name: dict[str, list[xr.Dataset]] = {}
    for part in parts:
        by_name.setdefault(_name(part), []).append(lazily(part))
    fields: dict[str, xr.Dataset] = {}
    for name, several in by_name.items():
        fields |= _apart(path, name, _joined(several))
    return _together(path, fields)


def _parts(path: Path) -> list[xr.Dataset]:
    """One dataset for each variable and kind, all with dimensions (number, time, step, level, latitude, longitude)."""
    from cfgrib.dataset import compute_index_keys, open_fileindex
    from cfgrib.messages import FileStream
    from cfgrib.xarray_store import open_variable_datasets

    try:
        offsets = message_offsets(path)
    except ValueError as error:
        raise ValueError(f"{path}: {error}; the file is damaged or cut off") from error
    log = logging.getLogger("cfgrib")
    level = log.level
    with tempfile.TemporaryDirectory() as folder:
        # The index is made once and read for each variable.
        at: Any = f"{folder}/{{short_hash}}.idx"
        settings = {"indexpath": at, "errors": "raise", "squeeze": False}
        try:
            # Its messages are about what is refused below or raised.
            log.setLevel(logging.CRITICAL)
            found = open_variable_datasets(
                os.fspath(path), backend_kwargs=settings, decode_times=False, decode_timedelta=False
            )
            index = open_fileindex(FileStream(os.fspath(path), errors="raise"), at, compute_index_keys())
            _check_count(offsets, index)
            repeated = _repeats(index)
            found = [part[[name]] for part in found for name in part.data_vars]
            holes = [hole for part in found if (hole := _holes(index, part)) is not None]
        # cfgrib and ecCodes have their own exceptions.
        except Exception as error:
            text = (str(error).strip() or type(error).__name__).splitlines()[0][:300]
            raise ValueError(f"{path}: cfgrib cannot read the file, which is damaged or cut off: {text}") from error
        finally:
            log.setLevel(level)
    _judge_repeats(path, repeated)
    if holes:
        notice(f"{path}: fields that the file lacks become NaN: {listed(holes)}")
    for part in found:
        variable = part[_name(part)]
        variable.encoding["preferred_chunks"] = {dim: 1 for dim in _FRONT if dim in variable.dims}
    return [part.drop_vars("valid_time", errors="ignore") for part in found]


def _check_count(offsets: Sequence[int] | None, index: Any) -> None:
    """Check that all messages were read, as ecCodes stops at some damaged messages without an error."""
    read = {place[0] if isinstance(place, tuple) else place for _, places in index.iter_index() for place in places}
    if offsets is not None and (lost := sorted(set(offsets) - read)):
        raise ValueError(f"{len(lost)} of {len(offsets)} messages cannot be read, the first at byte {lost[0]}")


def _holes(index: Any, part: xr.Dataset) -> str | None:
    """Description of the fields of a variable that the file lacks, or None."""
    keys = _attributes(part)
    query = {key: keys[f"GRIB_{key}"] for key in ("paramId", *_KEYS) if f"GRIB_{key}" in keys}
    there = sum(1 for _ in index.subindex(query).iter_index())
    whole = int(np.prod([part.sizes[dim] for dim in part[_name(part)].dims if dim not in ("latitude", "longitude")]))
    return f"{whole - there} of {whole} of {_name(part)}" if "values" not in part.dims and there < whole else None


def _repeats(index: Any) -> list[tuple[str, bool]]:
    """Descriptions of fields that occur more than once, and whether their values are equal."""
    out = []
    for header, places in index.iter_index():
        if len(places) > 1:
            known = dict(zip(index.index_keys, header, strict=True))
            first, *rest = (np.asarray(index.get_field(place)["values"]) for place in places)
            day = np.datetime64(int(known["time"]), "s")
            same = all(np.array_equal(first, other, equal_nan=True) for other in rest)
            out.append((f"{index.get_field(places[0])['shortName']} at {day}, level {known['level:float']:g}", same))
    return out


def _judge_repeats(path: Path, repeated: Sequence[tuple[str, bool]]) -> None:
    if differ := [what for what, same in repeated if not same]:
        raise ValueError(
            f"{path}: fields occur more than once with different values: {listed(differ)}; copy one of them by a "
            f"key in which they differ, e.g. `grib_copy -w experimentVersionNumber=0001 {path.name} OUT.grib`"
        )
    if repeated:
        notice(f"{path}: {len(repeated)} fields occur more than once with equal values; one of each is read")


def _name(part: xr.Dataset) -> str:
    return str(next(iter(part.data_vars)))


def _attributes(part: xr.Dataset) -> dict[str, Any]:
    return dict(part[_name(part)].attrs)


def _by_level(part: xr.Dataset) -> xr.Dataset:
    """Convert pressure levels to hPa, and make another single level an attribute of the field."""
    name, kind = _name(part), str(_attributes(part).get("GRIB_typeOfLevel"))
    if kind == _IN_PA:
        levels = (_PRESSURE, part[_IN_PA].values / 100.0, {**part[_IN_PA].attrs, "units": "hPa"})
        part = part.rename({_IN_PA: _PRESSURE}).assign_coords({_PRESSURE: levels})
        part[name].attrs["GRIB_typeOfLevel"] = _PRESSURE
    elif kind != _PRESSURE and part.sizes.get(kind) == 1:
        value = float(part[kind].values[0])
        part = part.isel({kind: 0}, drop=True)
        part[name].attrs[f"GRIB_{kind}"] = value
    return part


def _check_grids(path: Path, parts: Sequence[xr.Dataset]) -> None:
    """Check that all fields are on the same regular grid."""
    grids: dict[str, list[str]] = {}
    for part in parts:
        grids.setdefault(str(_attributes(part).get("GRIB_gridType")), []).append(_name(part))
    for kind, names in grids.items():
        if kind not in _GRIDS:
            what, operator = _OTHER_GRIDS.get(kind, (f"the grid {kind!r}", _ANY_GRID))
            raise ValueError(
                f"{path}: the grid must be regular, but {listed(names)} {'is' if len(names) == 1 else 'are'} given as "
                f"{what}; transform the file with `cdo {operator} {path.name} OUT.grib`"
            )
    first = parts[0]
    for part in parts[1:]:
        for axis in ("latitude", "longitude"):
            if not np.array_equal(part[axis].values, first[axis].values):
                here, there = (f"{one.sizes['latitude']}×{one.sizes['longitude']}" for one in (part, first))
                count = _attributes(first).get("GRIB_numberOfPoints")
                raise ValueError(
                    f"{path}: {_name(part)} is on another grid, {here}, than {_name(first)}, {there}; copy the fields "
                    f"of one grid to a file, e.g. `grib_copy -w numberOfPoints={count} {path.name} OUT.grib`"
                )


def _joined(parts: list[xr.Dataset]) -> list[xr.Dataset]:
    """Join datasets of one variable that differ in members, times, steps or levels only."""
    if len(parts) == 1 or len({tuple(_attributes(part).get(key) for key in _KINDS[:2]) for part in parts}) > 1:
        return parts
    differ = [
        str(dim)
        for dim in parts[0].dims
        if any(dim not in part.dims or not np.array_equal(part[dim], parts[0][dim]) for part in parts)
    ]
    if len(differ) != 1 or any(differ[0] not in part.dims for part in parts):
        return parts
    values = np.concatenate([part[differ[0]].values for part in parts])
    if np.unique(values).size < values.size:
        return parts
    whole: Any = xr.concat(
        parts,
        differ[0],
        data_vars="all",
        coords="minimal",
        compat="override",
        join="exact",
        combine_attrs="drop_conflicts",
    )
    return [whole.sortby(differ[0])]


def _apart(path: Path, name: str, parts: Sequence[xr.Dataset]) -> dict[str, xr.Dataset]:
    """Give variables of the same name different names."""
    if len(parts) == 1:
        return {name: parts[0]}
    kinds = [{**part.attrs, **_attributes(part)} for part in parts]
    differ = [key for key in (*_KINDS, *_ORIGINS) if len({str(kind.get(key)) for kind in kinds}) > 1]
    on_pressure = [kind.get("GRIB_typeOfLevel") == _PRESSURE for kind in kinds]
    out = {}
    for part, kind, keeps in zip(parts, kinds, on_pressure, strict=True):
        words = [] if keeps and sum(on_pressure) == 1 else [str(kind.get(key)) for key in differ]
        new = "_".join([name, *words])
        if new in out:
            raise ValueError(f"{path}: two fields are called {new!r} and cannot be told apart by their keys")
        out[new] = part.rename({name: new}) if new != name else part
    notice(f"{path}: several fields are called {name!r}; they are renamed to {', '.join(out)}")
    return out


def _together(path: Path, fields: dict[str, xr.Dataset]) -> xr.Dataset:
    """Combine all fields into one dataset."""
    for name, part in fields.items():
        if VARIABLE_ALIASES.get(name) in STATIC and all(part.sizes.get(dim, 1) == 1 for dim in _FRONT):
            fields[name] = part.isel({dim: 0 for dim in _FRONT if dim in part.dims}, drop=True)
    for dim in _FRONT:
        _check_same(path, fields, dim)
    fields = _with_all_levels(fields)
    seen: dict[str, np.ndarray] = {}
    for name, part in fields.items():
        for dim in map(str, part.dims):
            # Heights of different fields need not agree.
            if not np.array_equal(seen.setdefault(dim, part[dim].values), part[dim].values):
                fields[name] = part.rename({dim: f"{dim}_{name}"})
    out: Any = xr.merge(fields.values(), join="exact", compat="override", combine_attrs="drop_conflicts")
    return out.isel({dim: 0 for dim in _FRONT if out.sizes.get(dim) == 1})


def _check_same(path: Path, fields: Mapping[str, xr.Dataset], dim: str) -> None:
    """Check that all fields with a dimension have the same coordinate values."""
    those = {name: part[dim].values for name, part in fields.items() if dim in part.dims}
    if not those:
        return
    first, values = next(iter(those.items()))
    for name, other in those.items():
        if not np.array_equal(values, other):
            short = _attributes(fields[name]).get("GRIB_shortName", name)
            raise ValueError(
                f"{path}: {first} and {name} have different values of {dim!r}, {_span(values, dim)} and "
                f"{_span(other, dim)}, so they cannot form one dataset; copy one of them to a file of its own, e.g. "
                f"`grib_copy -w shortName={short} {path.name} OUT.grib`"
            )


def _span(values: np.ndarray, dim: str) -> str:
    shown = [str(np.datetime64(int(value), "s")) if dim == "time" else f"{value:g}" for value in values[[0, -1]]]
    return f"{values.size} ({shown[0]} … {shown[1]})"


def _with_all_levels(fields: dict[str, xr.Dataset]) -> dict[str, xr.Dataset]:
    """Extend fields on pressure levels to the union of their levels, with NaN."""
    those = {name: part[_PRESSURE].values for name, part in fields.items() if _PRESSURE in part.dims}
    if not those:
        return fields
    # Descending, as in cfgrib.
    levels = np.unique(np.concatenate(list(those.values())))[::-1]
    lacking = {name: np.setdiff1d(levels, values) for name, values in those.items() if values.size < levels.size}
    if lacking:
        text = "; ".join(f"{name} at {listed([f'{one:g}' for one in rest])} hPa" for name, rest in lacking.items())
        notice(f"pressure levels that the file lacks become NaN: {text}")
    return {
        name: part.reindex({_PRESSURE: levels}) if name in those and not np.array_equal(those[name], levels) else part
        for name, part in fields.items()
    }
