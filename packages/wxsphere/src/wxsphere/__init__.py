"""Global weather fields on the sphere, and forecasts from spherical networks.

This release contains only the package's name and version. There is nothing to call yet.

wxsphere will read reanalysis data, carry winds as one spin-1 field from the reader to the loss and back,
train spherical networks to forecast, roll them out, and score the forecasts with the usual area-weighted
metrics. It will build on spinnn.
"""

from wxsphere.__about__ import __version__ as __version__
