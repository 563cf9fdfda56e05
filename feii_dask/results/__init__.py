"""A run in the hand: its tables with units, its lines with their figures, spectra and cubes."""
