"""The transform between maps and coefficients: its plan, rings, Legendre products, recursion, small sizes.

May import: `_arrays`, `_coefficients`, `_grids`, `_reference`.
"""
