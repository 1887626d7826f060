"""Conversion of coefficients to and from ducc0, healpy, `spherical`, e3nn, s2fft, and the basis of cosines and sines.

Coefficients of this package are dense: axes (*batch, degree, order) of sizes L and 2L−1, entry (l, m) at [l, m + L −
1], zero where |m| > l; harmonics follow `docs/conventions.md`. Every function takes any number of batch axes, can be
traced, differentiated and batched, and keeps the precision of its argument. Entries with |m| > l are ignored in the
input and zero in the output.
"""

from ._coefficients.cosines import from_cosines as from_cosines, to_cosines as to_cosines
from ._convert.ducc0 import from_ducc0_spin as from_ducc0_spin, to_ducc0_spin as to_ducc0_spin
from ._convert.e3nn import from_e3nn as from_e3nn, to_e3nn as to_e3nn
from ._convert.packed import (
    from_packed as from_packed,
    from_packed_complex as from_packed_complex,
    to_packed as to_packed,
    to_packed_complex as to_packed_complex,
)
from ._convert.s2fft import from_s2fft as from_s2fft, to_s2fft as to_s2fft
