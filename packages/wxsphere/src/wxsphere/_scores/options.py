"""Options of `forecast_statistics` and `evaluate`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Literal, get_args

from .. import _checks
from .._fields.weights import Convention
from .metrics import METRICS, MOST_DRAWS, check_metrics
from .regions import Region, named_regions

Missing = Literal["raise", "drop"]


@dataclasses.dataclass(frozen=True)
class StatisticsOptions:
    """What `forecast_statistics` compares, and how it averages.

    Sequences are kept as tuples, so that options can be compared.

    Attributes:
        variables: Names; default all that forecasts and truth have. Both components of a wind add the wind.
        regions: Names of `REGIONS`, or names to regions; at least one.
        convention: Convention of the area weights, `"wb2"` or `"wbx"`, see `area_weights`.
        skipna: Leave out points without a value; else one such point makes its regions NaN, which a `DataWarning` says.
        missing: What to do about valid times that truth lacks: `"raise"` an error, or `"drop"` the initial times that
            need them.
        partial: Score what is complete of forecasts that were cut off.
        baselines: Add the forecasts `persistence` and, with a climatology, `climatology`.
        memory_gib: Memory for a block of fields [GiB], 0 or more; at least one map of each is read at once.

    Raises:
        TypeError: A value of another type.
        ValueError: An unknown choice or region, no region, or a limit of memory below 0.

    Examples:
        >>> from wxsphere import Region, StatisticsOptions
        >>> StatisticsOptions(variables=["2m_temperature"], baselines=False).variables
        ('2m_temperature',)
        >>> alps = Region(latitude=((44.0, 48.0),), longitude=((5.0, 16.0),))
        >>> list(StatisticsOptions(regions={"alps": alps}).regions)
        ['alps']
        >>> StatisticsOptions(regions=["mars"])
        Traceback (most recent call last):
            ...
        ValueError: `regions` names 'mars'; there are global, tropics, ...
    """

    variables: Sequence[str] | None = None
    regions: Sequence[str] | Mapping[str, Region] = ("global",)
    convention: Convention = "wb2"
    skipna: bool = False
    missing: Missing = "raise"
    partial: bool = False
    baselines: bool = True
    memory_gib: float = 0.25

    def __post_init__(self) -> None:
        for name in ("baselines", "skipna", "partial"):
            _checks.flag(name, getattr(self, name))
        _checks.memory_bytes("memory_gib", self.memory_gib)
        _checks.option("missing", self.missing, get_args(Missing))
        _checks.option("convention", self.convention, get_args(Convention))
        if self.variables is not None:
            object.__setattr__(self, "variables", tuple(_checks.names("variables", self.variables)))
        regions = named_regions(self.regions)
        object.__setattr__(self, "regions", regions if isinstance(self.regions, Mapping) else tuple(regions))


@dataclasses.dataclass(frozen=True)
class EvaluateOptions(StatisticsOptions):
    """What `evaluate` compares and computes: the options of `StatisticsOptions`, and those below.

    Attributes:
        regions: As in `StatisticsOptions`; default the globe, the tropics and the extra-tropics.
        metrics: Names of `METRICS`.
        samples: Draws of the bootstrap, at most 10⁶; 0 for no intervals, else at least 2.
        block: Consecutive initial times that the bootstrap draws together, at least 1.
        seed: Seed of the bootstrap, 0 or more.
        reference: Name of a forecast or baseline to add relative differences from, score/(its score) − 1; default none.
        spectra: Add power spectra, and kinetic-energy spectra of winds, averaged over initial times.

    Raises:
        TypeError: A value of another type.
        ValueError: As in `StatisticsOptions`, an unknown metric, or a number out of range.

    Examples:
        >>> from wxsphere import EvaluateOptions
        >>> options = EvaluateOptions(metrics=["rmse", "acc"], samples=1000, block=10, reference="persistence")
        >>> options.metrics, options.regions, options.memory_gib
        (('rmse', 'acc'), ('global', 'tropics', 'extra-tropics'), 0.25)
        >>> EvaluateOptions(samples=-1)
        Traceback (most recent call last):
            ...
        ValueError: `samples` must be at least 0, got -1
    """

    regions: Sequence[str] | Mapping[str, Region] = ("global", "tropics", "extra-tropics")
    metrics: Sequence[str] = tuple(METRICS)
    samples: int = 0
    block: int = 1
    seed: int = 0
    reference: str | None = None
    spectra: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "metrics", tuple(check_metrics(self.metrics)))
        if _checks.integer("samples", self.samples, 0, MOST_DRAWS) == 1:
            raise ValueError("`samples` must be 0 or at least 2, got 1")
        _checks.integer("block", self.block, 1)
        _checks.integer("seed", self.seed, 0)
        _checks.flag("spectra", self.spectra)
        if self.reference is not None:
            _checks.instance("reference", self.reference, str, "the name of a forecast or None")
