"""Valid calls of public functions, and which public names have one."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
import types
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import equinox as eqx
import jax

_RAISES = re.compile(r"^\s*Raises:\n((?:\s+.*\n?)+?)(?:\n\s*\n|\Z|\n\s*[A-Z][a-z]+:\n)", re.MULTILINE)
_NAME = re.compile(r"^\s+([A-Z]\w+(?:\.\w+)*(?:, [A-Z]\w+)*):", re.MULTILINE)


class Call(NamedTuple):
    """A call that is right.

    Attributes:
        name: The public name, e.g. `spinharm.Grid.equiangular`.
        function: What is called.
        arguments: Gives valid arguments by name; called again for every call, so that nothing is used twice.
        allowed: Names of exceptions that may be raised beside those that the docstring states.
        fixed: Arguments that stay as they are, with the reason.
        fails: Whether even the right call raises, as that of a function that turns one error into another does.
    """

    name: str
    function: Callable[..., Any]
    arguments: Callable[[], Mapping[str, Any]]
    allowed: tuple[str, ...] = ()
    fixed: Mapping[str, str] = {}
    fails: bool = False


def always(**arguments: Any) -> Callable[[], dict[str, Any]]:
    """A function that gives these arguments, with a state of its own for each call, as each can be used once."""

    def make() -> dict[str, Any]:
        states = {k: jax.tree.map(lambda leaf: leaf, v) for k, v in arguments.items() if isinstance(v, eqx.nn.State)}
        return arguments | states

    return make


def public_modules(package: str) -> Iterator[str]:
    """A package and its modules without an underscore in their names."""
    yield package
    for found in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
        if not any(part.startswith("_") for part in found.name.split(".")):
            yield found.name


def public_names(modules: list[str]) -> Iterator[str]:
    """Functions, constructors and public methods of modules: what needs a valid call.

    Records (named tuples, dataclasses without checks of their own), exceptions and protocols hold what they are given:
    their constructors are left out.
    """
    for module in modules:
        space = importlib.import_module(module)
        for name in dir(space):
            if name.startswith("_") or isinstance(value := getattr(space, name), types.ModuleType):
                continue
            if not getattr(value, "__module__", "").startswith(module.partition(".")[0]):
                continue
            if inspect.isfunction(value) and name in _exported(module):
                yield f"{module}.{name}"
            elif inspect.isclass(value) and name in _exported(module) and not issubclass(value, BaseException):
                yield from _of_class(f"{module}.{name}", value)


def _exported(module: str) -> set[str]:
    """Names that a module defines or imports under their own name, `from … import x as x`."""
    tree = ast.parse(inspect.getsource(importlib.import_module(module)))
    body = [*tree.body, *(inner for node in tree.body if isinstance(node, ast.If) for inner in node.body)]
    names = {node.name for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    for node in body:
        if isinstance(node, ast.ImportFrom):
            names.update(alias.name for alias in node.names if alias.asname == alias.name)
    return names


def _of_class(name: str, kind: type) -> Iterator[str]:
    if getattr(kind, "_is_protocol", False):
        return
    own = {
        key: value
        for base in reversed(kind.__mro__)
        if base.__module__ == kind.__module__
        for key, value in vars(base).items()
    }
    checked = "__post_init__" in own or "__check_init__" in own
    written = inspect.isfunction(own.get("__init__")) and own["__init__"].__code__.co_filename.endswith(".py")
    if checked or written:
        yield name
    for key, value in own.items():
        if isinstance(value, staticmethod | classmethod):
            value = value.__func__
        if inspect.isfunction(value) and value.__code__.co_filename.endswith(".py"):
            if (not key.startswith("_") or key == "__call__") and len(inspect.signature(value).parameters) > 1:
                yield f"{name}.{key}"


def documented(function: Callable[..., Any]) -> set[str]:
    """Names of the exceptions that a docstring states; for a class those of its `__init__` too."""
    texts = [inspect.getdoc(function)]
    if inspect.isclass(function):
        texts.append(inspect.getdoc(function.__init__))
    if inspect.ismethod(function):
        texts.append(inspect.getdoc(type(function.__self__)))
    found: set[str] = set()
    for text in texts:
        for block in _RAISES.findall((text or "") + "\n"):
            for names in _NAME.findall("\n" + block):
                found.update(name.split(".")[-1] for name in names.split(", "))
    return found
