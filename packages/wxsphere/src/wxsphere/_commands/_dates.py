"""Dates on the command line, see `_options.dates`."""

from .._options.dates import dates as dates
