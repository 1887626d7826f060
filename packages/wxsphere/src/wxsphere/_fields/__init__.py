"""Fields as arrays: channels of a spin, weights by area, poles, statistics, normalization, forcings.

May import: `_checks`, `_conventions`.
"""
