"""Training: configurations, batches, the step, the loop, checkpoints, metrics, model files.

Needs the extra `training`: `pip install "spinnn[training]"`.

May import: `_layers`, `_progress`, `checks`, `files`, `resume`.
"""

from typing import TYPE_CHECKING

from spinharm import optional as _optional

# Options are read without Optax and Orbax, which take over half a second to import.
if TYPE_CHECKING:
    from ._batches import iterate_batches as iterate_batches
    from ._checkpoint import Checkpoints as Checkpoints
    from ._config import (
        LoopConfig as LoopConfig,
        TrainingConfig as TrainingConfig,
        from_json as from_json,
        load_config as load_config,
        moved as moved,
        save_config as save_config,
        to_json as to_json,
    )
    from ._export import load_model as load_model, read_header as read_header, save_model as save_model
    from ._loop import (
        DataIterator as DataIterator,
        Diverged as Diverged,
        Interrupted as Interrupted,
        Run as Run,
        fit as fit,
    )
    from ._losses import (
        l1_loss as l1_loss,
        l2_loss as l2_loss,
        weighted_mean as weighted_mean,
    )
    from ._optimizer import make_optimizer as make_optimizer, make_schedule as make_schedule
    from ._optimizer_config import OptimizerConfig as OptimizerConfig
    from ._step import (
        Loss as Loss,
        StepResult as StepResult,
        TrainState as TrainState,
        init_state as init_state,
        make_step as make_step,
        trained_params as trained_params,
    )
else:
    __getattr__, __dir__, __all__ = _optional.names_on_demand(__name__, extra="spinnn[training]")
