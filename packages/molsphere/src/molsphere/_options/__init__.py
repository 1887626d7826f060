"""Options and help of commands, in modules that are imported without JAX: `--help` answers at once.

May import: `_checks`, `_units`.
"""
