"""Blocks, networks made of them, and tables of their parameters.

May import: `_layer_checks`, `_compact`, `_entries`, `_layers`.
"""
