"""Fields as arrays: channels by spin, area weights, poles, statistics, normalization, forcings.

May import: `_checks`, `_choices`, `_conventions`.
"""
