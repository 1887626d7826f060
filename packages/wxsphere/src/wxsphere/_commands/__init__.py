"""The subcommands of `wxsphere`, one module each.

May import: `_audit`, `_checks`, `_conventions`, `_demo`, `_files`, `_flow`, `_maps`, `_model`,
`_notices`, `_options`, `_prepare`, `_report`, `_scores`.
"""
