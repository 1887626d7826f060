"""Figures, maps, tables on the terminal, and the HTML report.

May import: `__about__`, `_checks`, `_conventions`, `_maps`.
"""
