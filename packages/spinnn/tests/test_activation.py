import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from spinnn import GatedActivation, MagnitudeActivation, PhaseCollapse, ProductActivation, S2Activation

SPINS = (0, 1, -2)
MAKERS = {
    "phase_collapse": lambda spins, channels: PhaseCollapse(spins, channels, key=jax.random.key(0)),
    "magnitude": lambda spins, channels: MagnitudeActivation(spins, channels),
    "gated": lambda spins, channels: GatedActivation(spins, channels, key=jax.random.key(0)),
    "s2": lambda spins, channels: S2Activation(spins, channels, key=jax.random.key(0)),
    # On the grid of the maps below.
    "product": lambda spins, channels: ProductActivation(spins, channels, bandlimit=4, key=jax.random.key(0)),
}
every = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)


def random_maps(rng, channels=4, shape=(2, 5, 10)):
    x = rng.normal(size=(*shape, len(SPINS), channels)) + 1j * rng.normal(size=(*shape, len(SPINS), channels))
    return jnp.asarray(x.astype(np.complex64))


@every
def test_commutes_with_a_turn_of_the_local_frame(rng, make):
    """Under a turn by ψ at a point a spin-s value is multiplied by e^{isψ}, which is all that a rotation does there."""
    layer, x = make(SPINS, 4), random_maps(rng)
    angle = rng.uniform(0, 2 * np.pi, (2, 5, 10, 1, 1))
    turn = jnp.asarray(np.exp(1j * np.array(SPINS)[:, None] * angle).astype(np.complex64))
    run = eqx.filter_jit(layer)
    np.testing.assert_allclose(run(x * turn), run(x) * turn, atol=1e-5)


@every
def test_gradients_are_finite_at_zero(make):
    layer = make(SPINS, 2)
    gradient = jax.jit(jax.grad(lambda x: jnp.sum(jnp.abs(layer(x) - 1) ** 2)))(jnp.zeros((5, 10, 3, 2), jnp.complex64))
    assert jnp.all(jnp.isfinite(gradient))


@every
def test_real_maps_are_complex_maps(rng, make):
    layer, x = make(SPINS, 4), random_maps(rng).real
    np.testing.assert_array_equal(layer(x), layer(x.astype(jnp.complex64)))


@every
def test_spin_axis_order_does_not_matter(rng, make):
    if make is MAKERS["magnitude"]:
        layer, other = make(SPINS, 4), make(SPINS[::-1], 4)
        x = random_maps(rng)
        np.testing.assert_array_equal(other(x[..., ::-1, :])[..., ::-1, :], layer(x))
    else:
        layer = make((1, 0), 4)
        x = random_maps(rng)[..., :2, :]
        changed = layer(x)[..., 1, :]
        # The scalars are at index 1: they depend on the other spin or gate themselves.
        assert not np.allclose(changed, x[..., 1, :])


def test_phase_collapse_is_its_formula_and_leaves_other_spins(rng):
    layer, x = PhaseCollapse(SPINS, 4, key=jax.random.key(0)), random_maps(rng)
    w1, w2 = (np.array([1, 1j]) @ np.asarray(w).reshape(2, -1) for w in (layer.scalar_weight, layer.modulus_weight))
    w1, w2 = w1.reshape(4, 4), w2.reshape(12, 4)
    out, x = np.asarray(layer(x)), np.asarray(x)
    expected = x[..., 0, :] @ w1 + np.abs(x).reshape(*x.shape[:-2], -1) @ w2
    np.testing.assert_allclose(out[..., 0, :], expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(out[..., 1:, :], x[..., 1:, :])


def test_magnitude_thresholds_the_modulus(rng):
    layer, x = MagnitudeActivation(SPINS, 4, initial_bias=-0.7), random_maps(rng)
    np.testing.assert_allclose(MagnitudeActivation(SPINS, 4, initial_bias=0.0)(x), x, rtol=1e-5)
    out, x = np.asarray(layer(x)), np.asarray(x)
    np.testing.assert_allclose(np.abs(out), np.maximum(np.abs(x) - 0.7, 0), atol=1e-6)
    kept = np.abs(x) > 0.71
    np.testing.assert_allclose(np.angle(out[kept]), np.angle(x[kept]), atol=1e-3)


def test_gates_lie_between_zero_and_one(rng):
    layer, x = GatedActivation(SPINS, 4, key=jax.random.key(0)), random_maps(rng)
    ratio = np.asarray(layer(x)) / np.asarray(x)
    assert np.all(np.abs(ratio.imag) < 1e-5)
    assert np.all((ratio.real > 0) & (ratio.real < 1))


def test_swiglu_is_its_formula(rng):
    layer, x = S2Activation((0, 1), 4, key=jax.random.key(0)), random_maps(rng)[..., :2, :]
    inputs = np.concatenate([x[..., 0, :].real, x[..., 0, :].imag], -1)
    gates = (inputs @ np.asarray(layer.gate_weight)).reshape(x.shape)
    real, imaginary = np.asarray(layer.value_weight)
    values = np.einsum("...sc,scd->...sd", x, real + 1j * imaginary)
    np.testing.assert_allclose(layer(x), gates / (1 + np.exp(-gates)) * values, rtol=1e-3, atol=1e-4)


NEED_SCALARS = ["phase_collapse", "gated", "s2", "product"]


@pytest.mark.parametrize("make", [MAKERS[name] for name in NEED_SCALARS], ids=NEED_SCALARS)
def test_spin_0_must_be_there(make):
    with pytest.raises(ValueError, match=r"`spins` of \w+ must contain 0, got \(1, 2\)"):
        make((1, 2), 3)


@every
def test_wrong_axes(make):
    with pytest.raises(ValueError, match=r"of sizes \(3, 4\) for spins \(0, 1, -2\).*got shape \(2, 2, 3, 5\)"):
        make(SPINS, 4)(jnp.zeros((2, 2, 3, 5), jnp.complex64))
