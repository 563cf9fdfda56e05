"""How far a run is: figures that add up in bounded memory, and the panel that shows them."""
