"""Optimizers as specs, by families; what :mod:`solvers.rules` has already is adapted from there."""
