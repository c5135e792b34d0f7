"""Symmetries of large networks by moment matrices."""
