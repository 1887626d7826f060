"""Products of fields, and the tensor products of features of SO(3) that are made of them.

May import: `_arrays`, `_coefficients`, `_convert`, `_grids`, `_transform`.
"""
