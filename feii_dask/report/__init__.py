"""The report page and the exported tables of a run."""
