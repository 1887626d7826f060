"""Heights and other scalar coordinates that differ between files opened together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr


def with_heights_as_attributes(parts: Sequence[xr.Dataset], sources: Sequence[str]) -> list[xr.Dataset]:
    """Make the scalar coordinates of datasets agree: those that differ become attributes of their fields.

    A file of 2 m temperature has the height 2 m, one of 10 m wind has 10 m; the combined dataset has neither.

    Args:
        parts: Datasets to combine.
        sources: Their files, for messages.

    Returns:
        The datasets, without scalar coordinates that some of them lack or whose values differ.

    Raises:
        ValueError: A variable has different values of such a coordinate in two files.
    """
    names = sorted({str(name) for part in parts for name, field in part.coords.items() if field.ndim == 0})
    out = list(parts)
    _check_levels(parts, sources)
    for name in names:
        values = [_described(part[name]) if name in part.coords else None for part in parts]
        if len(set(values)) == 1:
            continue
        seen: dict[str, tuple[str | None, str]] = {}
        for at, (part, value) in enumerate(zip(out, values, strict=True)):
            for variable in map(str, part.data_vars):
                before, where = seen.setdefault(variable, (value, sources[at]))
                if before != value:
                    raise ValueError(
                        f"{sources[at]}: {variable!r} has {name!r} {value}, but {before} in {where}; open one of them, "
                        f"or give one variable another name with `rename` or --rename"
                    )
            if value is not None:
                given = {key: field.assign_attrs({name: value}) for key, field in part.data_vars.items()}
                out[at] = part.assign(given).drop_vars(name)
    return out


def _check_levels(parts: Sequence[xr.Dataset], sources: Sequence[str]) -> None:
    """Check that fields of one name in GRIB files have one kind of level, at one height."""
    seen: dict[str, tuple[str, str]] = {}
    for part, source in zip(parts, sources, strict=True):
        for name, field in part.data_vars.items():
            if kind := field.attrs.get("GRIB_typeOfLevel"):
                level = f"{kind} {field.attrs.get(f'GRIB_{kind}', '')}".strip()
                before, where = seen.setdefault(str(name), (level, source))
                if before != level:
                    raise ValueError(
                        f"{source}: {str(name)!r} is at {level}, but at {before} in {where}; open one of them, or give "
                        f"one variable another name with `rename` or --rename"
                    )


def _described(value: xr.DataArray) -> str:
    number = value.values[()]
    text = f"{number:g}" if np.issubdtype(value.dtype, np.number) and not np.iscomplexobj(number) else str(number)
    return f"{text} {value.attrs.get('units', '')}".strip()
