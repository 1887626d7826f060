"""Imports of optional dependencies."""

from __future__ import annotations

import importlib
import types


def require(module: str, extra: str, purpose: str) -> types.ModuleType:
    """Import an optional module, or raise an error that names the extra to install.

    Args:
        module: Its full name.
        extra: The requirement that installs it, e.g. `"spinharm[plot]"`.
        purpose: What needs it, for the message, e.g. `"the picture"`.

    Returns:
        The module.

    Raises:
        ModuleNotFoundError: It is not installed.

    Examples:
        >>> from spinharm.optional import require
        >>> require("math", "spinharm[plot]", "the picture").pi
        3.14159...
        >>> require("no_such_library", "spinharm[plot]", "the picture")
        Traceback (most recent call last):
        ModuleNotFoundError: the picture needs no_such_library, which is not installed: pip install 'spinharm[plot]'
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        name = module.partition(".")[0]
        if error.name is None or error.name.partition(".")[0] != name:
            raise
        raise ModuleNotFoundError(
            f"{purpose} needs {name}, which is not installed: pip install '{extra}'", name=name
        ) from None
