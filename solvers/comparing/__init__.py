"""Teleports beside their controls: the arms of a comparison and its table."""
