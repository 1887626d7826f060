"""Reading and writing of datasets: formats, checksums, stores whose writing can be resumed.

May import: `_checks`, `_conventions`, `_notices`.
"""
