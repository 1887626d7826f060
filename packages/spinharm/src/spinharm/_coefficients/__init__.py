"""What needs coefficients alone: Wigner functions, rotations, derivatives, spectra, and winds.

May import: `_arrays`.
"""
