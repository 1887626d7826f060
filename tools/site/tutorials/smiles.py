# %% [markdown]
# # From a SMILES to a prediction
#
# A model file, a SMILES, a number with a unit. The model is trained in the first cell on a few molecules, so its numbers mean
# little; with one of your own (`molsphere train`), begin at the second.

# %% language="bash"
# molsphere demo --out demo-output --molecules 24 --geometries 4 --epochs 3 --max-buckets 1 --smiles CCO | tail -n 3

# %%
from molsphere import PropertyModel, from_smiles

model = PropertyModel.load("demo-output/model.spinnn")
print(model.units)

# %% [markdown]
# RDKit makes the geometry: hydrogens, a conformer (ETKDG), its minimum in the force field MMFF94.

# %%
ethanol = from_smiles("CCO", seed=0)
print(ethanol, ethanol.positions.shape)
print({name: round(float(value[0]), 1) for name, value in model.predict([ethanol]).items()})

# %% [markdown]
# The energy of another conformer of the same molecule, and of the mirror image, which must have the same energy.

# %%
from molsphere import Molecule

other = from_smiles("CCO", seed=3)
mirrored = Molecule(ethanol.numbers, -ethanol.positions)
energies = model.predict([ethanol, other, mirrored])["energy"]
print("mirror image differs by less than 0.01:", bool(abs(energies[0] - energies[2]) < 0.01))

# %% [markdown]
# On the command line, for a whole file with names and for several models as an ensemble:

# %% language="bash"
# printf 'CCO ethanol\nC1CC broken\nCC=O acetaldehyde\n' > some.smi
# molsphere predict some.smi --models demo-output --out predicted.csv || [ $? = 1 ]  # 1: some records were left out
# cat predicted.csv

# %% [markdown]
# Broken records are named by file and line; the rest is predicted.
