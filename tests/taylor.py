"""Remainders of Taylor series as a check of gradients."""

from __future__ import annotations

import numpy as np


def taylor_slope(target, objective, w, *, seed=0, largest=1e-2):
    """Slope of log|T(w + tv) - T(w) - t T'v| against log t along a random unit v, which is 2 for the right gradient."""
    direction = np.random.default_rng(seed).standard_normal(len(w))
    direction /= np.linalg.norm(direction)
    value, gradient = target.value_and_grad(objective, w)
    np.testing.assert_allclose(value, target.value(objective, w), rtol=1e-12)
    times = np.geomspace(largest / 100, largest, 6)
    rest = [abs(target.value(objective, w + t * direction) - value - t * float(gradient @ direction)) for t in times]
    return np.polyfit(np.log(times), np.log(rest), 1)[0]
