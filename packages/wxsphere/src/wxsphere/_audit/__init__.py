"""Audit of datasets: times, grids, values, poles.

May import: `_checks`, `_conventions`, `_fields`, `_files`, `_notices`.
"""
