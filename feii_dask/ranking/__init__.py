"""Candidates from outcomes: pooled p-values, grades, and the order of the objects."""
