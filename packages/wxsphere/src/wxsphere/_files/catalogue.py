"""Catalogue of public stores by short name."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Literal

_BUCKET = "gs://weatherbench2/datasets"
_POLES = "240x121_equiangular_with_poles_conservative"
_COARSE = "64x32_equiangular_conservative"
_BOTH = (_POLES, _COARSE)
_GRAPHCAST = "date_range_2019-11-16_2021-02-01_12_hours"

Kind = Literal["analysis", "climatology", "forecast"]


@dataclasses.dataclass(frozen=True)
class Store:
    """A public store.

    Attributes:
        url: URL of the store.
        kind: `"analysis"` (valid times), `"climatology"` (hour, dayofyear) or `"forecast"` (initial times, lead times).
        text: One line about its content.

    Examples:
        >>> from wxsphere import CATALOGUE
        >>> store = CATALOGUE["era5-5.6"]
        >>> store.kind, store.text
        ('analysis', 'ERA5 1959 – 2023-01-10, 6 h, 13 levels, 32×64')
    """

    url: str
    kind: Kind
    text: str


def _both(name: str, kind: Kind, text: str, pole_path: str, coarse_path: str) -> dict[str, Store]:
    """A data set on the two grids on which scores are compared."""
    return {
        f"{name}-1.5": Store(f"{_BUCKET}/{pole_path}.zarr", kind, f"{text}, 121×240 with poles"),
        f"{name}-5.6": Store(f"{_BUCKET}/{coarse_path}.zarr", kind, f"{text}, 32×64"),
    }


CATALOGUE: Mapping[str, Store] = {
    "era5-0.25": Store(
        f"{_BUCKET}/era5/1959-2023_01_10-wb13-6h-1440x721_with_derived_variables.zarr",
        "analysis",
        "ERA5 1959 – 2023-01-10, 6 h, 13 levels, 721×1440 with poles",
    ),
    "era5-0.25-hourly": Store(
        f"{_BUCKET}/era5/1959-2023_01_10-full_37-1h-0p25deg-chunk-1.zarr",
        "analysis",
        "ERA5 1959 – 2023-01-10, 1 h, 37 levels, 721×1440 with poles",
    ),
    **_both(
        "era5",
        "analysis",
        "ERA5 1959 – 2023-01-10, 6 h, 13 levels",
        f"era5/1959-2023_01_10-6h-{_POLES}",
        f"era5/1959-2023_01_10-6h-{_COARSE}",
    ),
    "era5-5.6-poles": Store(
        f"{_BUCKET}/era5/1959-2022-6h-64x32_equiangular_with_poles_conservative.zarr",
        "analysis",
        "ERA5 1959 – 2022, 6 h, 13 levels, 32×64 with poles",
    ),
    **_both(
        "hres-t0",
        "analysis",
        "IFS HRES at lead time 0, the truth of HRES, 2016 – 2022, 6 h",
        f"hres_t0/2016-2022-6h-{_POLES}",
        f"hres_t0/2016-2022-6h-{_COARSE}",
    ),
    **{
        f"climatology-{years}-{short}": Store(
            f"{_BUCKET}/era5-hourly-climatology/{years}_6h_{grid}.zarr",
            "climatology",
            f"ERA5 climatology of {years} by hour and day of year, {text}",
        )
        for years in ("1990-2017", "1990-2019")
        for short, grid, text in (
            ("0.25", "1440x721", "721×1440 with poles"),
            ("0.7", "512x256_equiangular_conservative", "256×512"),
            ("1.5", _POLES, "121×240 with poles"),
            ("5.6", _COARSE, "32×64"),
        )
    },
    **_both(
        "sphericalcnn",
        "forecast",
        "forecasts of Scaling Spherical CNNs, 2020, 178 initial times",
        "sphericalcnn/2020-240x121_equiangular_with_poles",
        f"sphericalcnn/2020-{_COARSE}",
    ),
    **_both("keisler", "forecast", "Keisler (2022), 2020", f"keisler/2020-{_POLES}", f"keisler/2020-{_COARSE}"),
    **_both(
        "pangu",
        "forecast",
        "Pangu-Weather, 2018 – 2022",
        f"pangu/2018-2022_0012_{_POLES}",
        f"pangu/2018-2022_0012_{_COARSE}",
    ),
    **_both(
        "graphcast",
        "forecast",
        "GraphCast, 2020",
        f"graphcast/2020/{_GRAPHCAST}-{_POLES}",
        f"graphcast/2020/{_GRAPHCAST}-{_COARSE}",
    ),
    **_both("fuxi", "forecast", "FuXi, 2020", f"fuxi/2020-{_POLES}", f"fuxi/2020-{_COARSE}"),
    **_both(
        "neuralgcm",
        "forecast",
        "NeuralGCM, deterministic, 2020",
        f"neuralgcm_deterministic/2020-{_POLES}",
        f"neuralgcm_deterministic/2020-{_COARSE}",
    ),
    **_both(
        "hres", "forecast", "IFS HRES, 2016 – 2022", f"hres/2016-2022-0012-{_POLES}", f"hres/2016-2022-0012-{_COARSE}"
    ),
    **_both("ifs-ens", "forecast", "IFS ENS, 50 members, 2018 – 2022", *(f"ifs_ens/2018-2022-{g}" for g in _BOTH)),
    **_both(
        "ifs-ens-mean", "forecast", "mean of IFS ENS, 2018 – 2022", *(f"ifs_ens/2018-2022-{g}_mean" for g in _BOTH)
    ),
    **_both(
        "era5-forecasts",
        "forecast",
        "IFS from ERA5's initial states, 2020",
        *(f"era5-forecasts/2020-{g}" for g in _BOTH),
    ),
}
"""Public stores by short name: those of the bucket of WeatherBench 2, https://weatherbench2.readthedocs.io."""
