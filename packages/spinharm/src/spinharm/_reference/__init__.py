"""The algorithm of the paper, for comparison with the fast transform.

May import: `_arrays`, `_coefficients`, `_grids`.
"""
