"""Settings of matplotlib for the figures of this package."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Literal

from spinharm.optional import require

EXTRA = "wxsphere[plot]"
INK = "#0b0b0c"
"""Colour of text and axes; the report replaces it by its text colour."""
_LIGHT = "#e6e8ec"

Theme = Literal["light", "dark"]
THEMES: tuple[str, ...] = ("light", "dark")


@contextlib.contextmanager
def style(theme: Theme = "light") -> Iterator[None]:
    """Context with the settings of matplotlib for figures of this package; a dark one is for dark pages."""
    ink = INK if theme == "light" else _LIGHT
    names = ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color")
    settings = {name: ink for name in names} | {"font.size": 9, "axes.titlesize": 10, "svg.fonttype": "none"}
    if theme == "dark":
        clear = (0.0, 0.0, 0.0, 0.0)
        settings |= {"figure.facecolor": clear, "savefig.facecolor": clear, "axes.facecolor": clear}
    with require("matplotlib", EXTRA, "plotting").rc_context(settings):
        yield
