"""Progress of a run: statistics of its outcomes, and the displays that show them."""
