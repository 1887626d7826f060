"""Layers: convolutions, activations, norms, pooling, shortcuts, and what they share.

May import: `_checks`, `_entries`, `_tuning`.
"""
