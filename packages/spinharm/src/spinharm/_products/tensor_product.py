"""Equivariant bilinear maps of features in real irreps."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Literal, overload

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy.typing import NDArray

from .._arrays import arguments
from . import apply, features
from .apply import Parts
from .coupling import Shape
from .paths import Normalization, Path, Selection, coefficients, each_path, paths_of
from .weights import Weights, checked_weights


@jax.tree_util.register_static
@dataclasses.dataclass(frozen=True, init=False)
class TensorProduct:
    """A tensor product of features of SO(3): every path (l1, l2) → l, with weights, from products of maps.

    z_l = Σ over paths of w(l1, l2, l) n(l1, l2, l) C^{l1 l2 l}(x_l1, y_l2), where C is `e3nn_jax.clebsch_gordan`, whose
    squares sum to 1, and the `normalization` decides n. Features hold the orders m = −l … l of one degree after the
    other in real irreps of e3nn's order and axes (`convert.to_e3nn`). All weights are equivariant under rotations.

    With n of the normalization `"natural"`, even paths (l1 + l2 + l even) are the product a·b of the maps that have x
    and y as coefficients, and odd ones are a_θ b_φ − a_φ b_θ, where the gradient of each degree is divided by
    √(l (l + 1)): products of fields of spins (0, 0) and (1, −1). So weights w1(l1) w2(l2) w(l), see `Factors`, cost two
    syntheses and an analysis on a Gauss grid. An independent weight for each path, and every product of small degrees,
    is a contraction with Clebsch-Gordan coefficients. Both are exact; sizes decide between them.

    A tensor product is a static description: hashable, comparable, without arrays. Call it inside `spinharm.jit`, which
    hands its tables to the compiled program as arguments.

    Attributes:
        degrees_1: Degrees of x, ascending.
        degrees_2: Degrees of y.
        degrees_out: Degrees of the result.
        selection: `"all"`, `"even"` or `"odd"`: which paths there are.
        normalization: What n is, see `coefficients`.

    Examples:
        >>> import numpy as np
        >>> import spinharm
        >>> multiply = spinharm.TensorProduct(1, 1, 2)
        >>> multiply.paths
        ((0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 0), (1, 1, 1), (1, 1, 2))
        >>> x, y = np.random.default_rng(0).normal(size=(2, 10, 16, 4)).astype(np.float32)  # 10 elements, 16 channels
        >>> multiply(x, y).shape
        (10, 16, 9)
        >>> multiply(x, y, np.ones((16, 6), np.float32)).shape  # weights for each channel and path
        (10, 16, 9)
        >>> true, pseudo = multiply(x, y, separate=True)
        >>> multiply.parities("natural", "natural")
        Parts(even='natural', odd='pseudo')
        >>> multiply.columns(x.T, y.T).shape  # entries first, any columns
        (9, 16, 10)
    """

    degrees_1: tuple[int, ...]
    degrees_2: tuple[int, ...]
    degrees_out: tuple[int, ...]
    selection: Selection
    normalization: Normalization

    def __init__(
        self,
        degrees_1: int | Sequence[int],
        degrees_2: int | Sequence[int] | None = None,
        degrees_out: int | Sequence[int] | None = None,
        *,
        paths: Selection = "all",
        normalization: Normalization = "natural",
    ) -> None:
        """Describe a tensor product; tables are built at its first use.

        Args:
            degrees_1: Degrees of x, ascending, or l_max for 0 … l_max.
            degrees_2: Degrees of y; default those of x.
            degrees_out: Degrees of the result; default 0 … l_max1 + l_max2, which is all of the product. Others are not
                computed.
            paths: `"even"`: only those with l1 + l2 + l even, which map true tensors to true tensors; `"odd"`: only the
                others, such as the cross product; `"all"`: both.
            normalization: The coefficient n of `e3nn_jax.clebsch_gordan` in a path of weight 1. `"natural"`: that of
                the products of maps above. `"gradient"`: the same with a_θ b_θ + a_φ b_φ for even paths, which is zero
                for l1 = 0 or l2 = 0. `"component"`: √(2l + 1), e3nn's default; `"norm"`: √((2 l1 + 1)(2 l2 + 1)).

        Raises:
            TypeError: Degrees that are not integers.
            ValueError: Degrees that do not ascend, unknown options, or no path between these degrees.
        """
        arguments.option("paths", paths, ("all", "even", "odd"))
        arguments.option("normalization", normalization, ("natural", "gradient", "component", "norm"))
        first = features.checked_degrees("degrees_1", degrees_1)
        second = first if degrees_2 is None else features.checked_degrees("degrees_2", degrees_2)
        whole = tuple(range(first[-1] + second[-1] + 1))
        out = whole if degrees_out is None else features.checked_degrees("degrees_out", degrees_out)
        if next(each_path(first, second, out, paths), None) is None:
            raise ValueError(
                f"`degrees_out` must hold a degree that `paths` {paths!r} lead to from degrees {list(first)} and "
                f"{list(second)}, got {list(out)}"
            )
        vars(self).update(
            degrees_1=first, degrees_2=second, degrees_out=out, selection=paths, normalization=normalization
        )

    @property
    def paths(self) -> tuple[Path, ...]:
        """The paths (l1, l2, l) in lexical order: the order of their weights."""
        return paths_of(self.degrees_1, self.degrees_2, self.degrees_out, self.selection)

    @property
    def coefficients(self) -> NDArray[np.float64]:
        """The coefficient n of `e3nn_jax.clebsch_gordan(l1, l2, l)` in each path of weight 1, shape (paths,).

        Examples:
            >>> import spinharm
            >>> spinharm.TensorProduct(1, 1, 2, normalization="component").coefficients.round(4).tolist()
            [1.0, 1.7321, 1.7321, 1.0, 1.7321, 2.2361]
        """
        return coefficients(self.paths, self.normalization)

    def parities(self, parity_1: str = "natural", parity_2: str = "natural") -> Parts:
        """Parities of the results of even and of odd paths, for inputs of given parities.

        Under the reflection x → −x, features of parity `"natural"` change by (−1)^l, such as harmonics, vectors and
        traceless symmetric matrices; those of parity `"pseudo"` by −(−1)^l, such as pseudoscalars and axial vectors.

        Args:
            parity_1: `"natural"` or `"pseudo"`: that of x, in all degrees.
            parity_2: That of y.

        Returns:
            The parity of the results of even and of odd paths.

        Raises:
            ValueError: Another parity.
        """
        for name, parity in (("parity_1", parity_1), ("parity_2", parity_2)):
            arguments.option(name, parity, ("natural", "pseudo"))
        return Parts("natural", "pseudo") if parity_1 == parity_2 else Parts("pseudo", "natural")

    @overload
    def __call__(
        self,
        x: Float[Array | np.ndarray, "*#batch #channels features_1"],
        y: Float[Array | np.ndarray, "*#batch #channels features_2"],
        weights: Weights = None,
        *,
        separate: Literal[False] = False,
    ) -> Float[Array, "*batch channels features"]: ...

    @overload
    def __call__(
        self,
        x: Float[Array | np.ndarray, "*#batch #channels features_1"],
        y: Float[Array | np.ndarray, "*#batch #channels features_2"],
        weights: Weights = None,
        *,
        separate: Literal[True],
    ) -> Parts: ...

    def __call__(
        self,
        x: Float[Array | np.ndarray, "*#batch #channels features_1"],
        y: Float[Array | np.ndarray, "*#batch #channels features_2"],
        weights: Weights = None,
        *,
        separate: bool = False,
    ) -> Float[Array, "*batch channels features"] | Parts:
        """Multiply features channel by channel.

        Args:
            x: Features, shape (*batch, channels, Σ (2l + 1)), float32 or float64.
            y: Features of the same precision; batch axes and channels broadcast with those of `x`.
            weights: None: 1 for every path. An array of shape (paths,) or (channels, paths): a weight for each path.
                `Factors`: weights that are a product of factors for l1, l2 and l, or a sum of few such products.
            separate: Return the results of even and of odd paths apart, so that true and pseudotensors stay apart, see
                `parities`. Only with `paths="all"`.

        Returns:
            Features of degrees `degrees_out`, shape (*batch, channels, Σ (2l + 1)); with `separate`, two, as `Parts`.

        Raises:
            TypeError: Complex, integer or half-precision arrays, several precisions, or a `separate` that is no flag.
            ValueError: Axis sizes that do not fit, or `separate` without both kinds of paths.
            MemoryError: Tables that would not fit into memory.
        """
        first, second = self._checked(x, y, -1, "*batch, channels, features")
        result = self.columns(jnp.moveaxis(first, -1, 0), jnp.moveaxis(second, -1, 0), weights, separate=separate)
        return jax.tree.map(lambda z: jnp.moveaxis(z, 0, -1), result)

    @overload
    def columns(
        self,
        x: Float[Array | np.ndarray, "features_1 *#columns"],
        y: Float[Array | np.ndarray, "features_2 *#columns"],
        weights: Weights = None,
        *,
        separate: Literal[False] = False,
    ) -> Float[Array, "features *columns"]: ...

    @overload
    def columns(
        self,
        x: Float[Array | np.ndarray, "features_1 *#columns"],
        y: Float[Array | np.ndarray, "features_2 *#columns"],
        weights: Weights = None,
        *,
        separate: Literal[True],
    ) -> Parts: ...

    def columns(
        self,
        x: Float[Array | np.ndarray, "features_1 *#columns"],
        y: Float[Array | np.ndarray, "features_2 *#columns"],
        weights: Weights = None,
        *,
        separate: bool = False,
    ) -> Float[Array, "features *columns"] | Parts:
        """Multiply features whose entries are the first axis, as the products of matrices inside want them.

        Args:
            x: Features, shape (Σ (2l + 1), *columns), with at least one axis of columns. The last is that of channels,
                if `weights` have channels.
            y: Features; columns broadcast with those of `x`.
            weights: As for a call.
            separate: As for a call.

        Returns:
            Features, shape (Σ (2l + 1), *columns), or two of them.

        Raises:
            TypeError: As for a call.
            ValueError: As for a call.
            MemoryError: As for a call.
        """
        arguments.flag("separate", separate)
        first, second = self._checked(x, y, 0, "features, *columns")
        features.same_dtype(x=first, y=second)
        try:
            columns = jnp.broadcast_shapes(first.shape[1:], second.shape[1:])
        except ValueError:
            raise ValueError(
                f"columns of `x` and `y` must broadcast, got shapes {first.shape} and {second.shape}"
            ) from None
        if separate and self.selection != "all":
            raise ValueError(f"`separate` needs paths 'all', got paths {self.selection!r}: all results are of one kind")
        held = (self.degrees_1, self.degrees_2, self.degrees_out)
        checked = checked_weights(weights, held, self.selection, columns[-1], first.dtype)
        shape = Shape(held, self.selection, self.normalization)
        return apply.multiply(shape, first, second, checked, bool(separate))

    def _checked(self, x: object, y: object, axis: int, axes: str) -> list[jax.Array]:
        """Both factors as real arrays with as many features on an axis as their degrees have."""
        arrays = []
        for name, value, held in (("x", x, self.degrees_1), ("y", y, self.degrees_2)):
            array, size = features.real(name, value), features.size(held)
            if array.ndim < 2 or array.shape[axis] != size:
                raise ValueError(
                    f"`{name}` must have axes ({axes}) with {size} features for degrees {list(held)}, got shape "
                    f"{array.shape}"
                )
            arrays.append(array)
        return arrays
