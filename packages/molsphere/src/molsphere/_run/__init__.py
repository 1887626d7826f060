"""Training and what follows: options, run folders, evaluation, reports, plots.

May import: `_checks`, `_data`, `_files`, `_model`, `_molecules`, `_spheres`.
"""
