"""Forecast models: tasks, training windows, losses, rollouts, training, forecasts.

May import: `_checks`, `_conventions`, `_fields`, `_files`, `_notices`, `_prepare`.
"""
