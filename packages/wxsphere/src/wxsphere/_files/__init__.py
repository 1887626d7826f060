"""Datasets in files and archives: opened, sealed with checksums, written so that a kill loses nothing.

May import: `_checks`, `_conventions`, `_notices`.
"""
