"""Grids on the sphere and quadrature over their rings.

May import: `_arrays`, `html`.
"""
