"""Everything that knows Dask."""
