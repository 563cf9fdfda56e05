"""What the light says: cubes, their wavelengths, and the lines to look for."""
