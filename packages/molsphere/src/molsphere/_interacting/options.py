"""Options of interactions."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal, get_args

from spinharm import checks
from spinnn.checks import size

from .. import _checks
from .radial import LARGEST_EXPONENT, BesselBasis

Products = Literal["none", "even", "all"]
Norm = Literal["none", "rms"]
# Above it, pairs and products of a molecule would not fit into memory.
_LARGEST_DEGREE, _LARGEST_ORDER = 12, 4


@dataclasses.dataclass(frozen=True)
class InteractionOptions:
    """Options of interactions between atoms that carry spheres.

    Attributes:
        max_degree: Largest degree l_max of the spheres.
        channels: Spheres of each atom.
        cutoff: Distance from which atoms do not see each other [Å].
        radial: Number of radial basis functions, see `BesselBasis`.
        envelope: Exponent of their envelope, see `BesselBasis`.
        spheres: Whether messages carry the neighbors' spheres, besides their scalars.
        products: Products of spheres on each atom: `"none"`, `"even"` (those of values, which map true tensors to true
            tensors) or `"all"` (also cross products of gradients, which give pseudotensors).
        order: Factors of a product.
        norm: `"rms"` divides messages and products by their root mean square, see `spinnn.RMSNorm`; `"none"` leaves
            them as they are.

    Raises:
        TypeError: Something else than numbers.
        ValueError: Options out of range.

    Examples:
        >>> from molsphere import InteractionOptions
        >>> InteractionOptions(max_degree=3).make_basis().cutoff
        6.0
    """

    max_degree: int = 2
    channels: int = 48
    cutoff: float = 6.0
    radial: int = 20
    spheres: bool = True
    products: Products = "even"
    order: int = 2
    norm: Norm = "none"
    envelope: int = 3

    @classmethod
    def upgraded(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Complete options written before `norm` and `envelope` were options, with what these were.

        Args:
            values: Options from a file, as JSON types.

        Returns:
            Those of this version; what is not complete otherwise is returned as it is.

        Raises:
            TypeError: Anything other than a dictionary.

        Examples:
            >>> from molsphere import InteractionOptions
            >>> from spinnn.training import to_json
            >>> now = to_json(InteractionOptions())
            >>> before = {name: value for name, value in now.items() if name not in ("norm", "envelope")}
            >>> InteractionOptions.upgraded(before)["norm"]
            'rms'
        """
        _checks.instance("values", values, dict, "a dictionary of options by name")
        added = {"norm": "rms", "envelope": 5}
        written = {field.name for field in dataclasses.fields(InteractionOptions)} - set(added)
        return {**added, **values} if written <= set(values) else values

    def __post_init__(self) -> None:
        checks.integer("max_degree", self.max_degree, 0, _LARGEST_DEGREE)
        size("channels", self.channels)
        self.make_basis()
        _checks.flag("spheres", self.spheres)
        _checks.option("products", self.products, get_args(Products))
        checks.integer("order", self.order, 2, _LARGEST_ORDER)
        _checks.option("norm", self.norm, get_args(Norm))

    def make_basis(self) -> BesselBasis:
        """The radial basis."""
        _checks.count("radial", self.radial)
        checks.integer("envelope", self.envelope, 2, LARGEST_EXPONENT)
        return BesselBasis(self.radial, self.cutoff, self.envelope)
