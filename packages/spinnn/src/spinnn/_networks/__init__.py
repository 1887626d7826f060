"""Blocks, networks made of them, and tables of their parameters.

May import: `_checks`, `_compact`, `_entries`, `_layers`.
"""
