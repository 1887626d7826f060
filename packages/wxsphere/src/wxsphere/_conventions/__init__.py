"""Names, units, axes and grids of atmospheric data, and the one form that all others are brought into.

May import: `_notices`.
"""
