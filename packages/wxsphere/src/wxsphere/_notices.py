"""Warnings about data that are converted or left out when they are opened."""

from __future__ import annotations

import warnings

from spinnn.files import FileWarning


class DataWarning(FileWarning):
    """Warning that data were repaired, converted or left out; the message gives the values.

    Examples:
        >>> import warnings
        >>> import numpy as np
        >>> import xarray as xr
        >>> from wxsphere import DataWarning, canonical
        >>> axes = {"lat": [60.0, 0.0, -60.0], "lon": [0.0, 120.0, 240.0, 360.0]}
        >>> with warnings.catch_warnings(record=True) as caught:
        ...     warnings.simplefilter("always", DataWarning)
        ...     fields = canonical(xr.Dataset({"t2m": (("lat", "lon"), np.zeros((3, 4)))}, axes))
        >>> print(caught[0].message)
        `longitude` has 0 and 360, the same meridian with equal values; left out 1 repeated column
    """


def notice(text: str) -> None:
    """Issue a `DataWarning` that data were changed or left out.

    Args:
        text: One line that names what was changed, with values.
    """
    warnings.warn(text, DataWarning, stacklevel=3)
