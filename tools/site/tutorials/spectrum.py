# %% [markdown]
# # A spectrum
#
# How much of a field is on which scale: power by degree. A scale of half a wavelength on Earth is about 20,000 km / l.

# %%
import matplotlib.pyplot as plt
import numpy as np

import spinharm
from spinharm import Grid

grid = Grid.gauss_legendre(96)  # 96×192 points, degrees 0 … 95
L = grid.max_bandlimit
rng = np.random.default_rng(1)
degree, order = np.arange(L)[:, None], np.arange(-L + 1, L)

# %% [markdown]
# A real random field whose power per degree falls as l⁻³, and noise of instruments that is the same at all points.

# %%
slope = np.where(abs(order) <= degree, 1.0, 0.0) * np.maximum(degree, 1.0) ** -2.0
coeffs = slope * (rng.standard_normal((L, 2 * L - 1)) + 1j * rng.standard_normal((L, 2 * L - 1)))
field = spinharm.inverse(coeffs.astype("complex64"), grid).real
field = np.asarray(field / field.std())
measured = field + 0.03 * rng.standard_normal(grid.shape).astype("float32")

# %%
true, noisy = (spinharm.power_spectrum(spinharm.forward(maps, grid)) for maps in (field, measured))
print(true.shape, "one number per degree")

mean_square = spinharm.power_spectrum(spinharm.forward(field, grid), normalization="mean").sum()
print(
    f"sum over degrees {float(mean_square):.4f}, mean square by quadrature "
    f"{float((grid.weights[:, None] * field**2).sum() / (4 * np.pi)):.4f}"
)

# %%
figure, axis = plt.subplots(figsize=(7, 4), layout="constrained")
axis.loglog(np.arange(1, L), true[1:], label="field")
axis.loglog(np.arange(1, L), noisy[1:], label="with noise")
axis.loglog(np.arange(2, L), float(true[2]) * (np.arange(2, L) / 2.0) ** -3.0, "k:", label=r"$l^{-3}$")
axis.set(xlabel="degree l", ylabel="power")
axis.legend()
plt.show()

# %% [markdown]
# ## Which scales can be trusted
#
# The coherence of the two fields by degree is a cross spectrum over two spectra: 1 where the noise is small.

# %%
both = spinharm.cross_spectrum(spinharm.forward(field, grid), spinharm.forward(measured, grid))
coherence = np.abs(both) / np.sqrt(true * noisy)
print("largest degree with a coherence above 0.9:", int(np.flatnonzero(coherence[1:] > 0.9).max()) + 1)

# %% [markdown]
# Cut there, the field is nearer to the truth:

# %%
smooth = spinharm.inverse(spinharm.forward(measured, grid, bandlimit=32), grid, real=True)
for name, maps in {"measured": measured, "degrees 0 … 31": smooth}.items():
    print(f"{name}: error {float(np.sqrt(np.mean((maps - field) ** 2))):.4f}")
