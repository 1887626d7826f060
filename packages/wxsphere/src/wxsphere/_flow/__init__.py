"""Simulation of flow on the sphere: equations, initial states, time stepping.

May import: `_checks`, `_conventions`, `_files`, `_notices`.
"""
