"""Checks of what a report is written from."""

from __future__ import annotations

import numpy as np
import xarray as xr

from .. import _checks
from .._conventions.names import LATITUDE, LEAD, LONGITUDE


def check_result(result: xr.Dataset) -> None:
    """Check scores of `evaluate`."""
    _checks.dataset("result", result)
    lacking = [
        dim for dim in ("forecast", "metric", "region", LEAD) if dim not in result.coords or not result.sizes.get(dim)
    ]
    others = [str(name) for name, field in result.data_vars.items() if field.dtype.kind != "f"]
    if not lacking:
        _check_names("result", result)
    if lacking or others:
        why = f"without {lacking[0]!r}" if lacking else f"in which {others[0]!r} holds no real numbers"
        raise ValueError(f"`result` must be scores of `evaluate`, got a dataset of sizes {dict(result.sizes)} {why}")
    for dim in ("forecast", "metric", "region", LEAD):
        if not result.indexes[dim].is_unique:
            twice = result.indexes[dim][result.indexes[dim].duplicated()][0]
            raise ValueError(f"`result` must have each value of {dim!r} once, got {twice} twice")
    if any(str(name).endswith("_spectrum") for name in result.data_vars) and (
        "source" not in result.coords or "truth" not in result["source"].values.tolist()
    ):
        raise ValueError("`result` must have the source 'truth' beside its spectra, as `evaluate` gives them")


def _check_names(name: str, dataset: xr.Dataset) -> None:
    for one in dataset["forecast"].values.tolist():
        _checks.instance(f"{name}` must have forecasts by name; one of them", one, str, "a text")


def check_maps(maps: xr.Dataset, land_sea_mask: np.ndarray | None) -> None:
    """Check maps of `error_maps`, and a land-sea mask on their grid."""
    _checks.dataset("maps", maps)
    wanted = {"map", "forecast", LEAD, LATITUDE, LONGITUDE}
    if not wanted <= set(maps.coords) or not wanted <= set(maps.dims) or not maps.data_vars:
        raise ValueError(f"`maps` must be those of `error_maps`, got {dict(maps.sizes)}")
    _check_names("maps", maps)
    if maps["map"].values.tolist() != ["bias", "rmse"] or any(one.dtype.kind != "f" for one in maps.data_vars.values()):
        raise ValueError("`maps` must be those of `error_maps`, 'bias' and 'rmse' as real numbers")
    if land_sea_mask is not None:
        _checks.array("land_sea_mask", land_sea_mask, axes=2, real=True)
        if np.any((land_sea_mask < -1e-3) | (land_sea_mask > 1.001)):
            raise ValueError("`land_sea_mask` must lie between 0 and 1, got values that do not")
        sizes = (maps.sizes[LATITUDE], maps.sizes[LONGITUDE])
        if land_sea_mask.shape != sizes:
            raise ValueError(f"`land_sea_mask` must be on the grid of `maps`, {sizes}, got {land_sea_mask.shape}")
