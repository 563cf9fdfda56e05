"""Where things are: footprints, and what lies inside them."""
