"""Options and help of commands, in modules that are imported without JAX and xarray: `--help` answers at once.

May import: `_choices`, `_conventions`, `_prepare`, `_scores`.
"""
