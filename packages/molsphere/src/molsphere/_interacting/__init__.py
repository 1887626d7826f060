"""What a network of atoms that exchange spheres consists of: neighbors, radial functions, interactions.

May import: `_checks`, `_molecules`, `_perceptron`, `_spheres`.
"""
