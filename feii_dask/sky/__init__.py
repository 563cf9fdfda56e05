"""Footprints on the sky, and the objects inside them."""
