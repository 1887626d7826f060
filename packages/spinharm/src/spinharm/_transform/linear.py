"""The two linear maps, maps → coefficients and coefficients → maps, as JAX primitives that are each other's transposes.

Derivative rules belong to the primitives: forward mode is the map applied to the tangent, reverse mode is one transform
in the opposite direction with its own, transposed tables, and `vmap` joins the batch axis. Nothing is stored between
the passes. Tables are operands, so that compiled programs can take them as arguments; they are constants and have no
derivative.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir
from jax.sharding import PartitionSpec

from .._arrays import entries
from .._arrays.cache import cached_table
from . import legendre, on_the_fly, rings
from .plan import Plan


def _stage(plan: Plan):
    return legendre if plan.method == "tables" else on_the_fly


def tables(plan: Plan) -> tuple[jax.Array, ...]:
    """Device tables of a plan: those of the Fourier transform, then those of the Legendre product."""
    return _tables(plan.source)


def _fourier_tables(plan: Plan) -> int:
    """How many of the tables are those of the Fourier transform: cosines and sines of each class of orders."""
    return 2 * plan.stride


@cached_table
def _tables(plan: Plan) -> tuple[jax.Array, ...]:
    host = [table.astype(plan.dtype) for table in rings.dft_tables(plan)]
    host += _stage(plan).tables(plan)
    # Concrete arrays even while a program is being traced: the cache must not hold tracers.
    with jax.ensure_compile_time_eval():
        return tuple(jnp.asarray(table) for table in host)


def _real_dtype(plan: Plan) -> np.dtype:
    return np.dtype(plan.dtype)


def _complex_dtype(plan: Plan) -> np.dtype:
    return np.result_type(plan.dtype, np.complex64)


def _origin_phase(plan: Plan, sign: int) -> np.ndarray | None:
    if plan.grid.longitude_origin == 0.0:
        return None
    order = np.arange(-plan.bandlimit + 1, plan.bandlimit)
    phase = np.exp(1j * sign * plan.sign * order * plan.grid.longitude_origin)
    return phase[:, None, None].astype(_complex_dtype(plan))


def _mirror_sign(plan: Plan) -> np.ndarray:
    """(degree, 1, spin, 1): factor of order −m when read from southern rings first, (−1)^(l+s)."""
    if not plan.folded:
        return np.ones((1, 1, 1, 1), plan.dtype)
    exponent = np.arange(plan.bandlimit)[:, None] + np.array(plan.spins)
    return ((-1.0) ** exponent)[:, None, :, None].astype(plan.dtype)


def _alternating(plan: Plan) -> np.ndarray:
    """(order >= 0, 1, 1): (−1)^m."""
    return ((-1.0) ** np.arange(plan.bandlimit))[:, None, None].astype(plan.dtype)


def _analyse(maps: jax.Array, *tables: jax.Array, plan: Plan) -> jax.Array:
    """Maps (batch, lat, lon, spin, channel) to coefficients (batch, degree, order, spin, channel)."""
    count = _fourier_tables(plan)
    profiles = rings.to_profiles(plan, tables[:count], maps)
    parts = _stage(plan).to_degrees(plan, tables[count:], profiles)
    parts = [part.transpose(3, 2, 0, 1, 4) for part in lax.optimization_barrier(parts)]
    positive = lax.complex(parts[0], parts[1])
    if plan.real:
        negative = jnp.conj(positive) * _alternating(plan).astype(_complex_dtype(plan))
    else:
        sign = _mirror_sign(plan)
        negative = lax.complex(parts[2] * sign, parts[3] * sign)
    # A sum of padded arrays is a loop on all cores, a concatenation one on a single core.
    zeros = [((0, 0), (0, 0), orders, (0, 0), (0, 0)) for orders in ((0, plan.bandlimit), (plan.bandlimit - 1, 0))]
    coeffs = jnp.pad(jnp.flip(negative[:, :, 1:], 2), zeros[0]) + jnp.pad(positive, zeros[1])
    phase = _origin_phase(plan, -1)
    return entries.meaningful(coeffs if phase is None else coeffs * phase, -4, plan.spins)


def _synthesise(coeffs: jax.Array, *tables: jax.Array, plan: Plan) -> jax.Array:
    """Coefficients (batch, degree, order, spin, channel) to maps (batch, lat, lon, spin, channel)."""
    coeffs = entries.meaningful(coeffs, -4, plan.spins)
    phase = _origin_phase(plan, 1)
    if phase is not None:
        coeffs = coeffs * phase
    positive, negative = coeffs[:, :, plan.bandlimit - 1 :], jnp.flip(coeffs[:, :, : plan.bandlimit], 2)
    if plan.real:
        # The real part of the map: orders m and −m joined, order 0 counted once.
        sign = _alternating(plan)
        once = np.ones((plan.bandlimit, 1, 1), plan.dtype)
        once[0] = 0.5
        parts = [once * (positive.real + sign * negative.real), once * (positive.imag - sign * negative.imag)]
    else:
        sign = _mirror_sign(plan) * (np.arange(plan.bandlimit) > 0)[:, None, None].astype(plan.dtype)
        parts = [positive.real, positive.imag, negative.real * sign, negative.imag * sign]
    parts = [jnp.transpose(part, (2, 3, 1, 0, 4)) for part in parts]
    count = _fourier_tables(plan)
    profiles = _stage(plan).to_rings(plan, tables[count:], parts)
    return rings.to_maps(plan, tables[:count], profiles)


def _like(x, sizes: tuple[int, int], dtype: np.dtype):
    """The abstract value of `x` with its two middle axes and its type replaced; axes 0 and 4 stay sharded as is."""
    spec = (*x.sharding.spec, *(None,) * (5 - len(x.sharding.spec)))
    sharding = x.sharding.update(spec=PartitionSpec(spec[0], None, None, None, spec[4]))
    return x.update(shape=(x.shape[0], *sizes, *x.shape[3:]), dtype=dtype, sharding=sharding)


def _coeffs_like(x, *_, plan: Plan):
    return _like(x, (plan.bandlimit, 2 * plan.bandlimit - 1), _complex_dtype(plan))


def _maps_like(x, *_, plan: Plan):
    return _like(x, plan.grid.shape, _real_dtype(plan) if plan.real else _complex_dtype(plan))


def _define(name: str, function, abstract) -> Primitive:
    primitive = Primitive(name)
    primitive.def_impl(jax.jit(function, static_argnames="plan"))
    primitive.def_abstract_eval(abstract)
    mlir.register_lowering(primitive, mlir.lower_fun(function, multiple_results=False))

    def batch(args, dims, *, plan):
        x, *rest = args
        dim, *other = dims
        if any(d is not None for d in other):
            raise ValueError("the tables of a spherical harmonic transform cannot be mapped by `vmap`")
        x = jnp.moveaxis(x, dim, 0)
        out = primitive.bind(x.reshape(x.shape[0] * x.shape[1], *x.shape[2:]), *rest, plan=plan)
        return out.reshape(*x.shape[:2], *out.shape[1:]), 0

    batching.primitive_batchers[primitive] = batch
    return primitive


analysis_p = _define("spinharm_analysis", _analyse, _coeffs_like)
synthesis_p = _define("spinharm_synthesis", _synthesise, _maps_like)


def _derivatives(primitive: Primitive, opposite: Primitive) -> None:
    def jvp(primals, tangents, *, plan):
        x, *rest = primals
        # The tables are constants: only `x` has a tangent.
        tangent = ad.instantiate_zeros(tangents[0])
        return primitive.bind(x, *rest, plan=plan), primitive.bind(tangent, *rest, plan=plan)

    def transpose(cotangent, x, *rest, plan):
        if type(cotangent) is ad.Zero:
            return ad.Zero(x.aval), *(None for _ in rest)
        back = plan.transpose
        out = opposite.bind(cotangent, *tables(back), plan=back)
        return out, *(None for _ in rest)

    ad.primitive_jvps[primitive] = jvp
    ad.primitive_transposes[primitive] = transpose


_derivatives(analysis_p, synthesis_p)
_derivatives(synthesis_p, analysis_p)


def apply(x: jax.Array, plan: Plan) -> jax.Array:
    """Apply a plan to maps (batch, lat, lon, spin, channel) or coefficients (batch, degree, order, spin, channel)."""
    primitive = analysis_p if plan.gives_degrees else synthesis_p
    return primitive.bind(x, *tables(plan), plan=plan)
