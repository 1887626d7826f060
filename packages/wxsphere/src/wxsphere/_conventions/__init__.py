"""Names, units, axes and grids of atmospheric data, and their conversion to one layout.

May import: `_checks`, `_notices`.
"""
