"""Dates on the command line."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

# What nanoseconds in 64 bits hold.
_FIRST, _LAST = np.datetime64("1678-01-01", "s"), np.datetime64("2262-01-01", "s")


def dates(option: str, words: Sequence[str]) -> np.ndarray:
    """Dates on the command line as `datetime64[ns]`.

    Args:
        option: Name of the option, for the message.
        words: Dates or times of ISO 8601.

    Raises:
        ValueError: A word that is not a date, or one before 1678 or after 2261.
    """
    out = []
    for word in words:
        try:
            stamp = np.datetime64(word, "s")
        except ValueError:
            stamp = np.datetime64("NaT", "s")
        if np.isnat(stamp) or not _FIRST <= stamp < _LAST:
            raise ValueError(f"`{option}` must be a date like 2020-01-01T12, got {word!r}; of the years 1678 to 2261")
        out.append(stamp)
    return np.array(out, "datetime64[ns]")
