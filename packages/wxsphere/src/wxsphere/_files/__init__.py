"""Reading and writing of datasets: formats, checksums, stores that survive an interruption.

May import: `_checks`, `_conventions`, `_notices`.
"""
