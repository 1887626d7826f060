"""Dates on the command line."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

# Range of whole years of `datetime64[ns]`.
_FIRST, _LAST = np.datetime64("1678-01-01", "s"), np.datetime64("2262-01-01", "s")


def dates(option: str, words: Sequence[str]) -> np.ndarray:
    """Convert dates on the command line to `datetime64[ns]`.

    Args:
        option: Name of the option, for the message.
        words: Dates or times in ISO 8601.

    Raises:
        ValueError: A value is not a date of the years 1678 to 2261.
    """
    out = []
    for word in words:
        try:
            stamp = np.datetime64(word, "s")
        except ValueError:
            stamp = np.datetime64("NaT", "s")
        if np.isnat(stamp) or not _FIRST <= stamp < _LAST:
            raise ValueError(f"`{option}` must be a date between 1678 and 2261, such as 2020-01-01T12, got {word!r}")
        out.append(stamp)
    return np.array(out, "datetime64[ns]")
