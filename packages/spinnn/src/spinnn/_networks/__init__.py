"""Residual blocks, networks made of them, and summaries of networks.

May import: `_checks`, `_compact`, `_entries`, `_layers`.
"""
