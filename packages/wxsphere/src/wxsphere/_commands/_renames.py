"""Option `--rename` of commands that read data, see `_options.renames`."""

from .._options.renames import renames as renames
