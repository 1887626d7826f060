"""Checks of array arguments, the cache of tables, and compilation.

May import: `checks`.
"""
