# %% [markdown]
# # Several devices
#
# A batch is divided among devices; everything else follows from that. On a machine without accelerators JAX can pretend that
# the processor is four devices, which is slow and enough to try it.

# %%
import os

os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=4"  # before JAX is imported

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, NamedSharding, PartitionSpec

import spinharm
from spinharm import Grid, SpinTransform

print(len(jax.devices()), "devices")

# %%
mesh = jax.make_mesh((4,), ("batch",), axis_types=(AxisType.Auto,))
divided = NamedSharding(mesh, PartitionSpec("batch"))

grid = Grid.gauss_legendre(16)
transform = SpinTransform(grid, bandlimit=16, spins=(0, 1))
maps = jax.random.normal(jax.random.key(0), (8, *grid.shape, 2, 3))
maps = jax.device_put(maps, divided)
coeffs = spinharm.jit(transform.forward)(maps)
print(coeffs.shape, coeffs.sharding.spec, [shard.data.shape[0] for shard in coeffs.addressable_shards])

# %% [markdown]
# The transform of a divided batch is divided in the same way, without communication. So is the output of a network, and the
# gradient of its parameters is summed over the devices by the compiler:

# %%
import equinox as eqx

from spinnn import SpinConv

conv = SpinConv((0, 1), (0, 1), 3, 4, bandlimit=16, grid_in=grid, key=jax.random.key(1))


def loss(conv, maps):
    return jnp.mean(jnp.abs(conv(maps)) ** 2)


gradient = spinharm.jit(eqx.filter_grad(loss))(conv, maps)
alone = spinharm.jit(eqx.filter_grad(loss))(conv, np.asarray(maps))
print("as on one device:", bool(jnp.allclose(gradient.weight, alone.weight, rtol=1e-4, atol=1e-6)))

# %% [markdown]
# In a training run, give `Run` the function that puts a batch on the devices, and `fit` does the rest:

# %%
from spinnn.training import Run

run = Run("run", steps_per_epoch=10, place=lambda batch: jax.device_put(batch, divided))
print(run.place is not None)
