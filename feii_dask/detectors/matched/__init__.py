"""The matched filter in velocity, with p-values from line-free windows of the same cube."""

from feii_dask.detectors.matched.matched_filter import MatchedFilter

__all__ = ["MatchedFilter"]
