"""Area means of one initial time and lead time: what scores are made of."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

STATISTICS = (
    "squared_error",
    "error",
    "absolute_error",
    "anomaly_product",
    "squared_forecast_anomaly",
    "squared_truth_anomaly",
)
"""Names of the statistics. With forecast f, truth t and climatology c: (f − t)², f − t, |f − t|, (f − c)(t − c),
(f − c)² and (t − c)²."""


def area_statistics(
    forecast: Float[np.ndarray, "*batch lat lon"],
    truth: Float[np.ndarray, "*batch lat lon"],
    climatology: Float[np.ndarray, "*batch lat lon"] | None,
    weights: Float[np.ndarray, "region lat lon"],
    *,
    skipna: bool = False,
) -> Float[np.ndarray, "statistic *batch region"]:
    """Area means of errors and anomalies of one variable.

    Args:
        forecast: f, shape (*batch, lat, lon), float64.
        truth: t, same shape.
        climatology: c at the valid time, same shape, or None: then what needs it is NaN.
        weights: Of the points of each region, as `region_weights` gives them, shape (region, lat, lon).
        skipna: Leave out points that are NaN in any of the three, and weigh the rest by their area.

    Returns:
        Statistics in the order of `STATISTICS`, shape (6, *batch, region), float64.
    """
    error = forecast - truth
    fields = [error**2, error, np.abs(error)]
    if climatology is not None:
        of_forecast, of_truth = forecast - climatology, truth - climatology
        fields += [of_forecast * of_truth, of_forecast**2, of_truth**2]
    out = [_area_mean(field, weights, skipna) for field in fields]
    missing = np.full_like(out[0], np.nan)
    return np.stack(out + [missing] * (len(STATISTICS) - len(out)))


def wind_statistics(
    forecast: tuple[Float[np.ndarray, "*batch lat lon"], Float[np.ndarray, "*batch lat lon"]],
    truth: tuple[Float[np.ndarray, "*batch lat lon"], Float[np.ndarray, "*batch lat lon"]],
    weights: Float[np.ndarray, "region lat lon"],
    *,
    skipna: bool = False,
) -> Float[np.ndarray, "statistic *batch region"]:
    """Area mean of the squared length of the error of a wind, (u − u_t)² + (v − v_t)²; the other statistics are NaN.

    Args:
        forecast: Eastward and northward wind, each of shape (*batch, lat, lon), float64.
        truth: The same of the truth.
        weights: As in `area_statistics`.
        skipna: As in `area_statistics`.

    Returns:
        Statistics in the order of `STATISTICS`, shape (6, *batch, region), float64.
    """
    squared = (forecast[0] - truth[0]) ** 2 + (forecast[1] - truth[1]) ** 2
    mean = _area_mean(squared, weights, skipna)
    return np.stack([mean] + [np.full_like(mean, np.nan)] * (len(STATISTICS) - 1))


def _area_mean(field: np.ndarray, weights: np.ndarray, skipna: bool) -> np.ndarray:
    flat, by_region = field.reshape(*field.shape[:-2], -1), weights.reshape(weights.shape[0], -1).T
    if not skipna:
        # A NaN outside a region must not spoil it: 0 · NaN is NaN.
        bad = ~np.isfinite(flat)
        if not bad.any():
            return flat @ by_region
        mean = np.where(bad, 0.0, flat) @ by_region
        return np.where(bad.astype(np.float64) @ (by_region > 0) > 0, np.nan, mean)
    there = np.isfinite(flat)
    total = there.astype(np.float64) @ by_region
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(total > 0, (np.where(there, flat, 0.0) @ by_region) / total, np.nan)
