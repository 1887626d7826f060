"""Findings of an audit."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Literal

import numpy as np

Severity = Literal["error", "warning", "note"]


@dataclasses.dataclass(frozen=True)
class Finding:
    """One line of an audit.

    Attributes:
        severity: `"error"` spoils training or scores, `"warning"` may, `"note"` describes.
        subject: Name of a variable or coordinate.
        text: The finding, with values, and the remedy.

    Examples:
        >>> from wxsphere import Finding
        >>> print(Finding("warning", "time", "a gap of 12 h after 2020-02-28"))
        warning: time: a gap of 12 h after 2020-02-28
    """

    severity: Severity
    subject: str
    text: str

    def __str__(self) -> str:
        return f"{self.severity}: {self.subject}: {self.text}"


def refuse(found: Iterable[Finding], remedy: str = "") -> None:
    """Refuse a source if there is an error among its findings.

    Raises:
        ValueError: The message is that of the first error, then the remedy.
    """
    errors = [one for one in found if one.severity == "error"]
    if errors:
        rest = f" (and {len(errors) - 1} more; `wxsphere check` lists them)" if len(errors) > 1 else ""
        raise ValueError(f"`source`: {errors[0].subject}: {errors[0].text}{rest}{remedy}")


def stamp(time: np.datetime64) -> str:
    """Text of a time in messages, to the minute if it is a whole minute."""
    minutes = time.astype("datetime64[m]")
    return str(minutes if minutes == time else time)
