"""Option `--rename` of commands that read data."""

from __future__ import annotations

from collections.abc import Sequence


def renames(words: Sequence[str]) -> dict[str, str]:
    """Mapping of names in files to names of the layout, from values OLD=NEW.

    Raises:
        ValueError: A value has no "=", or an old or new name occurs twice.
    """
    out: dict[str, str] = {}
    for word in words:
        old, equals, new = word.partition("=")
        if not (old and equals and new):
            raise ValueError(f"`rename` must be OLD=NEW, such as tas=2m_temperature, got {word!r}")
        if old in out or new in out.values():
            raise ValueError(f"`rename` must not repeat a name, got {word!r} after {', '.join(words[: len(out)])}")
        out[old] = new
    return out
