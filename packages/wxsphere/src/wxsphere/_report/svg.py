"""Figures as inline SVG."""

from __future__ import annotations

import io
import re
from typing import Any

from spinharm.optional import require

from .._maps.style import EXTRA, INK, style

_RESOLUTION_DPI = 110


def svg_markup(figure: Any, unique: str, alt: str) -> Any:
    """A figure as inline markup, in the colour of the text around it."""
    markup = require("markupsafe", EXTRA, "the report")
    prefix = re.sub(r"[^a-z0-9]+", "-", unique.lower()).strip("-")
    out = io.StringIO()
    nothing = {"Date": None, "Creator": None, "Format": None, "Type": None}
    with style(), require("matplotlib", EXTRA, "plotting").rc_context({"svg.hashsalt": prefix}):
        figure.savefig(out, format="svg", transparent=True, dpi=_RESOLUTION_DPI, metadata=nothing)
    text = out.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    # Names must be unique in the page; colour bars are images with the same one, which nothing refers to.
    text = re.sub(r'(<image\b[^>]*?) id="[^"]*"', r"\1", text)
    text = re.sub(r'\bid="', f'id="{prefix}-', text)
    text = re.sub(r'href="#', f'href="#{prefix}-', text).replace("url(#", f"url(#{prefix}-")
    text = text.replace(INK, "currentColor").replace("'DejaVu Sans', ", "")
    width = float(figure.get_figwidth()) * 96
    head = f'<svg role="img" aria-label="{markup.escape(alt)}" style="max-width: {width:.0f}px" fill="currentColor"'
    text = re.sub(r'(<svg\b[^>]*?) width="[^"]*"', r"\1", text, count=1)
    text = re.sub(r'(<svg\b[^>]*?) height="[^"]*"', r"\1", text, count=1)
    return markup.Markup(text.replace("<svg", head, 1))
