"""The option `--rename` of commands that read data."""

from __future__ import annotations

from collections.abc import Sequence


def renames(words: Sequence[str]) -> dict[str, str]:
    """Names in files to names of the layout, from words OLD=NEW.

    Raises:
        ValueError: A word without "=", or an old or new name twice.
    """
    out: dict[str, str] = {}
    for word in words:
        old, equals, new = word.partition("=")
        if not (old and equals and new):
            raise ValueError(f"`rename` must be OLD=NEW, such as tas=2m_temperature, got {word!r}")
        if old in out or new in out.values():
            raise ValueError(f"`rename` must give each name once, got {word!r} after {', '.join(words[: len(out)])}")
        out[old] = new
    return out
