"""Networks that forecast: tasks, windows of time, losses, rollouts, training, forecasts.

May import: `_checks`, `_conventions`, `_fields`, `_files`, `_notices`, `_prepare`.
"""
