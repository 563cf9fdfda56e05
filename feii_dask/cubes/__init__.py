"""Spectral cubes read plane by plane: storage, headers, wavelengths, and the lines to look for."""
