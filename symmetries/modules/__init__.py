"""Modules of polynomial symmetries, and sums of squares."""
