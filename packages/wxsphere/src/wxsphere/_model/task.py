"""Task of a forecast model: fields and times of its inputs and outputs."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Inexact

from spinharm import Grid

from .. import _checks
from .._fields.fields import Channel, FieldLayout
from .._fields.forcings import FORCINGS


@dataclasses.dataclass(frozen=True)
class ForecastTask:
    """Forecast task: which fields at which times are predicted from which.

    Attributes:
        inputs: Input fields, at each of `offsets`.
        outputs: Output fields, at each of `leads`.
        grid: Grid of all fields.
        offsets: Times of the inputs relative to the initial time [hours], ascending, the last 0.
        leads: Lead times of the outputs [hours], ascending, above 0.
        constants: Names of input fields without time.
        forcings: Names in `FORCINGS` of input forcings, at the initial time.
        residual: Outputs of the network are changes since the initial time, in units of the typical change.

    Raises:
        TypeError: An attribute has the wrong type.
        ValueError: Hours do not ascend or have the wrong sign, a forcing is unknown, or residual outputs are not among
            the inputs.

    Examples:
        >>> import jax.numpy as jnp
        >>> from spinharm import Grid
        >>> from wxsphere import Channel, FieldLayout, ForecastTask
        >>> fields = FieldLayout((Channel(("2m_temperature",)),))
        >>> task = ForecastTask(fields, fields, Grid.gauss_legendre(4), offsets=(-6.0, 0.0), forcings=("sine_of_day",))
        >>> task.step.astype("timedelta64[h]"), task.can_repeat
        (np.timedelta64(6,'h'), True)
        >>> task.check_steps(40)
        >>> for channel in task.network_inputs.scalars:
        ...     print(channel)
        2m_temperature[-6h]
        2m_temperature[+0h]
        sine_of_day
        >>> window = jnp.zeros((1, 2, 4, 8, 1, 1))
        >>> x = task.join(window, jnp.zeros((1, 4, 8, 1)))
        >>> x.shape, task.now(window).shape
        ((1, 4, 8, 1, 3), (1, 1, 4, 8, 1, 1))
        >>> output = x[..., : task.network_outputs.channels]
        >>> task.split(output).shape
        (1, 1, 4, 8, 1, 1)
    """

    inputs: FieldLayout
    outputs: FieldLayout
    grid: Grid
    offsets: tuple[float, ...] = (0.0,)
    leads: tuple[float, ...] = (6.0,)
    constants: tuple[str, ...] = ()
    forcings: tuple[str, ...] = ()
    residual: bool = True

    def __post_init__(self) -> None:
        for name in ("inputs", "outputs"):
            _checks.instance(name, getattr(self, name), FieldLayout, "a wxsphere.FieldLayout")
        _checks.grid("grid", self.grid)
        _checks.flag("residual", self.residual)
        for name in ("constants", "forcings"):
            object.__setattr__(self, name, tuple(_checks.names(name, getattr(self, name))))
        for one in self.forcings:
            _checks.option("forcings", one, tuple(FORCINGS))
        for name in ("offsets", "leads"):
            hours = _checks.numbers(name, getattr(self, name), above=-_checks.MOST_HOURS, below=_checks.MOST_HOURS)
            if not hours or tuple(sorted(set(hours))) != hours:
                raise ValueError(f"`{name}` must be hours in ascending order, at least one, got {getattr(self, name)}")
            object.__setattr__(self, name, hours)
        if self.offsets[-1] != 0:
            raise ValueError(f"`offsets` must end with 0, the initial time, got {self.offsets}")
        if hours_of(self.leads[0]) <= np.timedelta64(0):
            raise ValueError(f"`leads` must be above 0, got {self.leads}")
        if self.residual:
            missing = [c for c in self.outputs.scalars if c not in self.inputs.scalars]
            missing += [c for c in self.outputs.winds if c not in self.inputs.winds]
            if missing or (self.outputs.winds and self.outputs.wind_spin != self.inputs.wind_spin):
                first = missing[0] if missing else "a wind of the other spin"
                raise ValueError(
                    f"`residual` needs outputs that are also inputs, got the output {first}, which is not an input; "
                    f"add it to the inputs, or set residual=False (--no-residual)"
                )

    @property
    def step(self) -> np.timedelta64:
        """The first lead time."""
        return hours_of(self.leads[0])

    @property
    def can_repeat(self) -> bool:
        """Whether the outputs can be the inputs of the next step."""
        step = self.leads[0]
        steady = self.offsets == tuple(-step * k for k in reversed(range(len(self.offsets))))
        return self.inputs == self.outputs and len(self.leads) == 1 and steady

    def check_steps(self, steps: int) -> None:
        """Check that the task can be iterated for a number of steps.

        Raises:
            TypeError: `steps` is not an integer.
            ValueError: `steps` is below 1, or above 1 for a task whose outputs cannot be its inputs.
        """
        _checks.integer("steps", steps, 1)
        if steps > 1 and not self.can_repeat:
            raise ValueError(
                f"{steps} steps need a model whose outputs are its inputs, with one lead time and offsets that are "
                f"its multiples; this one has offsets {self.offsets} and leads {self.leads} h, inputs "
                f"{', '.join(self.inputs.variables)} and outputs {', '.join(self.outputs.variables)}"
            )

    @property
    def network_inputs(self) -> FieldLayout:
        """Channels of the network's input: those of each offset in order, then constants and forcings."""
        extra = tuple(Channel((name,)) for name in (*self.constants, *self.forcings))
        return _repeated(self.inputs, self.offsets, extra)

    @property
    def network_outputs(self) -> FieldLayout:
        """Channels of the network's output: those of each lead time in order."""
        return _repeated(self.outputs, self.leads, ())

    def join(
        self,
        window: Inexact[Array, "*batch offset lat lon spin channel"],
        extra: Float[Array, "*batch lat lon extra"],
    ) -> Inexact[Array, "*batch lat lon spin2 channel2"]:
        """Join normalised states, constants and forcings to the network's input.

        Raises:
            TypeError: An argument is not an array of numbers.
            ValueError: An array has another shape than the task needs.
        """
        self._check_window(window)
        _checks.array("extra", extra, real=True)
        wanted = (*window.shape[:-5], *self.grid.shape, len(self.constants) + len(self.forcings))
        if extra.shape != wanted:
            raise ValueError(
                f"`extra` must have axes (*batch, lat, lon, extra) with sizes {wanted}, got shape {extra.shape}"
            )
        layout, count = self.inputs, len(self.offsets)
        times = [window[..., at, :, :, :, :] for at in range(count)]
        scalars = [time[..., 0, : len(layout.scalars)].real for time in times if layout.scalars]
        if extra.shape[-1]:
            scalars.append(extra)
        winds = [time[..., -1, : len(layout.winds)] for time in times if layout.winds]
        return _stacked(scalars, winds, self.network_inputs.channels)

    def split(
        self, output: Inexact[Array, "*batch lat lon spin2 channel2"]
    ) -> Inexact[Array, "*batch lead lat lon spin channel"]:
        """Split the network's output into the states of each lead time.

        Raises:
            TypeError: `output` is not an array of numbers.
            ValueError: `output` has another shape than the task needs.
        """
        made = self.network_outputs
        _checks.ends("output", output, "lat, lon, spin, channel", (*self.grid.shape, len(made.spins), made.channels))
        layout, times = self.outputs, []
        for at in range(len(self.leads)):
            count = len(layout.scalars)
            scalars = [output[..., 0, at * count : (at + 1) * count].real] if count else []
            count = len(layout.winds)
            winds = [output[..., -1, at * count : (at + 1) * count]] if count else []
            times.append(_stacked(scalars, winds, layout.channels))
        return jnp.stack(times, -5)

    def now(
        self, window: Inexact[Array, "*batch offset lat lon spin channel"]
    ) -> Inexact[Array, "*batch 1 lat lon spin2 channel2"]:
        """Output channels of the inputs at the initial time.

        Raises:
            TypeError: `window` is not an array of numbers.
            ValueError: `window` has another shape than the task needs, or an output is not an input.
        """
        self._check_window(window)
        lacking = [c for c in self.outputs.scalars if c not in self.inputs.scalars]
        lacking += [c for c in self.outputs.winds if c not in self.inputs.winds]
        if lacking:
            raise ValueError(f"`window` must hold all outputs, but the output {lacking[0]} is not an input")
        last = window[..., -1:, :, :, :, :]
        if self.inputs == self.outputs:
            return last
        scalars = [self.inputs.scalars.index(channel) for channel in self.outputs.scalars]
        winds = [self.inputs.winds.index(channel) for channel in self.outputs.winds]
        return _stacked(
            [last[..., 0, np.array(scalars)].real] if scalars else [],
            [last[..., -1, np.array(winds)]] if winds else [],
            self.outputs.channels,
        )

    def _check_window(self, window: Array) -> None:
        layout = self.inputs
        sizes = (len(self.offsets), *self.grid.shape, len(layout.spins), layout.channels)
        _checks.ends("window", window, "offset, lat, lon, spin, channel", sizes)
        if layout.winds and not jnp.iscomplexobj(window):
            raise TypeError(f"`window` must be complex, since the inputs have winds, got dtype {window.dtype}")


def hours_of(value: float) -> np.timedelta64:
    """Convert hours to `timedelta64`, to the second."""
    return np.timedelta64(round(value * 3600), "s").astype("timedelta64[ns]")


def _repeated(layout: FieldLayout, hours: tuple[float, ...], extra: tuple[Channel, ...]) -> FieldLayout:
    def at(channel: Channel, hour: float) -> Channel:
        return Channel(tuple(f"{name}[{hour:+g}h]" for name in channel.names), channel.level)

    scalars = tuple(at(channel, hour) for hour in hours for channel in layout.scalars)
    winds = tuple(at(channel, hour) for hour in hours for channel in layout.winds)
    return FieldLayout(scalars + extra, winds, layout.wind_spin)


def _stacked(scalars: list[jax.Array], winds: list[jax.Array], channels: int) -> jax.Array:
    """Stack lists of channels to one array with a spin axis, padded with zeros."""
    rows = [jnp.concatenate(parts, -1) for parts in (scalars, winds) if parts]
    kind = rows[-1].dtype if winds else rows[0].dtype
    padded = [jnp.pad(row.astype(kind), [(0, 0)] * (row.ndim - 1) + [(0, channels - row.shape[-1])]) for row in rows]
    return jnp.stack(padded, -2)
