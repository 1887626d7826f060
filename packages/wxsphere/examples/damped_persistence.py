"""Damped persistence: anomalies from the climatology, multiplied by a factor that decreases with lead time.

python damped_persistence.py SERIES OUT [LEAD_HOURS …]

The first half of SERIES gives the climatology by hour of day and, by regression, the fraction of an anomaly that is
left after each lead time. The second half is forecast. Writes OUT/forecast.zarr and OUT/climatology.nc for
`wxsphere evaluate`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import xarray as xr

from wxsphere import climatology, climatology_at, open_dataset


def main(series: str, out: Path, hours: list[float]) -> None:
    """Write the forecast and the climatology."""
    truth = open_dataset(series).load()
    half = truth.sizes["time"] // 2
    first = truth.isel(time=slice(0, half))
    climate = climatology(first)
    anomaly = truth - climatology_at(climate, truth.time.values)
    area = np.cos(np.radians(truth.latitude))
    leads = (np.array(hours) * 3600e9).astype("timedelta64[ns]")
    times = [t for t in truth.time.values[half:] if t + leads.max() <= truth.time.values[-1]]
    parts = []
    for lead in leads:
        begin = first.time.values[first.time.values + lead <= first.time.values[-1]]
        now, then = anomaly.sel(time=begin), anomaly.sel(time=begin + lead).assign_coords(time=begin)
        # The climatology of a short record includes part of the anomaly, so that late fractions may be negative.
        share = ((now * then * area).sum() / (now**2 * area).sum()).clip(0, 1)
        normal = climatology_at(climate, np.array(times) + lead).assign_coords(time=times)
        parts.append(normal + share * anomaly.sel(time=times))
    forecast = xr.concat(parts, xr.DataArray(leads, dims="prediction_timedelta", name="prediction_timedelta"))
    forecast = forecast.transpose("time", "prediction_timedelta", ...).astype("float32")
    out.mkdir(parents=True, exist_ok=True)
    forecast.to_zarr(out / "forecast.zarr", mode="w", zarr_format=3, consolidated=False)
    climate.to_netcdf(out / "climatology.nc", engine="h5netcdf")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), [float(word) for word in sys.argv[3:]] or [6, 12, 18, 24, 36, 48])
