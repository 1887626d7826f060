"""Valid calls of what `spinnn` offers."""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import spinnn
from spinharm import Grid
from spinnn import BlockOptions, checks, command, files, plots, resume, testing, training

from .calls import Call, always

MODULES = [
    "spinnn", "spinnn.checks", "spinnn.command", "spinnn.files", "spinnn.plots", "spinnn.resume", "spinnn.testing",
    "spinnn.training",
]  # fmt: skip
LEFT_OUT: Mapping[str, str] = {}

_GRID = Grid.gauss_legendre(3, 6)
_EVEN = Grid.equiangular(4, 8, poles=False)
_KEY = jax.random.key(0)
_SPINS = (0, 1)
_MAPS = np.ones((2, 3, 6, 2, 2), np.complex64)
_COEFFS = np.ones((2, 3, 5, 2, 2), np.complex64)
_MASK = np.array([True, False])


def calls() -> list[Call]:
    """One valid call for each public name."""
    groups = (_layers, _blocks, _networks, _functions, _checks, _programs, _resume, _training, _runs)
    return [call for group in groups for call in group()]


def _layers() -> list[Call]:
    conv_options = always(
        spins_in=_SPINS, spins_out=_SPINS, channels_in=2, channels_out=2, bandlimit=3, grid_in=_GRID, grid_out=_GRID,
        num_filter_params=2, use_bias=True, separable=False, product_dtype="float32", key=_KEY,
    )  # fmt: skip
    conv = spinnn.SpinConv(_SPINS, _SPINS, 2, 2, bandlimit=3, grid_in=_GRID, grid_out=_GRID, key=_KEY)
    spectral_conv = spinnn.SpinConv(_SPINS, _SPINS, 2, 2, bandlimit=3, separable=True, key=_KEY)
    norm = {"spins": _SPINS, "channels": 2, "momentum": 0.9, "epsilon": 1e-5, "initial_scale": 1.0}
    spectral, state = eqx.nn.make_with_state(spinnn.SpectralBatchNorm)(_SPINS, 2)
    spatial, spatial_state = eqx.nn.make_with_state(spinnn.SpatialBatchNorm)(_SPINS, 2, grid=_GRID)
    pool, coarse = spinnn.SpectralPool(2), spinnn.SpatialPool(_EVEN)
    calls = [
        Call("spinnn.SpinConv", spinnn.SpinConv, conv_options),
        Call("spinnn.SpinConv.__call__", conv, always(x=_MAPS)),
        Call("spinnn.SpinConv.__call__", spectral_conv, always(x=_COEFFS)),
        Call("spinnn.SpectralBatchNorm", spinnn.SpectralBatchNorm, always(**norm, center="batch")),
        Call("spinnn.SpectralBatchNorm.__call__", spectral, always(x=_COEFFS, state=state, mask=_MASK)),
        Call("spinnn.SpatialBatchNorm", spinnn.SpatialBatchNorm, always(**norm, grid=_GRID)),
        Call("spinnn.SpatialBatchNorm.__call__", spatial, always(x=_MAPS, state=spatial_state, mask=_MASK)),
        Call("spinnn.SpectralPool", spinnn.SpectralPool, always(bandlimit=2)),
        Call("spinnn.SpectralPool.__call__", pool, always(x=_COEFFS)),
        Call("spinnn.SpatialPool", spinnn.SpatialPool, always(grid=_EVEN)),
        Call("spinnn.SpatialPool.__call__", coarse, always(x=np.ones((2, 4, 8, 2, 2), np.float32))),
    ]
    exact = {"spins": _SPINS, "channels": 2, "bandlimit": 2, "order": 2, "key": _KEY}
    product = spinnn.ProductActivation(**exact)
    given = always(x=np.ones((2, *product.grid.shape, 2, 2), np.complex64))
    calls += [
        Call("spinnn.ProductActivation", spinnn.ProductActivation, always(**exact)),
        Call("spinnn.ProductActivation.__call__", product, given),
    ]
    for kind in (spinnn.PhaseCollapse, spinnn.MagnitudeActivation, spinnn.GatedActivation, spinnn.S2Activation):
        given = {"spins": _SPINS, "channels": 2}
        given |= {"initial_bias": -0.1} if kind is spinnn.MagnitudeActivation else {"key": _KEY}
        calls.append(Call(f"spinnn.{kind.__name__}", kind, always(**given)))
        calls.append(Call(f"spinnn.{kind.__name__}.__call__", kind(**given), always(x=_MAPS)))
    x, sizes = np.ones((9, 3, 2), np.float32), {"max_degree": 2, "channels_in": 2, "channels_out": 2, "key": _KEY}
    parts = [np.ones((2 * degree + 1, 3, 2), np.float32) for degree in range(3)]
    return [
        *calls,
        Call("spinnn.DegreeLinear", spinnn.DegreeLinear, always(**sizes)),
        Call("spinnn.DegreeLinear.__call__", spinnn.DegreeLinear(**sizes), always(x=x)),
        Call("spinnn.DegreeLinear.by_degree", spinnn.DegreeLinear(**sizes).by_degree, always(parts=parts)),
        Call("spinnn.RMSNorm", spinnn.RMSNorm, always(max_degree=2, channels=2, epsilon=1e-4)),
        Call("spinnn.RMSNorm.__call__", spinnn.RMSNorm(2, 2), always(x=x)),
        Call("spinnn.RMSNorm.by_degree", spinnn.RMSNorm(2, 2).by_degree, always(parts=parts)),
    ]


def _blocks() -> list[Call]:
    given = {
        "spins_in": _SPINS, "spins_out": _SPINS, "channels_in": 2, "channels_out": 2, "grid_in": _GRID,
        "grid_out": _GRID, "bandlimit": 3, "num_filter_params": 2, "separable": False, "options": BlockOptions(),
        "key": _KEY,
    }  # fmt: skip
    options = {"activation": "gated", "center": "sample", "momentum": 0.5, "product_dtype": "bfloat16"}
    options |= {"oversampling": 1.5, "product_order": 2}
    calls = [
        Call("spinnn.BlockOptions", _block_of_options, always(**options)),
        Call("spinnn.BlockOptions.activation_grid", BlockOptions(**options).activation_grid, always(bandlimit=3)),
    ]
    for kind in (spinnn.SpinBlock, spinnn.SpinResidualBlock):
        name = f"spinnn.{kind.__name__}"
        block, state = eqx.nn.make_with_state(kind)(**given)
        calls += [
            Call(name, kind, always(**given)),
            Call(f"{name}.__call__", block, always(x=_MAPS, state=state, mask=_MASK)),
            Call(f"{name}.check", block.check, always(x=_MAPS, mask=_MASK)),
        ]
    return calls


def _block_of_options(**given: Any) -> Any:
    """Options, and a block of them: where the choice is not checked by the one, it is by the other."""
    block = functools.partial(spinnn.SpinBlock, grid_in=_GRID, grid_out=_GRID, key=_KEY)
    return block(_SPINS, _SPINS, 2, 2, options=BlockOptions(**given))


def _networks() -> list[Call]:
    net = {
        "spins_in": (0,), "channels_in": 1, "grid_in": _GRID, "grids": (_GRID, _GRID), "widths": (2, 2),
        "spins": _SPINS, "bandlimits": (3, 2), "num_filter_params": (2, 2), "spins_out": (0,), "channels_out": 1,
        "grid_out": _GRID, "output": "real", "separable": (False, True), "options": BlockOptions(), "remat": False,
        "key": _KEY,
    }  # fmt: skip
    unet = {
        "spins_in": (0,), "channels_in": 1, "spins_out": (0,), "channels_out": 1, "grid_in": _GRID,
        "grids": (_GRID, _GRID), "widths": (2, 2), "spins": _SPINS, "bandlimits": (3, 3), "num_filter_params": (2, 2),
        "grid_out": _GRID, "output": "real", "separable": (False, True), "options": BlockOptions(), "remat": False,
        "key": _KEY,
    }  # fmt: skip
    resnet, state = eqx.nn.make_with_state(spinnn.SpinResNet)(**net)
    bare = {**net, "spins_out": None, "channels_out": None, "grid_out": None}
    headless, headless_state = eqx.nn.make_with_state(spinnn.SpinResNet)(**bare)
    double, double_state = eqx.nn.make_with_state(spinnn.SpinUNet)(**unet)
    maps = np.ones((2, 3, 6, 1, 1), np.float32)
    return [
        Call("spinnn.SpinResNet", spinnn.SpinResNet, always(**net)),
        Call("spinnn.SpinResNet.__call__", resnet, always(x=maps, state=state, mask=_MASK)),
        Call("spinnn.SpinResNet.pooled", headless.pooled, always(x=maps, state=headless_state, mask=_MASK)),
        Call("spinnn.SpinUNet", spinnn.SpinUNet, always(**unet)),
        Call("spinnn.SpinUNet.__call__", double, always(x=maps, state=double_state, mask=_MASK)),
    ]


def _functions() -> list[Call]:
    conv = spinnn.SpinConv((0,), (0,), 1, 1, bandlimit=2, key=_KEY)
    sizes = {"bandlimit": 2, "spins": (0,), "channels": 1, "grid": _GRID, "batch": (2,), "real": True}
    given = testing.RandomInput(**sizes)
    maps = spinnn.SpinConv((0,), (0,), 1, 1, bandlimit=2, grid_in=_GRID, grid_out=_GRID, key=_KEY)
    error = {
        "function": maps, "given": given, "spins_out": (0,), "grid_out": _GRID, "bandlimit_out": 2,
        "angles": (0.1, 0.2, 0.3), "reflection": True, "key": _KEY,
    }  # fmt: skip
    return [
        Call("spinnn.spin_mean", spinnn.spin_mean, always(x=_MAPS, grid=_GRID, spins=_SPINS)),
        Call("spinnn.parameter_count", spinnn.parameter_count, always(model=conv)),
        Call("spinnn.summary", spinnn.summary, always(model=conv)),
        Call("spinnn.summary_html", spinnn.summary_html, always(model=conv, title="a")),
        Call("spinnn.reuse_memory", spinnn.reuse_memory, always()),
        Call(
            "spinnn.testing.random_coefficients",
            testing.random_coefficients,
            always(key=_KEY, bandlimit=2, spins=_SPINS, channels=2, batch=(2,)),
        ),
        Call("spinnn.testing.RandomInput", testing.RandomInput, always(**sizes)),
        Call("spinnn.testing.RandomInput.coefficients", given.coefficients, always(key=_KEY)),
        Call("spinnn.testing.RandomInput.as_given", given.as_given, always(coeffs=given.coefficients(_KEY))),
        Call("spinnn.testing.equivariance_error", testing.equivariance_error, always(**error)),
        Call("spinnn.testing.assert_equivariant", testing.assert_equivariant, always(**error, tolerance=1e-3)),
    ]


@dataclasses.dataclass(frozen=True)
class Options:
    """Options of a command.

    Attributes:
        size: A number.
        name: A text.
    """

    size: int = 1
    name: str = "a"


def _checks() -> list[Call]:
    blocks = always(bandlimits=(3, 2), widths=(2, 2), num_filter_params=(None, 2), spins=(0, 1))
    numbers = always(record=Options(), positive=("size",), not_negative=("size",), finite=("size",))
    return [
        Call("spinnn.checks.size", checks.size, always(name="size", value=3)),
        Call("spinnn.checks.integer_members", checks.integer_members, always(record=Options(), minima={"size": 0})),
        Call("spinnn.checks.number_members", checks.number_members, numbers),
        Call("spinnn.checks.block_sizes", checks.block_sizes, blocks),
    ]


def _resume() -> list[Call]:
    def claim(folder: Any, lock: Any) -> None:
        with resume.claimed(folder, lock):
            pass

    folder = Path.cwd()
    same = always(where=folder, before={"a": 1}, now={"a": 1}, leave_out=("b",))
    return [
        Call("spinnn.resume.claimed", claim, always(folder=folder / "claimed", lock=folder / "lock")),
        Call("spinnn.resume.check_same", resume.check_same, same),
        Call("spinnn.resume.cores", resume.cores, always()),
        Call("spinnn.resume.warn_of_cores", resume.warn_of_cores, always(where=folder, before=1)),
    ]


def _shown(what: Any, unit: Any) -> None:
    with command.progress(what, unit) as advance:
        advance(1, 2)


def _readable(wanted: Any) -> None:
    with command.machine_readable(wanted):
        pass


def _programs() -> list[Call]:
    words = ("--size", "3")
    program = always(
        program="p", version="1", purpose="None.", commands={"info": command.Command("json", "none")},
        arguments=["info"], partly="in part",
    )  # fmt: skip
    parsing = {"program": "p", "words": words, "text": "Help."}
    with_config = {**parsing, "load": lambda path: Options(), "preset": lambda o, name: o, "required": ("name",)}
    console = always(title="a", columns=("b", "c"), rows=[("d", "e")])
    fixed = {"kind": "a class that the program states, not its user"}
    return [
        Call("spinnn.command.run_program", command.run_program, program, fixed={"commands": "as `kind` below"}),
        Call("spinnn.command.parse", functools.partial(command.parse, Options), always(**parsing, default=Options())),
        Call(
            "spinnn.command.parse_with_config",
            functools.partial(command.parse_with_config, Options),
            always(**with_config),
        ),
        Call(
            "spinnn.command.help_of",
            command.help_of,
            always(command=command.Command("json", "none", help="json:loads")),
        ),
        Call("spinnn.command.doctor_help", command.doctor_help, always(program="p")),
        Call("spinnn.command.examples_of", command.examples_of, always(text="A.\n\nexample:\n  p a", program="p")),
        Call("spinnn.command.machine_readable", _readable, always(wanted=False)),
        Call("spinnn.command.progress", _shown, always(what="a", unit="b")),
        Call("spinnn.command.result", command.result, always(values={"a": 1})),
        Call("spinnn.command.say", command.say, always(text="a")),
        Call("spinnn.command.warn", command.warn, always(text="a")),
        Call("spinnn.command.table", command.table, console),
        Call("spinnn.command.figure", command.figure, always(value=1.0), fixed=fixed),
    ]


def _malformed(name: Any, what: Any) -> None:
    with files.well_formed(name, what):
        raise KeyError("size")


def _replace(path: Any, mode: Any = "w") -> None:
    with files.replacing(path, mode) as file:
        file.write(b"a" if mode == "wb" else "a")


def _training() -> list[Call]:
    folder = Path.cwd()
    model = spinnn.SpinConv((0,), (0,), 1, 1, bandlimit=2, key=_KEY)
    training.save_model(folder / "model.spinnn", model, {"size": 2})
    training.save_config(folder / "config.json", training.TrainingConfig())
    (folder / "empty.txt").touch()
    lines = [{"step": step, "loss": 1.0 / step, "validation_error": 1.0} for step in (1, 2)]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    optimizer = dataclasses.asdict(
        training.OptimizerConfig(name="adamw", clip_norm=1.0, ema_decay=0.5, schedule="linear")
    )
    config = {f.name: getattr(training.TrainingConfig(), f.name) for f in dataclasses.fields(training.TrainingConfig)}
    config |= {"profile": (1, 2)}
    schedule = {"config": training.OptimizerConfig(), "epochs": 2, "steps_per_epoch": 3}
    values = np.ones((2, 3), np.float32)
    loss = {"prediction": values, "target": values, "weights": np.ones((2, 1), np.float32)}
    figure = plots.make_figure(1.0, 1.0, "a")
    return [
        Call("spinnn.files.file_digest", files.file_digest, always(path=folder / "config.json", start=1)),
        Call(
            "spinnn.files.check_digests",
            files.check_digests,
            always(
                folder=folder,
                digests={"config.json": files.file_digest(folder / "config.json")},
                lost="; copy it",
                other="others",
            ),
        ),
        Call("spinnn.files.read_json", files.read_json, always(path=folder / "config.json")),
        Call("spinnn.files.parse_json", files.parse_json, always(content='{"a": 1}', name="a.json")),
        Call("spinnn.files.read_checked_json", files.read_checked_json, always(path=folder / "config.json")),
        Call("spinnn.files.write_checked_json", files.write_checked_json, always(path=folder / "new", values={"a": 1})),
        Call("spinnn.files.write_json", files.write_json, always(path=folder / "new.json", values={"a": 1})),
        Call("spinnn.files.well_formed", _malformed, always(name="a.json", what="the header"), fails=True),
        Call("spinnn.files.replacing", _replace, always(path=folder / "new.txt", mode="w")),
        Call("spinnn.plots.make_figure", plots.make_figure, always(width=1.0, height=1.0, extra="a")),
        Call("spinnn.plots.check_png", plots.check_png, always(name="out", path=folder / "figure.png")),
        Call(
            "spinnn.plots.check_picture",
            plots.check_picture,
            always(name="out", path=folder / "figure.gif", more=(".gif",)),
        ),
        Call("spinnn.plots.save_figure", plots.save_figure, always(figure=figure, path=folder / "figure.png")),
        Call("spinnn.plots.plain", plots.plain, always(text="a$b")),
        Call(
            "spinnn.plots.make_panels",
            lambda count: plots.make_panels(plots.make_figure(1.0, 1.0, "a"), count),
            always(count=2),
        ),
        Call(
            "spinnn.plots.learning_curve",
            plots.learning_curve,
            always(paths=folder / "metrics.jsonl", extra="a", validation="b", units={"error": "eV"}, columns=2),
        ),
        Call("spinnn.training.OptimizerConfig", training.OptimizerConfig, always(**optimizer)),
        Call("spinnn.training.TrainingConfig", training.TrainingConfig, always(**config)),
        Call("spinnn.training.LoopConfig", training.LoopConfig, always(seed=1, checkpoint_every=3)),
        Call("spinnn.training.LoopConfig.for_epochs", training.LoopConfig().for_epochs, always(epochs=2)),
        Call("spinnn.training.TrainingConfig.for_epochs", training.TrainingConfig().for_epochs, always(epochs=2)),
        Call(
            "spinnn.training.TrainingConfig.steps_between_checkpoints",
            training.TrainingConfig(checkpoint_every=None).steps_between_checkpoints,
            always(steps_per_epoch=2),
        ),
        Call(
            "spinnn.training.moved",
            training.moved,
            always(values={"rate": 0.1}, places={"rate": "optimizer.rate"}, defaults={"optimizer": {"rate": 1.0}}),
        ),
        Call("spinnn.training.to_json", training.to_json, always(config=training.TrainingConfig())),
        Call(
            "spinnn.training.from_json",
            functools.partial(training.from_json, training.TrainingConfig),
            always(values=training.to_json(training.TrainingConfig(**config))),
        ),
        Call("spinnn.training.save_config", training.save_config, always(path=folder / "new.json", config=Options())),
        Call(
            "spinnn.training.load_config",
            training.load_config,
            always(path=folder / "config.json", kind=training.TrainingConfig),
        ),
        Call(
            "spinnn.training.save_model", training.save_model, always(path=folder / "a", tree=model, config={"size": 2})
        ),
        Call(
            "spinnn.training.load_model",
            training.load_model,
            always(path=folder / "model.spinnn", build=lambda config: model),
        ),
        Call("spinnn.training.read_header", training.read_header, always(path=folder / "model.spinnn")),
        Call("spinnn.training.make_schedule", training.make_schedule, always(**schedule)),
        Call("spinnn.training.make_optimizer", training.make_optimizer, always(**schedule)),
        Call("spinnn.training.weighted_mean", training.weighted_mean, always(values=values, weights=loss["weights"])),
        Call("spinnn.training.l1_loss", training.l1_loss, always(**loss)),
        Call("spinnn.training.l2_loss", training.l2_loss, always(**loss)),
    ]


class _Batches:
    """The same batch for ever."""

    def __next__(self) -> jax.Array:
        return jnp.ones((2, 2, 3, 1, 1), jnp.complex64)

    def get_state(self) -> int:
        return 0

    def set_state(self, state: Any) -> None:
        pass


def _loss(model: Any, net_state: Any, batch: Any, key: Any) -> Any:
    return jnp.mean(jnp.abs(model(batch))), (net_state, {})


def _runs() -> list[Call]:
    folder = Path.cwd()
    batches = always(
        order=lambda epoch: [0, 1], load=lambda entry, part: np.zeros(2), batch_size=4, name="a", epochs=2,
        shard=(0, 2), prefetch=0,
    )  # fmt: skip
    model, state = eqx.nn.make_with_state(spinnn.SpinConv)((0,), (0,), 1, 1, bandlimit=2, key=_KEY)
    optimizer = training.make_optimizer(training.OptimizerConfig(), 1, 1)
    start = {"model": model, "net_state": state, "optimizer": optimizer, "key": _KEY, "average": True}
    first, static = training.init_state(**start)
    saved = training.Checkpoints(folder / "saved", {"a": 1})
    saved.save(1, {"x": jnp.ones(2)}, {"b": 1})
    saved.close()
    saved = training.Checkpoints(folder / "saved", {"a": 1})
    fresh = iter(range(10**9))

    def one_step(loss: Any, static: Any, optimizer: Any, ema_decay: Any) -> Any:
        training.make_step(loss, static, optimizer, ema_decay=ema_decay)(
            jax.tree.map(jnp.copy, first), next(_Batches())
        )

    @functools.wraps(training.fit)
    def train(**given: Any) -> Any:
        if isinstance(given["run"], training.Run):
            given["run"] = dataclasses.replace(given["run"], folder=folder / "runs" / str(next(fresh)))
        return training.fit(**given)

    def train_in(**given: Any) -> Any:
        """A run in a folder of its own; what it calls is found wrong, if at all, when it trains."""
        given["folder"] = given["folder"] / str(next(fresh)) if isinstance(given["folder"], Path) else given["folder"]
        return training.fit(**{**run, "run": training.Run(**given)})

    def save(**given: Any) -> None:
        manager = training.Checkpoints(folder / f"new{next(fresh)}", {})
        manager.save(**given)
        manager.close()

    where = {
        "folder": folder / "run", "steps_per_epoch": 1, "described": {"a": 1}, "place": lambda batch: batch,
        "on_checkpoint": lambda model, state, step: {}, "progress": False,
    }  # fmt: skip
    run = {
        "model": model, "net_state": state, "loss": _loss, "data": _Batches(), "config": training.TrainingConfig(),
        "run": training.Run(folder / "run", steps_per_epoch=1, progress=False),
    }  # fmt: skip
    steps = always(loss=_loss, static=static, optimizer=optimizer, ema_decay=0.5)
    return [
        Call("spinnn.training.iterate_batches", lambda **given: next(training.iterate_batches(**given)), batches),
        Call("spinnn.training.init_state", training.init_state, always(**start)),
        Call("spinnn.training.make_step", one_step, steps),
        Call("spinnn.training.trained_params", training.trained_params, always(state=first)),
        Call(
            "spinnn.training.Checkpoints",
            training.Checkpoints,
            always(folder=folder / "other", config={"a": 1}, keep=2),
        ),
        Call("spinnn.training.Checkpoints.save", save, always(step=2, tree={"x": jnp.ones(2)}, meta={"b": 1})),
        Call("spinnn.training.Checkpoints.restore", saved.restore, always(template={"x": jnp.zeros(2)}, step=1)),
        Call("spinnn.training.fit", train, always(**run)),
        Call("spinnn.training.Run", train_in, always(**where), ("Diverged",)),
    ]
