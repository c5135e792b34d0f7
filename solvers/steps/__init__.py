"""Optimizer rules and what they are made of: moments, momenta, curvature, step sizes."""
