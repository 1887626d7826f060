"""Transforms between maps and coefficients: plan, tuning, rings, Legendre products, recursion, dense matrices.

May import: `_arrays`, `_coefficients`, `_grids`, `_reference`, `html`.
"""
