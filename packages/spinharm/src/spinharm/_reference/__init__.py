"""The algorithm of the paper, which the fast transform is compared with.

May import: `_arrays`, `_coefficients`, `_grids`.
"""
