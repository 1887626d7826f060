"""Preparation of training data from archives: regridding, means over time, statistics.

May import: `_audit`, `_checks`, `_choices`, `_conventions`, `_fields`, `_files`, `_notices`.
"""
