"""Shared checks of arguments; messages name argument, value and remedy."""

from __future__ import annotations

from collections.abc import Sequence

import xarray as xr

from spinharm.checks import instance as instance, integer as integer, number as number, option as option


def dimensions(name: str, dataset: xr.Dataset, wanted: Sequence[str]) -> None:
    """Check that a dataset has these dimensions, with coordinates."""
    missing = [dim for dim in wanted if dim not in dataset.dims or dim not in dataset.coords]
    if missing:
        raise ValueError(
            f"`{name}` must have a dimension and coordinate {missing[0]!r}, got dimensions {dict(dataset.sizes)}; "
            f"`wxsphere.canonical` brings datasets of any archive into the layout"
        )


def memory_bytes(name: str, gib: float) -> int:
    """A limit of memory in GiB, 0 or more, as bytes."""
    if number(name, gib) < 0:
        raise ValueError(f"`{name}` must be 0 or more, in GiB, got {gib!r}")
    return int(gib * 2**30)
