"""Networks of molecules: regressors, their heads, the model with its scales, ensembles.

May import: `_checks`, `_data`, `_molecules`, `_spheres`.
"""
