"""Find extended [Fe II] emission in spectral cubes of young stellar objects, with Dask."""

__version__ = "0.1.0.dev0"
