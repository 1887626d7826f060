"""Imports when they are needed: of optional dependencies, and of the modules of a package."""

from __future__ import annotations

import ast
import importlib
import sys
import types
from collections.abc import Callable
from typing import Any


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


def names_on_demand(
    package: str, *, extra: str = ""
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Functions `__getattr__` and `__dir__` and the list `__all__` of a package that imports each name when asked.

    The package's `__init__` lists the names once, as imports `from ._module import name as name` in the block
    `if TYPE_CHECKING:` that type checkers and documentation read; this function reads the same block. The packages use
    it as JAX alone takes over a second to import, which `--help` and the completion of a shell need not wait for;
    single heavy libraries are imported inside the functions that use them.

    Args:
        package: `__name__` of the package.
        extra: The requirement that installs what its modules import, for the message when that is missing.

    Returns:
        `__getattr__`, `__dir__` and `__all__`.

    Raises:
        TypeError: An argument that is not text.
        ValueError: A package that is not imported.
        ImportError: The package was installed without its source.

    Examples:
        >>> from spinharm.optional import names_on_demand
        >>> get, names, _ = names_on_demand("spinharm")
        >>> get("Grid").__name__, "Grid" in names()
        ('Grid', True)
        >>> get("Gird")
        Traceback (most recent call last):
        AttributeError: module 'spinharm' has no attribute 'Gird'
    """
    for name, value in (("package", package), ("extra", extra)):
        if not isinstance(value, str):
            raise TypeError(f"`{name}` must be text, got {value!r}")
    if (module := sys.modules.get(package)) is None:
        raise ValueError(f"`package` must be the name of a package that is imported, got {package!r}")
    places = _places(module)

    def get(name: str) -> Any:
        if name not in places:
            raise AttributeError(f"module {package!r} has no attribute {name!r}", name=name, obj=module)
        try:
            found = importlib.import_module(places[name], package)
        except ModuleNotFoundError as error:
            missing = (error.name or "").partition(".")[0]
            if not extra or missing in ("", package.partition(".")[0]):
                raise
            text = f"{package}.{name} needs {missing}, which is not installed: pip install '{extra}'"
            raise ModuleNotFoundError(text, name=missing) from None
        value = found if places[name] == f".{name}" else getattr(found, name)
        setattr(module, name, value)
        return value

    def names() -> list[str]:
        return sorted({*vars(module), *places} - {"TYPE_CHECKING"})

    return get, names, [*places]


def _places(module: types.ModuleType) -> dict[str, str]:
    """The names in the block `if TYPE_CHECKING:` of a package's `__init__`, and the modules that they are from."""
    loader: Any = getattr(module.__spec__, "loader", None)
    source = loader.get_source(module.__name__) if hasattr(loader, "get_source") else None
    if source is None:
        raise ImportError(f"{module.__name__} must be installed with its source, got no source of its __init__")
    blocks = (node for node in ast.parse(source).body if isinstance(node, ast.If))
    typed = (node for node in blocks if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING")
    return {
        alias.name: f".{node.module or alias.name}"
        for block in typed
        for node in block.body
        if isinstance(node, ast.ImportFrom) and node.level == 1
        for alias in node.names
    }
