"""The command `spinharm`: its demonstration, pictures, files of maps.

May import: `_coefficients`, `_grids`, `_transform`, `failures`, `optional`.
"""
