"""Scores over initial times from area means, and their bootstrap intervals."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import xarray as xr

from .. import _checks
from .._conventions.names import MEMBER, TIME
from .statistics import STATISTICS

MOST_DRAWS = 10**6
"""Draws of the bootstrap: far more than intervals gain from, and few enough for memory."""

Mean = Callable[[np.ndarray], np.ndarray]
Statistics = Mapping[str, np.ndarray]


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(below > 0, above / np.sqrt(np.where(below > 0, below, 1.0)), np.nan)


def _acc(s: Statistics, mean: Mean) -> np.ndarray:
    return _ratio(mean(s["anomaly_product"]), mean(s["squared_forecast_anomaly"]) * mean(s["squared_truth_anomaly"]))


def _acc_per_forecast(s: Statistics, mean: Mean) -> np.ndarray:
    return mean(_ratio(s["anomaly_product"], s["squared_forecast_anomaly"] * s["squared_truth_anomaly"]))


METRICS: Mapping[str, Callable[[Statistics, Mean], np.ndarray]] = {
    "rmse": lambda s, mean: np.sqrt(mean(s["squared_error"])),
    "mse": lambda s, mean: mean(s["squared_error"]),
    "bias": lambda s, mean: mean(s["error"]),
    "mae": lambda s, mean: mean(s["absolute_error"]),
    "acc": _acc,
    "acc_per_forecast": _acc_per_forecast,
    "activity": lambda s, mean: np.sqrt(mean(s["squared_forecast_anomaly"])),
    "truth_activity": lambda s, mean: np.sqrt(mean(s["squared_truth_anomaly"])),
    "crps": lambda s, mean: mean(s["crps"]),
    "spread": lambda s, mean: np.sqrt(mean(s["variance"])),
    "spread_skill_ratio": lambda s, mean: np.sqrt(
        _ratio(mean(s["expected_squared_error"]), mean(s["squared_error"]) ** 2)
    ),
}
"""Name to score; every mean over initial times is taken before the root or the ratio, but for `acc_per_forecast`."""


def scores(statistics: xr.Dataset, metrics: Sequence[str] = tuple(METRICS)) -> xr.Dataset:
    """Scores over all initial times.

    With ⟨·⟩ the mean over initial times of area means, forecast f, truth t, climatology c at the valid time:

    | metric | formula |
    |---|---|
    | `rmse`, `mse` | √⟨(f − t)²⟩, ⟨(f − t)²⟩; of winds ⟨(u − u_t)² + (v − v_t)²⟩ |
    | `bias`, `mae` | ⟨f − t⟩, ⟨abs(f − t)⟩ |
    | `acc` | ⟨(f − c)(t − c)⟩ / √(⟨(f − c)²⟩ ⟨(t − c)²⟩), as WeatherBench-X |
    | `acc_per_forecast` | mean over initial times of the same ratio of each, as WeatherBench 2 |
    | `activity`, `truth_activity` | √⟨(f − c)²⟩, √⟨(t − c)²⟩ |
    | `crps` | ⟨Σ_i abs(x_i − t)/M − Σ_{i<j} abs(x_i − x_j)/(M(M − 1))⟩, fair; of winds the energy score |
    | `spread` | √⟨s²⟩, s² = Σ_i (x_i − f)²/(M − 1) |
    | `spread_skill_ratio` | √(⟨(1 + 1/M) s²⟩ / ⟨(f − t)²⟩), 1 where the truth is like a member |

    The last three are of M members x_i with mean f; without members `crps` is ⟨abs(f − t)⟩. Where forecast and truth
    have members, each member is compared with the truth of the same number, and ⟨·⟩ is over members as well.

    Args:
        statistics: Per initial time, as `forecast_statistics` gives them; several may be concatenated along `time`.
        metrics: Names of `METRICS`.

    Returns:
        The same variables with a dimension `metric` in place of `statistic`, `time` and `number`. NaN where a score is
        not defined: without climatology, for the correlation of a forecast that is the climatology, for the spread of
        a forecast without members.

    Raises:
        ValueError: An unknown metric, no initial time, or a dataset that is not one of statistics.

    References:
        Ferro, Fair scores for ensemble forecasts (2014), of the CRPS; Fortin et al., Why should ensemble spread match
        the RMSE of the ensemble mean? (2014), equation (15), of the ratio; Gneiting and Raftery, Strictly proper
        scoring rules (2007), of the energy score.

    Examples:
        >>> import numpy as np
        >>> from spinharm import Grid
        >>> from wxsphere import forecast_statistics, grid_dataset, persistence_forecast, scores
        >>> times = np.arange("2020-01-01T00", "2020-01-02T00", 6, "datetime64[h]").astype("datetime64[ns]")
        >>> truth = grid_dataset(Grid.equiangular(2, 4)).assign_coords(time=times)
        >>> warming = np.broadcast_to(np.arange(280.0, 284.0)[:, None, None], (4, 2, 4))
        >>> truth["2m_temperature"] = ("time", "latitude", "longitude"), warming
        >>> forecast = persistence_forecast(truth, times[:2], np.array([6, 12], "timedelta64[h]"))
        >>> found = scores(forecast_statistics(forecast, truth, baselines=False), ["rmse", "bias"])
        >>> {name: found["2m_temperature"].sel(metric=name).values.ravel().tolist() for name in ("rmse", "bias")}
        {'rmse': [1.0, 2.0], 'bias': [-1.0, -2.0]}
    """
    return _reduced(statistics, metrics, lambda values: values.mean(0, keepdims=True)).squeeze("sample", drop=True)


def bootstrap(
    statistics: xr.Dataset,
    metrics: Sequence[str] = tuple(METRICS),
    *,
    samples: int = 1000,
    block: int = 1,
    confidence: float = 0.95,
    seed: int = 0,
    reference: str | None = None,
) -> xr.Dataset:
    """Intervals of scores, by resampling initial times.

    Blocks of consecutive initial times are drawn with replacement, around the end to the beginning (circular block
    bootstrap), until there are as many as before; the interval is between quantiles of the scores of `samples` draws.
    Neighbouring forecasts err alike, so blocks should be longer than the time over which errors are correlated. Where
    forecast and truth have members, a block is of one member.

    With a `reference`, the intervals are of relative differences, score/(score of the reference) − 1, both of the same
    draw: where forecasts err alike, these are much narrower than differences of two intervals.

    Args:
        statistics: As in `scores`; sorted along `time`.
        metrics: Names of `METRICS`.
        samples: Draws, at least 2.
        block: Initial times in a block, at least 1.
        confidence: Share of the draws that lies inside, 0 … 1.
        seed: Seed of the draws; all variables, forecasts and lead times share them.
        reference: Name of a forecast, or None.

    Returns:
        As `scores`, with a dimension `bound` of `"low"` and `"high"`.

    Raises:
        TypeError: `samples`, `block` or `seed` is not an integer.
        ValueError: One of them out of range, or as in `scores`.

    References:
        Politis and Romano, A circular block-resampling procedure for stationary data (1992).

    Examples:
        >>> import numpy as np
        >>> from spinharm import Grid
        >>> from wxsphere import bootstrap, forecast_statistics, grid_dataset, persistence_forecast
        >>> times = np.arange("2020-01-01T00", "2020-01-04T00", 6, "datetime64[h]").astype("datetime64[ns]")
        >>> truth = grid_dataset(Grid.equiangular(2, 4)).assign_coords(time=times)
        >>> values = np.random.default_rng(0).normal(280, 5, (12, 2, 4))
        >>> truth["2m_temperature"] = ("time", "latitude", "longitude"), values
        >>> forecast = persistence_forecast(truth, times[:8], np.array([6], "timedelta64[h]"))
        >>> statistics = forecast_statistics(forecast, truth, baselines=False)
        >>> interval = bootstrap(statistics, ["rmse"], samples=100, block=2)["2m_temperature"]
        >>> dict(interval.sizes)
        {'bound': 2, 'metric': 1, 'forecast': 1, 'region': 1, 'prediction_timedelta': 1}
        >>> bool(interval.sel(bound="low").item() < interval.sel(bound="high").item())
        True
    """
    _checks.integer("samples", samples, 2, MOST_DRAWS)
    _checks.integer("block", block, 1)
    tail = (1 - _checks.number("confidence", confidence, above=0.0, below=1.0)) / 2
    _check(statistics)
    if reference is not None:
        _checks.option("reference", reference, statistics["forecast"].values.tolist())
    times = statistics.sizes[TIME]
    count = times * statistics.sizes.get(MEMBER, 1)
    if block > times:
        raise ValueError(f"`block` must be at most the {times} initial times, got {block}")
    rng = np.random.default_rng(_checks.integer("seed", seed, 0))
    begins = rng.integers(0, count, (samples, -(-count // block)))[..., None]
    # Times follow each other within a member.
    drawn = begins // times * times + (begins + np.arange(block)) % times
    drawn = drawn.reshape(samples, -1)[:, :count]
    weights = np.stack([np.bincount(row, minlength=count) for row in drawn]) / count

    def mean(values: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore"):
            return np.tensordot(weights, values, 1)

    drawn_scores = _reduced(statistics, metrics, mean)
    if reference is not None:
        with np.errstate(invalid="ignore", divide="ignore"):
            drawn_scores = drawn_scores / drawn_scores.sel(forecast=reference, drop=True) - 1
    out = drawn_scores.quantile([tail, 1 - tail], "sample", skipna=False)
    return out.rename(quantile="bound").assign_coords(bound=["low", "high"])


def check_metrics(metrics: Sequence[str]) -> list[str]:
    """Names of `METRICS`, each once, at least one."""
    chosen = list(dict.fromkeys(_checks.names("metrics", metrics)))
    for name in chosen:
        _checks.option("metrics", name, tuple(METRICS))
    if not chosen:
        raise ValueError(f"`metrics` must name at least one of {', '.join(METRICS)}, got none")
    return chosen


def _check(statistics: xr.Dataset) -> None:
    _checks.dataset("statistics", statistics)
    there = statistics.coords["statistic"].values.tolist() if "statistic" in statistics.coords else None
    if there != list(STATISTICS) or TIME not in statistics.dims or not statistics.sizes[TIME]:
        raise ValueError(
            f"`statistics` must be those of `forecast_statistics`, with 'statistic' {list(STATISTICS)} and at "
            f"least one 'time', got {dict(statistics.sizes)}"
        )
    _checks.real_fields("statistics", statistics, map(str, statistics.data_vars))


def _reduced(statistics: xr.Dataset, metrics: Sequence[str], mean: Mean) -> xr.Dataset:
    _check(statistics)
    metrics = check_metrics(metrics)
    out = statistics.drop_vars(["statistic", TIME, MEMBER], errors="ignore").drop_vars(list(statistics.data_vars))
    out = out.assign_coords(metric=list(metrics))
    for name, field in statistics.data_vars.items():
        front = ("statistic", *(dim for dim in (MEMBER, TIME) if dim in field.dims))
        moved = field.transpose(*front, ...)
        values = np.asarray(moved.values, np.float64).reshape(moved.shape[0], -1, *moved.shape[len(front) :])
        parts: dict[str, np.ndarray] = {str(key): part for key, part in zip(STATISTICS, values, strict=True)}
        reduced = np.stack([METRICS[metric](parts, mean) for metric in metrics], 1)
        out[name] = (("sample", "metric", *moved.dims[len(front) :]), reduced, field.attrs)
    return out
