"""Libraries that come with an extra."""

from __future__ import annotations

import importlib
import types


def require(module: str, extra: str, purpose: str) -> types.ModuleType:
    """Import an optional module, or say what to install.

    Args:
        module: Its full name.
        extra: What brings it, as pip takes it, e.g. `"spinharm[plot]"`.
        purpose: What needs it, for the message.

    Returns:
        The module.

    Raises:
        ModuleNotFoundError: It is not installed.
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
