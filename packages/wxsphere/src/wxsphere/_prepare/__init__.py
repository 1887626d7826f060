"""From archives to stores that are trained on: regridding, means over time, statistics.

May import: `_audit`, `_checks`, `_conventions`, `_fields`, `_files`, `_notices`.
"""
