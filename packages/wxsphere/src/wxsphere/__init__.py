"""Global weather fields on the sphere, and forecasts from spherical networks."""

from typing import TYPE_CHECKING

from spinharm import optional as _optional

from .__about__ import __version__ as __version__

# Modules are imported when a name of theirs is asked for: the command line starts at once, without JAX.
if TYPE_CHECKING:
    from ._audit.audit import Finding as Finding, check_dataset as check_dataset
    from ._conventions.canonical import canonical as canonical
    from ._conventions.grids import grid_dataset as grid_dataset, grid_of as grid_of
    from ._fields.field_statistics import FIELD_STATISTICS as FIELD_STATISTICS, field_statistics as field_statistics
    from ._fields.fields import Channel as Channel, FieldLayout as FieldLayout
    from ._fields.forcings import FORCINGS as FORCINGS, Forcing as Forcing
    from ._fields.normalize import Normalization as Normalization, tendency_scale as tendency_scale
    from ._fields.poles import rebuild_poles as rebuild_poles
    from ._fields.solar import (
        SOLAR_CONSTANT as SOLAR_CONSTANT,
        toa_incident_solar_radiation as toa_incident_solar_radiation,
    )
    from ._fields.weights import area_weights as area_weights
    from ._files.catalogue import CATALOGUE as CATALOGUE, Store as Store
    from ._files.open import open_dataset as open_dataset
    from ._flow.equations import (
        BarotropicVorticity as BarotropicVorticity,
        ShallowWater as ShallowWater,
        quadratic_grid as quadratic_grid,
    )
    from ._flow.integrate import diagnostics as diagnostics, flow_maps as flow_maps, integrate as integrate
    from ._flow.simulate import simulate as simulate
    from ._flow.states import (
        galewsky as galewsky,
        random_state as random_state,
        state_of as state_of,
        williamson2 as williamson2,
    )
    from ._maps.animation import animate_maps as animate_maps
    from ._maps.figure import map_figure as map_figure
    from ._maps.options import MapOptions as MapOptions
    from ._model.batches import batch_iterator as batch_iterator
    from ._model.forecast import forecast as forecast, initial_times as initial_times
    from ._model.forecast_model import ForecastModel as ForecastModel
    from ._model.loss import (
        LossConfig as LossConfig,
        channel_weights as channel_weights,
        make_map_loss as make_map_loss,
    )
    from ._model.networks import (
        NETWORKS as NETWORKS,
        SCALING as SCALING,
        NetworkConfig as NetworkConfig,
        network_config as network_config,
    )
    from ._model.rollout import Stepper as Stepper, make_rollout_loss as make_rollout_loss, rollout as rollout
    from ._model.run_config import RunConfig as RunConfig, Stage as Stage, make_task as make_task
    from ._model.task import ForecastTask as ForecastTask
    from ._model.train import train as train
    from ._model.windows import Batch as Batch, Windows as Windows
    from ._notices import DataWarning as DataWarning
    from ._prepare.constants import constant_fields as constant_fields
    from ._prepare.options import PrepareOptions as PrepareOptions
    from ._prepare.prepare import prepare as prepare
    from ._prepare.prepared import Prepared as Prepared, open_prepared as open_prepared
    from ._prepare.regrid import regrid as regrid
    from ._report.report import write_report as write_report
    from ._scores.climatology import (
        climatology as climatology,
        climatology_at as climatology_at,
        climatology_forecast as climatology_forecast,
        persistence_forecast as persistence_forecast,
        window_weights as window_weights,
    )
    from ._scores.error_maps import error_maps as error_maps
    from ._scores.evaluate import evaluate as evaluate
    from ._scores.forecast_statistics import forecast_statistics as forecast_statistics
    from ._scores.metrics import METRICS as METRICS, bootstrap as bootstrap, scores as scores
    from ._scores.options import EvaluateOptions as EvaluateOptions, StatisticsOptions as StatisticsOptions
    from ._scores.regions import REGIONS as REGIONS, Region as Region, region_weights as region_weights
    from ._scores.spectra import power_spectra as power_spectra
    from ._scores.statistics import STATISTICS as STATISTICS
else:
    __getattr__, __dir__, __all__ = _optional.names_on_demand(__name__)
