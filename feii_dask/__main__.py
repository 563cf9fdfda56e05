"""``python -m feii_dask`` is ``feii-dask``."""

from feii_dask.cli import main

if __name__ == "__main__":
    main(prog_name="feii-dask")
