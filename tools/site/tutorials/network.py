# %% [markdown]
# # An equivariant network of your own
#
# The task: from a scalar field, the squared length of its gradient. Both turn with the sphere, so the network should too,
# without having seen rotated examples.

# %%
import equinox as eqx
import jax
import jax.numpy as jnp
import optax

import spinharm
from spinharm import Grid
from spinnn import PhaseCollapse, SpinConv, parameter_count
from spinnn.testing import RandomInput, equivariance_error, random_coefficients

L, grid = 6, Grid.gauss_legendre(12)  # twice the rings that degrees 0 … 5 need: room for products

# %% [markdown]
# Two convolutions and an activation between. The first convolution goes from spin 0 to spins 0 and 1: scalars and vectors.
# `PhaseCollapse` takes the modulus of vectors, which is a scalar.


# %%
class Network(eqx.Module):
    first: SpinConv
    activation: PhaseCollapse
    last: SpinConv

    def __init__(self, key):
        keys = jax.random.split(key, 3)
        self.first = SpinConv((0,), (0, 1), 1, 8, bandlimit=L, grid_in=grid, grid_out=grid, key=keys[0])
        self.activation = PhaseCollapse((0, 1), 8, key=keys[1])
        self.last = SpinConv((0, 1), (0,), 8, 1, bandlimit=2 * L - 1, grid_in=grid, grid_out=grid, key=keys[2])

    def __call__(self, maps):
        return self.last(self.activation(self.first(maps))).real


network = Network(jax.random.key(0))
print(parameter_count(network), "parameters")

# %% [markdown]
# Examples: random fields on the grid, axes (element, lat, lon, spin, channel).


# %%
def examples(key, number=32):
    coeffs = random_coefficients(key, L, (0,), 1, batch=(number,))
    x = spinharm.inverse(coeffs[..., 0, 0], grid).real
    slope = spinharm.inverse(spinharm.gradient(spinharm.forward(x, grid, bandlimit=L)), grid, spin=1)
    return x[..., None, None], (jnp.abs(slope) ** 2)[..., None, None] / 10


x, y = examples(jax.random.key(1))
print(x.shape, y.shape)

# %%
optimizer = optax.adam(1e-2)
state = optimizer.init(eqx.filter(network, eqx.is_inexact_array))


def loss(network, x, y):
    return jnp.mean(grid.weights[:, None, None, None] * (network(x) - y) ** 2) / jnp.mean(y**2)


@spinharm.jit
def step(network, state, key):
    x, y = examples(key)
    value, slope = eqx.filter_value_and_grad(loss)(network, x, y)
    updates, state = optimizer.update(slope, state)
    return eqx.apply_updates(network, updates), state, value


for number in range(301):
    network, state, value = step(network, state, jax.random.key(100 + number))
    if number % 100 == 0:
        print(f"step {number}: loss {value:.3f}")

# %% [markdown]
# ## Rotate, then compute; or compute, then rotate
#
# `equivariance_error` does both with random rotations and compares. What remains is aliasing by the modulus, which a finer
# grid makes smaller; convolutions have rounding errors alone.

# %%
error = equivariance_error(
    spinharm.jit(network),
    RandomInput(L, spins=(0,), channels=1, grid=grid, real=True),
    spins_out=(0,),
    grid_out=grid,
    bandlimit_out=2 * L - 1,
    key=jax.random.key(2),
)
print(f"{float(error):.1%} difference between the two orders")
