"""Networks with orthogonality constraints, for the scripts `train_*.py` and two pictures of the gallery.

It needs the extra `torch`.
"""
