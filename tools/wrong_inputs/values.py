"""Wrong values for an argument, derived from a valid one: of other types, shapes, ranges and dtypes."""

from __future__ import annotations

import datetime
import random
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np


class Wrong(NamedTuple):
    """A value that is made when it is used, as some can be used once.

    Attributes:
        label: What it is, for the report.
        make: Gives the value.
    """

    label: str
    make: Callable[[], Any]


def _constant(value: Any, label: str | None = None) -> Wrong:
    return Wrong(repr(value)[:60] if label is None else label, lambda: value)


_ANYTHING = [
    *map(_constant, (None, "text", "", "1", b"\x00", True, 0, -1, 7, 2**40, -(2**70), 0.5, -1.5, 1e300, 1j)),
    *map(_constant, (float("nan"), float("inf"), (), [], [None], [1, "a"], {}, {"a": 1}, {1}, range(0), slice(1))),
    _constant(object(), "an object"),
    _constant(len, "len"),
    _constant(int, "int"),
    _constant(Path("nowhere"), "a path"),
    _constant(datetime.date(2020, 1, 1)),
    _constant(np.float16(0.5), "float16"),
    _constant(np.datetime64("2020-01-01")),
    _constant(np.array(3), "array of no axes"),
    _constant(np.array([1.0, np.nan]), "array with NaN"),
    _constant(np.zeros((0, 2)), "empty array"),
    _constant(np.array(["a"]), "array of text"),
    _constant(np.array([None, {}], object), "array of objects"),
    Wrong("a generator", lambda: iter([1])),
    Wrong("an exception", lambda: ValueError("value")),
    Wrong("a bfloat16 array", lambda: jnp.ones(2, jnp.bfloat16)),
]
_NUMBERS: tuple[Any, ...] = (
    -1, 0, 1, -(2**31), 2**31, 2**63, 2**100, 0.5, -0.0, 1e-300, 1e39, float("nan"), float("inf"), float("-inf"),
    True, False, "3", 3.0, np.int8(-3), np.uint64(2**64 - 1), np.float64(2.0), np.bool_(True), np.array([3]), 1 + 0j,
)  # fmt: skip
_TEXTS = ("TEXT", " ", "\x00", "a" * 5000, "../..", "é\u2028\n", "-1", "None", "a b", ",", "{}", "%s", "=1+1", "\ud800")
_DTYPES = ("float16", "float64", "int32", "uint8", "bool", "complex64", "complex128", "object", "str", "datetime64[s]")


def wrong_values(valid: Any, count: int, rng: random.Random) -> list[Wrong]:
    """`count` values for an argument of which `valid` is a good one, at least half of them of its own kind.

    Args:
        valid: A value that is accepted.
        count: How many.
        rng: Chooses among those that there are.
    """
    near, far = list(_near(valid)), list(_ANYTHING)
    chosen = rng.sample(near, min(len(near), max(count // 2, count - len(far))))
    return [*chosen, *rng.sample(far, min(len(far), count - len(chosen)))]


def _near(valid: Any) -> Iterable[Wrong]:
    if isinstance(valid, np.ndarray | jax.Array) and valid.dtype != object:
        return _arrays(valid)
    if isinstance(valid, bool | int | float | np.number):
        return map(_constant, _NUMBERS)
    if isinstance(valid, str):
        return map(_constant, [*_TEXTS, valid.upper(), f" {valid}", valid + "x", valid[:-1]])
    if isinstance(valid, Path):
        return _paths(valid)
    if isinstance(valid, tuple | list):
        return _sequences(valid)
    if isinstance(valid, dict):
        return _mappings(valid)
    if type(valid).__module__.partition(".")[0] == "xarray":
        return _labelled(valid)
    if callable(valid) and not isinstance(valid, type):
        return _functions()
    return ()


def _arrays(valid: Any) -> Iterator[Wrong]:
    array = np.asarray(valid) if not _is_key(valid) else np.asarray(jax.random.key_data(valid))
    for dtype in _DTYPES:
        if dtype != array.dtype:
            yield Wrong(f"as {dtype}", lambda dtype=dtype: _cast(array, dtype))
    shaped = {
        "of no axes": array.reshape(-1)[0] if array.size else np.zeros((), array.dtype),
        "with an axis more": array[None],
        "with a last axis more": array[..., None],
        "flat": array.reshape(-1),
        "transposed": array.T,
        "without its first entries": array[:0] if array.ndim else array,
        "without its last entries": array[..., :0] if array.ndim else array,
        "as a list": array.tolist(),
        "as a list of unequal rows": [array.tolist(), 1],
        "masked": np.ma.masked_array(array, np.ones(array.shape, bool)),
    }
    for axis in range(array.ndim):
        shaped[f"axis {axis} one longer"] = np.concatenate([array, np.take(array, [0], axis)], axis)
        shaped[f"axis {axis} one shorter"] = np.take(array, range(array.shape[axis] - 1), axis)
    for label, value in shaped.items():
        yield _constant(value, label)
    yield _constant(jax.ShapeDtypeStruct(array.shape, jnp.float32), "a shape instead of values")
    if np.issubdtype(array.dtype, np.number):
        values = [0, -1, 127] if np.issubdtype(array.dtype, np.integer) else [0, -1, np.nan, np.inf, -np.inf, 3e38]
        for value in values:
            yield _constant(np.full(array.shape, value).astype(array.dtype), f"all {value}")


def _is_key(value: Any) -> bool:
    return isinstance(value, jax.Array) and jnp.issubdtype(value.dtype, jax.dtypes.prng_key)


def _cast(array: np.ndarray, dtype: str) -> np.ndarray:
    real = np.real(array) if np.iscomplexobj(array) and "complex" not in dtype else array
    return real.astype("int64").astype(dtype) if "datetime" in dtype and real.dtype.kind == "f" else real.astype(dtype)


def _sequences(valid: tuple | list) -> Iterator[Wrong]:
    kind = type(valid) if type(valid) in (tuple, list) else tuple
    items = list(valid)
    changed = {
        "empty": [],
        "without its last": items[:-1],
        "twice": items * 2,
        "one thousand times": items * 1000,
        "nested": [items],
        "backwards": items[::-1],
    }
    for label, value in changed.items():
        yield _constant(kind(value), label)
    yield Wrong("as a generator", lambda: iter(items))
    yield Wrong("as a dictionary", lambda: dict(enumerate(items)))
    if items:
        yield _constant(items[0], "its first alone")
        for wrong in (*_ANYTHING[:18], *list(_near(items[0]))[:18]):
            yield Wrong(f"with {wrong.label} as its last", lambda wrong=wrong: kind([*items[:-1], wrong.make()]))


def _mappings(valid: dict) -> Iterator[Wrong]:
    yield _constant({}, "empty")
    yield _constant({**valid, "unknown": 1}, "with an unknown key")
    yield _constant({**valid, 3: 1}, "with a number as key")
    yield _constant(list(valid.items()), "as pairs")
    for key, value in list(valid.items())[:6]:
        yield _constant({k: v for k, v in valid.items() if k != key}, f"without {key!r}")
        for wrong in (*_ANYTHING[:18:2], *list(_near(value))[:18:2]):
            yield Wrong(f"with {wrong.label} as {key!r}", lambda key=key, wrong=wrong: {**valid, key: wrong.make()})


def _functions() -> Iterator[Wrong]:
    yield _constant(lambda: None, "a function of nothing")
    for value in (None, "text", 1, np.zeros(2), (), (1, 2, 3), {}, float("nan")):
        yield _constant(lambda *_, value=value, **__: value, f"a function that returns {value!r}")


def _paths(valid: Path) -> Iterator[Wrong]:
    names = ("missing", "missing/deep/file", "a" * 300, "nul\x00", ".", "..", "empty.txt", "=1", "\udcff", "a\nb")
    for name in names:
        yield _constant(valid.parent / name, f"path {name[:20]!r}")
        yield _constant(str(valid.parent / name), f"text {name[:20]!r}")
    for suffix in (".txt", ".npz", ".nc", ".zarr", ".json", ""):
        yield _constant(valid.with_suffix(suffix), f"with suffix {suffix!r}")


def _labelled(valid: Any) -> Iterator[Wrong]:
    """Wrong variants of an xarray dataset or array."""
    import xarray

    is_set = isinstance(valid, xarray.Dataset)
    if is_set:
        yield _constant(xarray.Dataset(), "an empty dataset")
        for name in list(valid.data_vars)[:4]:
            yield _constant(valid.drop_vars([name]), f"without {name}")
            yield _constant(valid.rename({name: "unknown"}), f"{name} renamed")
            yield _constant(valid[name], f"{name} alone")
            yield _constant(valid.assign({name: valid[name].astype(str)}), f"{name} as text")
            yield _constant(valid.assign({name: valid[name] * np.nan}), f"{name} NaN")
    else:
        yield _constant(valid.to_dataset(name="x"), "as a dataset")
    for dim in map(str, valid.dims):
        yield _constant(valid.rename({dim: "other"}), f"{dim} renamed")
        yield _constant(valid.isel({dim: 0}), f"the first {dim}")
        yield _constant(valid.isel({dim: slice(0, 0)}), f"no {dim}")
        yield _constant(valid.isel({dim: slice(None, None, -1)}), f"{dim} backwards")
        yield _constant(valid.isel({dim: [0, 0, -1]}), f"{dim} repeated")
        if dim in valid.coords:
            size = valid.sizes[dim]
            yield _constant(valid.drop_vars(dim), f"{dim} without coordinate")
            yield _constant(valid.assign_coords({dim: [f"x{i}" for i in range(size)]}), f"{dim} as text")
            yield _constant(valid.assign_coords({dim: np.full(size, np.nan)}), f"{dim} NaN")
            yield _constant(valid.assign_coords({dim: np.arange(size)}), f"{dim} counted")
            yield _constant(valid.assign_coords({dim: np.arange(size).astype("M8[D]")}), f"{dim} as days")
    yield _constant(valid.expand_dims("extra"), "with an axis more")
    yield _constant(valid.transpose(), "transposed")
    yield _constant(valid.astype("complex64"), "complex")
    yield _constant(valid.astype(bool), "boolean")
    yield _constant(valid.astype(object), "of objects")
    yield _constant(valid.to_dict(), "as a dictionary")
