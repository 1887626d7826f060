"""Molecules in memory: elements, distances, padded batches, datasets, augmentation.

May import: `_checks`, `_units`.
"""
