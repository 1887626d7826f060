"""Grids of points on the sphere and how to integrate over their rings.

May import: `_arrays`.
"""
