"""Molecules as functions on spheres, and their properties from spherical networks.

This release contains only the package's name and version. There is nothing to call yet.

molsphere will turn a molecule into one field on a sphere around each atom, and learn properties from those
fields: readers for common molecule files, the sphere representation with gradients that are finite
everywhere, invariant heads, targets with units, and a command line. It will build on spinnn.
"""

from molsphere.__about__ import __version__ as __version__
