"""The subcommands of `molsphere`, one module each.

May import: `_checks`, `_data`, `_demo`, `_files`, `_model`, `_molecules`, `_options`, `_run`.
"""
