"""Training runs: options, run folders, training, evaluation, reports, plots.

May import: `_checks`, `_data`, `_files`, `_model`, `_molecules`, `_spheres`.
"""
