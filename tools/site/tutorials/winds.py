# %% [markdown]
# # Winds and vorticity
#
# A wind of the size of a real one: 121×240 points (1.5°), a jet and waves on it. Its vorticity, its divergence and its
# rotational part, without finite differences and without trouble at the poles.

# %%
import matplotlib.pyplot as plt
import numpy as np

import spinharm
from spinharm import Grid

grid = Grid.from_latlon(np.linspace(90, -90, 121), np.arange(0, 360, 1.5))
print(grid, "up to degree", grid.max_bandlimit - 1)

# %% [markdown]
# With a file: `Grid.from_latlon(dataset.latitude, dataset.longitude)`, and `u`, `v` are its variables. Here the wind is made
# from a stream function and, smaller, a velocity potential, so that the right answer is known.

# %%
L, radius = 120, 6.371e6  # [m]
rng = np.random.default_rng(0)
degree, order = np.arange(L)[:, None], np.arange(-L + 1, L)
size = np.where(abs(order) <= degree, 1.0, 0.0) / (1 + (degree / 12.0) ** 4)


def random_field(amplitude):
    """Coefficients of a real random field of large scales."""
    values = rng.standard_normal((L, 2 * L - 1)) + 1j * rng.standard_normal((L, 2 * L - 1))
    maps = spinharm.inverse((values * size).astype("complex64"), grid).real
    return spinharm.forward(amplitude * maps / maps.std(), grid)


jet = spinharm.forward(-25.0 * np.sin(np.radians(grid.latitude_deg))[:, None] ** 3 + 0 * grid.longitude, grid)
streamfunction, potential = jet + random_field(2.0), random_field(0.3)
wind = spinharm.gradient(potential) + 1j * spinharm.gradient(streamfunction)  # spin 1: a complex number per point
u, v = spinharm.spin_to_wind(spinharm.inverse(wind, grid, spin=1))  # eastward and northward [m/s]
print(f"u {u.min():.0f} … {u.max():.0f} m/s, v {v.min():.0f} … {v.max():.0f} m/s")

# %% [markdown]
# From here on only `u` and `v` are used, as if they came from a file.

# %%
coeffs = spinharm.forward(spinharm.wind_to_spin(u, v), grid, spin=1)
vorticity = spinharm.inverse(spinharm.vorticity(coeffs), grid, real=True) / radius  # [1/s]
divergence = spinharm.inverse(spinharm.divergence(coeffs), grid, real=True) / radius

expected = spinharm.inverse(spinharm.laplacian(streamfunction), grid, real=True) / radius
error = abs(vorticity - expected).max() / abs(expected).max()
print(f"vorticity up to {abs(vorticity).max():.1e} 1/s, divergence up to {abs(divergence).max():.1e} 1/s")
print("error of the vorticity below 1e-3 of its maximum:", bool(error < 1e-3))

# %%
figure, axes = plt.subplots(2, 1, figsize=(7, 7.4), layout="constrained")
west_east = np.r_[grid.longitude_deg, 360] - 0.75
north_south = np.r_[90, (grid.latitude_deg[1:] + grid.latitude_deg[:-1]) / 2, -90]
for axis, (name, field) in zip(axes, {"vorticity": vorticity, "divergence": divergence}.items()):
    largest = float(abs(field).max()) * 1e5
    colors = axis.pcolormesh(west_east, north_south, field * 1e5, cmap="RdBu_r", vmin=-largest, vmax=largest)
    axis.set(title=name, xlabel="longitude [°]", ylabel="latitude [°]")
    figure.colorbar(colors, label=r"$10^{-5}$ s$^{-1}$")
every = slice(4, None, 8)
axes[0].quiver(
    grid.longitude_deg[every], grid.latitude_deg[every], u[every, every], v[every, every], scale=900, width=0.002
)
plt.show()

# %% [markdown]
# ## Rotational and divergent part

# %%
parts = spinharm.helmholtz(coeffs)
for name in ("rotational", "divergent"):
    energy = spinharm.power_spectrum(getattr(parts, name), normalization="mean").sum() / 2
    print(f"{name}: {float(energy):.1f} m²/s² of kinetic energy")
