"""Files of molecules: XYZ, SDF, CSV, SMILES, NumPy archives, and QM9 with its download.

May import: `_checks`, `_molecules`.
"""
