"""Symmetries of PyTorch modules: the hidden spaces of a network, the groups that act on them, and their elements."""
