"""Area means of errors and anomalies of one initial time and lead time."""

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
    "crps",
    "variance",
    "expected_squared_error",
)
"""Names of the statistics. With forecast f, truth t and climatology c: (f − t)², f − t, |f − t|, (f − c)(t − c),
(f − c)² and (t − c)². Of an ensemble of M members x_i, f is their mean, `crps` is the fair CRPS,
Σ_i |x_i − t|/M − Σ_{i<j} |x_i − x_j|/(M(M − 1)), `variance` is s² = Σ_i |x_i − f|²/(M − 1), and
`expected_squared_error` is (1 + 1/M) s², that of the mean of M members if truth is drawn as they are. Without members
`crps` is |f − t| and the last two are NaN."""


def area_statistics(
    forecast: Float[np.ndarray, "*batch lat lon"],
    truth: Float[np.ndarray, "*batch lat lon"],
    climatology: Float[np.ndarray, "*batch lat lon"] | None,
    weights: Float[np.ndarray, "region lat lon"],
    *,
    members: Float[np.ndarray, "member *batch lat lon"] | None = None,
    skipna: bool = False,
) -> Float[np.ndarray, "statistic *batch region"]:
    """Area means of errors and anomalies of one variable.

    Args:
        forecast: f, shape (*batch, lat, lon), float64; of an ensemble its mean.
        truth: t, same shape.
        climatology: c at the valid time, same shape, or None: then what needs it is NaN.
        weights: Of the points of each region, as `region_weights` gives them, shape (region, lat, lon).
        members: x_i, at least 2, shape (member, *batch, lat, lon), or None.
        skipna: Leave out points that are NaN in any of them, and weigh the rest by their area.

    Returns:
        Statistics in the order of `STATISTICS`, shape (9, *batch, region), float64.
    """
    error = forecast - truth
    fields = {"squared_error": error**2, "error": error, "absolute_error": np.abs(error)}
    if climatology is not None:
        of_forecast, of_truth = forecast - climatology, truth - climatology
        fields["anomaly_product"] = of_forecast * of_truth
        fields["squared_forecast_anomaly"] = of_forecast**2
        fields["squared_truth_anomaly"] = of_truth**2
    fields |= {"crps": fields["absolute_error"]} if members is None else _of_members(members, forecast, truth)
    return _stacked(fields, weights, skipna)


def wind_statistics(
    forecast: tuple[Float[np.ndarray, "*batch lat lon"], Float[np.ndarray, "*batch lat lon"]],
    truth: tuple[Float[np.ndarray, "*batch lat lon"], Float[np.ndarray, "*batch lat lon"]],
    weights: Float[np.ndarray, "region lat lon"],
    *,
    members: tuple[Float[np.ndarray, "member *batch lat lon"], Float[np.ndarray, "member *batch lat lon"]]
    | None = None,
    skipna: bool = False,
) -> Float[np.ndarray, "statistic *batch region"]:
    """Area means of squared lengths of the errors of a wind, (u − u_t)² + (v − v_t)².

    With |·| the length of a vector, `crps` is the fair energy score and `variance` the sum of both components'. What
    needs a sign or a climatology is NaN, and so is `absolute_error`.

    Args:
        forecast: Eastward and northward wind, each of shape (*batch, lat, lon), float64; of an ensemble its mean.
        truth: The same of the truth.
        weights: As in `area_statistics`.
        members: Both components of at least 2 members, or None.
        skipna: As in `area_statistics`.

    Returns:
        Statistics in the order of `STATISTICS`, shape (9, *batch, region), float64.
    """
    wind, right = forecast[0] + 1j * forecast[1], truth[0] + 1j * truth[1]
    distance = np.abs(wind - right)
    fields = {"squared_error": distance**2}
    fields |= {"crps": distance} if members is None else _of_members(members[0] + 1j * members[1], wind, right)
    return _stacked(fields, weights, skipna)


def _of_members(members: np.ndarray, mean: np.ndarray, truth: np.ndarray) -> dict[str, np.ndarray]:
    """Fair CRPS or energy score and variance; a vector is a complex number."""
    count = members.shape[0]
    skill, variance = np.zeros(mean.shape), np.zeros(mean.shape)
    for member in members:
        skill += np.abs(member - truth)
        variance += np.abs(member - mean) ** 2
    pairs = np.zeros(mean.shape)
    if np.iscomplexobj(members):
        for i in range(count):
            for j in range(i):
                pairs += np.abs(members[i] - members[j])
    else:
        # Of sorted numbers Σ_{i<j} (x_j − x_i) takes each as often as there are smaller ones less larger ones.
        for rank, member in enumerate(np.sort(members, 0)):
            pairs += (2 * rank + 1 - count) * member
    variance /= count - 1
    crps = skill / count - pairs / (count * (count - 1))
    return {"crps": crps, "variance": variance, "expected_squared_error": (1 + 1 / count) * variance}


def _stacked(fields: dict[str, np.ndarray], weights: np.ndarray, skipna: bool) -> np.ndarray:
    means = {name: _area_mean(field, weights, skipna) for name, field in fields.items()}
    missing = np.full_like(next(iter(means.values())), np.nan)
    return np.stack([means.get(name, missing) for name in STATISTICS])


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
