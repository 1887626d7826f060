"""The command `spinharm`: demonstration, picture, input files.

May import: `_coefficients`, `_grids`, `_transform`, `checks`, `failures`, `optional`.
"""
