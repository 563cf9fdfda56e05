"""Whether there is a line, and whether it is real."""
