"""Layers for features of SO(3) in real irreps, entries first and channels last.

May import: `_layer_checks`.
"""
