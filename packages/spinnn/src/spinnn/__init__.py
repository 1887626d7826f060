"""Spin-weighted spherical neural networks: Equinox layers, blocks and backbones.

This release contains only the package's name and version. There is nothing to call yet.

spinnn will hold Equinox layers for fields on the sphere that turn with the sphere: spectral spin-weighted
convolutions, gated and phase-collapse activations, batch norms that know about spin, residual and U-net
blocks, and a public test helper that measures how equivariant a layer is. It will build on spinharm.
"""

from spinnn.__about__ import __version__ as __version__
