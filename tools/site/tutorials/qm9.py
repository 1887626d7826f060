# %% [markdown]
# # QM9 in miniature
#
# The steps of a run on QM9, with sixty small molecules made here instead of 130,831 downloaded ones. With QM9, the file of
# the second cell is `data/qm9.npz` from `molsphere qm9 fetch --out data --npz`, and nothing else changes but the sizes.

# %%
import matplotlib.pyplot as plt
import numpy as np

from molsphere import InteractingConfig, TrainOptions, from_smiles, read_run_data, run_training
from spinnn.training import OptimizerConfig, TrainingConfig

chains = ["C" * n + end for n in range(1, 6) for end in ("C", "O", "N", "F", "=O", "C#N")]
branched = [f"CC({end})C{more}" for end in ("C", "O", "N", "F", "=O") for more in ("", "C", "O", "N", "F", "CO")]
molecules = [from_smiles(smiles, seed=0) for smiles in dict.fromkeys(chains + branched)]
print(len(molecules), "molecules,", molecules[7])

# %% [markdown]
# Any extended XYZ will do: the column `energy` is what is learned, here the energy of the force field MMFF94.

# %%
with open("small.extxyz", "w") as file:
    for one in molecules:
        file.write(f"{len(one)}\nProperties=species:S:1:pos:R:3 energy={one.properties['mmff94_energy']}\n")
        for number, position in zip(one.numbers, one.positions):
            symbol = {1: "H", 6: "C", 7: "N", 8: "O", 9: "F"}[int(number)]
            file.write(f"{symbol} {position[0]:.6f} {position[1]:.6f} {position[2]:.6f}\n")

# %% [markdown]
# A small network of spheres that interact. Composition is fitted linearly first; the network learns what is left.

# %%
options = TrainOptions(
    data="small.extxyz",
    targets=("energy",),
    units=("kcal/mol",),
    sizes=(44, 6, 6),
    out="run",
    network=InteractingConfig(channels=16, max_degree=1),
    training=TrainingConfig(epochs=20, optimizer=OptimizerConfig(learning_rate=3e-3), checkpoint_every=1000),
    batch_size=8,
    max_buckets=1,
    augmentation=False,
    plots=False,
)
data = read_run_data(options.data, options.targets, units=options.units)
model, evaluation = run_training(options, data, options.make_splits(len(data.molecules)), progress=False)
print(evaluation)

# %%
true, predicted = (
    data.values["energy"],
    model.predict([data.molecules[i] for i in range(len(data.molecules))])["energy"],
)
figure, axis = plt.subplots(figsize=(5, 5), layout="constrained")
axis.axline((0, 0), slope=1, color="gray", linewidth=0.8)
axis.plot(true, predicted, ".")
axis.set(xlabel="MMFF94 [kcal/mol]", ylabel="predicted [kcal/mol]", aspect="equal")
plt.show()
print("correlation", round(float(np.corrcoef(true, predicted)[0, 1]), 2))
