"""Coefficients in the layouts of other libraries; `spinharm.convert` is the public module.

May import: `_arrays`.
"""
