"""What a run is trained on: targets, scales, splits, batches, checks, the range of the training data.

May import: `_checks`, `_files`, `_molecules`.
"""
