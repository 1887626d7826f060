"""Verification of forecasts: metrics, regions, climatologies, spectra, maps of errors.

May import: `_audit`, `_checks`, `_conventions`, `_fields`, `_files`, `_notices`.
"""
