"""Version of the package, read by the build and by the package itself."""

__version__ = "0.4.0"
