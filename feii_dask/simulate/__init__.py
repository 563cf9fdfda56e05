"""Skies whose truth is known."""
