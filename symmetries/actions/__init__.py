"""Finite actions of groups on parameters, and the geometry of their orbits."""
