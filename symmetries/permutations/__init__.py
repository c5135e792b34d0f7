"""Permutations and signs of the parameters."""
