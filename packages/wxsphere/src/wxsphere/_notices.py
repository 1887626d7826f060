"""What is changed or left out when data are opened: said in one line, never done in silence."""

from __future__ import annotations

import warnings

from spinnn.files import FileWarning


class DataWarning(FileWarning):
    """Something in the data was repaired, converted or left out; the text says what, and which values it had."""


def notice(text: str) -> None:
    """Say that data were changed or left out, as a `DataWarning`.

    Args:
        text: One line that names what was changed and its values.
    """
    warnings.warn(text, DataWarning, stacklevel=3)
