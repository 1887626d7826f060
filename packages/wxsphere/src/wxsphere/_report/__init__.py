"""Figures, maps, tables in the terminal, and the report as a page.

May import: `__about__`, `_checks`, `_conventions`.
"""
