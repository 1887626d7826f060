"""Molecules as functions on spheres, and their properties from spherical networks."""

from typing import TYPE_CHECKING

from spinharm import optional as _optional

from .__about__ import __version__ as __version__

# Modules are imported when a name of theirs is asked for: the command line starts at once, without JAX.
if TYPE_CHECKING:
    from ._data.pipeline import Batch as Batch, BatchPlan as BatchPlan, batch_iterator as batch_iterator
    from ._data.run_data import RunData as RunData, read_run_data as read_run_data
    from ._data.scaling import TargetScaling as TargetScaling
    from ._data.splits import Splits as Splits, qm9_splits as qm9_splits, random_splits as random_splits
    from ._data.targets import (
        ATOMIC_REFERENCES as ATOMIC_REFERENCES,
        TARGETS as TARGETS,
        Target as Target,
        target as target,
        target_values as target_values,
    )
    from ._data.training_range import TrainingRange as TrainingRange
    from ._files.fetch import FetchError as FetchError, RemoteFile as RemoteFile, fetch as fetch, fetch_qm9 as fetch_qm9
    from ._files.qm9 import QM9 as QM9, read_qm9 as read_qm9, read_uncharacterized as read_uncharacterized
    from ._files.readers import Problem as Problem, ReadResult as ReadResult, read_molecules as read_molecules
    from ._files.smiles import from_smiles as from_smiles
    from ._files.writers import write_predictions as write_predictions
    from ._interacting.options import InteractionOptions as InteractionOptions
    from ._interacting.radial import BesselBasis as BesselBasis
    from ._model.aggregation import Aggregation as Aggregation, displacements as displacements
    from ._model.ensemble import load_models as load_models, predict_ensemble as predict_ensemble
    from ._model.heads import (
        DeepSetsHead as DeepSetsHead,
        HeadConfig as HeadConfig,
        TransformerHead as TransformerHead,
    )
    from ._model.interacting import InteractingConfig as InteractingConfig, InteractingNetwork as InteractingNetwork
    from ._model.invariance import invariance_error as invariance_error
    from ._model.presets import NETWORKS as NETWORKS, network_config as network_config
    from ._model.property_model import PropertyModel as PropertyModel
    from ._model.regressor import (
        MessageConfig as MessageConfig,
        RegressorConfig as RegressorConfig,
        SphereRegressor as SphereRegressor,
        measure_feature_scale as measure_feature_scale,
    )
    from ._molecules.augment import augment as augment, random_rotation as random_rotation
    from ._molecules.batch import (
        Molecules as Molecules,
        bucket_molecules as bucket_molecules,
        bucket_of as bucket_of,
        choose_buckets as choose_buckets,
        pad_molecules as pad_molecules,
    )
    from ._molecules.dataset import MoleculeSet as MoleculeSet
    from ._molecules.molecule import Molecule as Molecule, Origin as Origin, check_molecules as check_molecules
    from ._run.evaluation import Evaluation as Evaluation, evaluate as evaluate
    from ._run.options import TrainOptions as TrainOptions
    from ._run.run import run_training as run_training
    from ._run.run_config import TRAINING as TRAINING, RunConfig as RunConfig
    from ._run.sphere_plot import draw_spheres as draw_spheres
    from ._run.train import mean_errors as mean_errors, train as train
    from ._spheres.coulomb import CoulombRepresentation as CoulombRepresentation
    from ._spheres.radial import (
        QM9_MIN_DISTANCE as QM9_MIN_DISTANCE,
        QM9_SPECIES as QM9_SPECIES,
        RadialBasis as RadialBasis,
    )
    from ._spheres.representation import Representation as Representation
else:
    __getattr__, __dir__, __all__ = _optional.names_on_demand(__name__)
