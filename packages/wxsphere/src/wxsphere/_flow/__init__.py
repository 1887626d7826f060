"""Flows on the sphere, simulated: equations, initial states, time steps.

May import: `_checks`, `_conventions`, `_files`, `_notices`.
"""
