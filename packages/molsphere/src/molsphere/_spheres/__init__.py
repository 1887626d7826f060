"""Molecules as functions on spheres around their atoms: sums of Coulomb powers and Gaussians.

May import: `_checks`, `_molecules`.
"""
