"""The training loop: resume, steps, metrics, checkpoints, interruption."""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import equinox as eqx
import jax
import numpy as np

from spinharm import checks

from .._progress import progress
from ..files import read_json, replacing, write_json
from ..resume import check_same, claimed, cores, warn_of_cores
from ._checkpoint import Checkpoints
from ._config import TrainingConfig, to_json
from ._metrics import Metrics
from ._optimizer import make_optimizer
from ._step import Loss, TrainState, init_state, make_step, trained_params


@runtime_checkable
class DataIterator(Protocol):
    """An endless iterator over batches whose position can be saved, such as Grain's.

    Examples:
        >>> from spinnn.training import DataIterator
        >>> class Counter:
        ...     position = 0
        ...
        ...     def __next__(self):
        ...         self.position += 1
        ...         return {"x": self.position}
        ...
        ...     def get_state(self):
        ...         return self.position
        ...
        ...     def set_state(self, state):
        ...         self.position = state
        >>> counter = Counter()
        >>> isinstance(counter, DataIterator)
        True
        >>> counter.set_state(7)
        >>> next(counter), counter.get_state()
        ({'x': 8}, 8)
    """

    def __next__(self) -> Any:
        """Return the next batch, a pytree of arrays."""
        ...

    def get_state(self) -> Any:
        """Return the position, as JSON types or bytes."""
        ...

    def set_state(self, state: Any) -> None:
        """Move to a position.

        Args:
            state: A result of `get_state`.
        """
        ...


class Interrupted(SystemExit):
    """Training was asked to stop and has saved a checkpoint. Exit status 130 after Ctrl-C, 143 after SIGTERM.

    Examples:
        >>> from spinnn.training import Interrupted
        >>> Interrupted(130).code
        130
    """


class Diverged(ArithmeticError):
    """The loss or its gradient is not finite; the message names the file that holds the batch.

    Examples:
        >>> from spinnn.training import Diverged
        >>> issubclass(Diverged, ArithmeticError)
        True
    """


@dataclasses.dataclass(frozen=True)
class Run:
    """Folder of a training run, and functions that are called around its steps.

    Attributes:
        folder: The run's folder; made if it is missing.
        steps_per_epoch: Batches per pass over the data, at least 1.
        described: All options of the run as JSON types, for `config.json`; default those of training alone. A folder of
            a run with other options is refused.
        place: Function that puts a batch on devices, e.g. sharded over a mesh; None leaves batches as they are.
        on_checkpoint: `(model, net_state, step) → metrics`, called at each checkpoint, with averaged parameters if the
            configuration asks for an average (`trained_params`); its metrics are written too.
        progress: Show a progress bar on a terminal, and a few lines in the log of a command.

    Raises:
        TypeError: An attribute of another type.
        ValueError: `steps_per_epoch` below 1.

    Examples:
        >>> from spinnn.training import Run
        >>> Run("run", steps_per_epoch=8).progress
        True
    """

    folder: str | os.PathLike
    _: dataclasses.KW_ONLY
    steps_per_epoch: int
    described: dict[str, Any] | None = None
    place: Callable[[Any], Any] | None = None
    on_checkpoint: Callable[[Any, Any, int], dict[str, Any]] | None = None
    progress: bool = True

    def __post_init__(self) -> None:
        checks.instance("folder", self.folder, (str, os.PathLike), "a path")
        checks.integer("steps_per_epoch", self.steps_per_epoch, 1)
        checks.instance("described", self.described, (dict, type(None)), "a dictionary of JSON types or None")
        for name in ("place", "on_checkpoint"):
            if (value := getattr(self, name)) is not None and not callable(value):
                raise TypeError(f"`{name}` must be a function or None, got {value!r}")
        checks.flag("progress", self.progress)


def fit(
    model: Any, net_state: Any, loss: Loss, data: DataIterator, config: TrainingConfig, run: Run
) -> tuple[Any, Any]:
    """Train a model, or resume from the folder's newest checkpoint; the result is the same, bit for bit.

    The folder gets `config.json` (first of all), `metrics.jsonl`, `checkpoints/`, and `diverged-<step>.npz` if a step
    is not finite. SIGTERM and SIGINT save a checkpoint and raise `Interrupted`; a second SIGINT does not wait
    for that. Only one process works in a folder. Equal results need an equal number of processor cores; a warning says
    when a run resumes with another.

    Args:
        model: Equinox module.
        net_state: Its state, from `equinox.nn.make_with_state`.
        loss: `(model, net_state, batch, key) → (loss, (net_state, metrics))`.
        data: Endless iterator over batches, with `get_state` and `set_state`.
        config: Epochs, seed, optimiser, checkpoints and metrics of the run.
        run: The run's folder, its steps per epoch, and functions that are called around the steps.

    Returns:
        `(model, net_state)` after training, with averaged parameters if the configuration asks for an average, by
        `ema_decay` or the optimiser `"schedule-free"`.

    Raises:
        TypeError: `config` or `run` of another type.
        Interrupted: A signal asked to stop; a checkpoint has been written.
        Diverged: A step was not finite.
        ValueError: The folder holds a run of another configuration, or none of its checkpoints can be read; or another
            process works in it.
        OSError: The disk is full; earlier checkpoints are intact.

    Warns:
        FileWarning: A damaged checkpoint was removed and an earlier one used, or the number of cores has changed.

    Examples:
        >>> import jax.numpy as jnp
        >>> from spinnn.training import OptimizerConfig, Run, TrainingConfig, fit
        >>> class Ones:
        ...     def __next__(self):
        ...         return jnp.ones(4)
        ...
        ...     def get_state(self):
        ...         return 0
        ...
        ...     def set_state(self, state):
        ...         pass
        >>> def loss(model, net_state, batch, key):
        ...     return jnp.mean((model * batch - 3.0) ** 2), (net_state, {})
        >>> optimizer = OptimizerConfig(learning_rate=0.5, warmup_epochs=0.0)
        >>> config = TrainingConfig(epochs=40, optimizer=optimizer)
        >>> run = Run("run", steps_per_epoch=1, progress=False)
        >>> model, _ = fit(jnp.zeros(()), None, loss, Ones(), config, run)
        >>> print(f"{model:.1f}")
        2.9
    """
    checks.instance("config", config, TrainingConfig, "a spinnn.training.TrainingConfig")
    checks.instance("run", run, Run, "a spinnn.training.Run")
    # Of several processes with one run, the first one writes.
    with claimed(run.folder) if jax.process_index() == 0 else contextlib.nullcontext():
        return _fit(model, net_state, loss, data, config, run)


def _fit(
    model: Any, net_state: Any, loss: Loss, data: DataIterator, config: TrainingConfig, run: Run
) -> tuple[Any, Any]:
    folder = Path(run.folder)
    folder.mkdir(parents=True, exist_ok=True)
    described = {"training": to_json(config, former_names=True)} if run.described is None else run.described
    _claim(folder, described)
    total, every = config.epochs * run.steps_per_epoch, config.steps_between_checkpoints(run.steps_per_epoch)
    optimizer = make_optimizer(config.optimizer, config.epochs, run.steps_per_epoch)
    decay = config.optimizer.ema_decay
    state, static = init_state(model, net_state, optimizer, key=jax.random.key(config.seed), average=decay is not None)
    checkpoints = Checkpoints(folder / "checkpoints", described, keep=config.keep_checkpoints)
    step = 0
    if checkpoints.latest_step() is not None:
        state, meta = checkpoints.restore(state)
        data.set_state(_unpack_position(meta["position"]))
        warn_of_cores(folder, meta.get("cores"))
        step = int(state.step)
    metrics = Metrics(folder, resume_step=step, tensorboard=config.tensorboard)
    train = make_step(loss, static, optimizer, ema_decay=decay)

    def trained(state: TrainState) -> tuple[Any, Any]:
        return eqx.combine(trained_params(state), static), state.net_state

    def save(state: TrainState, step: int) -> None:
        checkpoints.save(step, state, {"position": _pack_position(data.get_state()), "cores": cores()})
        if run.on_checkpoint is not None:
            copy, copied_state = jax.tree.map(_copy, trained(state))
            if extra := run.on_checkpoint(copy, copied_state, step):
                checks.instance("on_checkpoint", extra, dict, "a function that returns metrics by name")
                metrics.write(step, extra)

    with (
        contextlib.closing(metrics),
        contextlib.closing(checkpoints),
        _signals() as stop,
        progress("training", "steps", show=run.progress) as advance,
        _tracer(config.profile, folder) as trace,
    ):
        started, done = time.perf_counter(), 0
        pending: tuple[int, Any, Any] | None = None
        while step < total:
            trace(step)
            batch = next(data) if run.place is None else run.place(next(data))
            state, result = train(state, batch)
            # Looked at one step late, so that the device need not wait for the host.
            _check_finite(pending, folder)
            pending, step, done = (step, batch, result), step + 1, done + 1
            advance(step, total)
            if step % config.log_every == 0 or step == total:
                rate = done / (time.perf_counter() - started)
                values = {"loss": result.loss, "gradient_norm": result.gradient_norm, **result.metrics}
                metrics.write(step, {**jax.device_get(values), "steps_per_second": rate})
            due = step % every == 0 or step == total or bool(stop)
            if due:
                _check_finite(pending, folder)
                pending = None
                save(state, step)
            if stop:
                raise Interrupted(128 + stop[0])
    return trained(state)


def _claim(folder: Path, described: dict[str, Any]) -> None:
    """Write the folder's `config.json`, unless it holds a run of another configuration."""
    path = folder / "config.json"
    if path.exists() and any((folder / "checkpoints").glob("[0-9]*")):
        check_same(folder, read_json(path), described)
    write_json(path, described)


def _copy(leaf: Any) -> Any:
    return leaf.copy() if isinstance(leaf, jax.Array) else leaf


def _check_finite(pending: tuple[int, Any, Any] | None, folder: Path) -> None:
    if pending is None or bool(pending[2].finite):
        return
    step, batch, result = pending
    path = folder / f"diverged-{step}.npz"
    leaves = jax.tree.leaves_with_path(batch)
    arrays: dict[str, Any] = {jax.tree_util.keystr(where) or "batch": np.asarray(leaf) for where, leaf in leaves}
    with replacing(path, "wb") as file:
        np.savez(file, **arrays)
    raise Diverged(
        f"step {step}: the loss is {float(result.loss)}, the gradient's norm {float(result.gradient_norm)}; the batch "
        f"is in {path}. Lower `learning_rate` or set `clip_norm`."
    )


def _pack_position(position: Any) -> Any:
    if isinstance(position, bytes):
        return {"bytes": base64.b64encode(position).decode()}
    return {"value": position}


def _unpack_position(packed: dict[str, Any]) -> Any:
    return base64.b64decode(packed["bytes"]) if "bytes" in packed else packed["value"]


@contextlib.contextmanager
def _signals() -> Iterator[list[int]]:
    """Collect SIGTERM and SIGINT in a list instead of ending the process. A second Ctrl-C interrupts."""
    received: list[int] = []

    def receive(number: int, frame: Any) -> None:
        if received and number == signal.SIGINT:
            raise KeyboardInterrupt
        received.append(number)

    before = {}
    for kind in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(ValueError):  # not in the main thread
            before[kind] = signal.signal(kind, receive)
    try:
        yield received
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)


@contextlib.contextmanager
def _tracer(steps: tuple[int, int] | None, folder: Path) -> Iterator[Callable[[int], None]]:
    """A function that is called with each step as it begins, and starts and stops the profiler's trace."""
    running = False

    def trace(step: int) -> None:
        nonlocal running
        if steps is not None and not running and steps[0] <= step <= steps[1]:
            jax.profiler.start_trace(str(folder / "profile"))
            running = True
        elif steps is not None and running and step > steps[1]:
            jax.profiler.stop_trace()
            running = False

    try:
        yield trace
    finally:
        if running:
            jax.profiler.stop_trace()
