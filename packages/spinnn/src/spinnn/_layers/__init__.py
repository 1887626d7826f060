"""Layers: convolutions, activations, norms, pooling, shortcuts, and their shared helpers.

May import: `_layer_checks`, `_entries`, `_tuning`.
"""
