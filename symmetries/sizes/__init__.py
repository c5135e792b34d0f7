"""Symmetries of families of losses whose sizes are names."""
