"""Operations on coefficients: Wigner functions, rotations, derivatives, spectra; winds as spin fields.

May import: `_arrays`.
"""
