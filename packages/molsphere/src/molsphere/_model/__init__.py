"""Networks of molecules: regressors, their heads, the model with its scales, ensembles.

May import: `_checks`, `_data`, `_interacting`, `_molecules`, `_perceptron`, `_spheres`.
"""
