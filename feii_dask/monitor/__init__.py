"""How far a run is: statistics of its outcomes, and the displays that show them."""
