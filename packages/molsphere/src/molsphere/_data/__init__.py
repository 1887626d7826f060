"""Training data: targets, scaling, splits, batches, checks, the range of the training data.

May import: `_checks`, `_files`, `_molecules`.
"""
