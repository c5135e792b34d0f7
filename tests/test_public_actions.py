"""Every generator of the public losses integrates to a finite transformation that keeps the loss."""

from __future__ import annotations

import os

import numpy as np
import pytest
from public_losses import BY_NAME, public_algebra, public_loss

from symmetries import GroupAction, verify
from symmetries.actions.action_claims import sampled

MOVED = [name for name, record in BY_NAME.items() if record["expected_dim"]]
EXTENDED = bool(os.environ.get("SYMPORT_EXTENDED"))
"""Whether to take as many samples as the bars say."""
CONSTANTS = {"a": 1.5, "b": 0.75}
SAMPLES = 1000 if EXTENDED else 40


@pytest.mark.parametrize("name", MOVED)
def test_random_elements_keep_the_loss(name: str) -> None:
    loss = public_loss(name)
    constants = {key: CONSTANTS[key] for key in loss.constants}
    action = GroupAction.from_algebra(public_algebra(name), constants=constants)
    seen = sampled(action, samples=SAMPLES, rng=np.random.default_rng(1))
    assert seen.samples == SAMPLES
    assert seen.refused == 0
    assert seen.loss <= 1e-12
    assert seen.law <= 1e-10
    assert action.apply(action.identity, np.ones(action.space.size)) == pytest.approx(1.0, abs=1e-14)


@pytest.mark.parametrize("name", MOVED)
def test_the_generators_have_closed_forms(name: str) -> None:
    loss = public_loss(name)
    constants = {key: CONSTANTS[key] for key in loss.constants}
    action = GroupAction.from_algebra(public_algebra(name), constants=constants)
    for k in range(action.dimension if EXTENDED else min(action.dimension, 2)):
        form = action.closed_form(k)
        assert form is not None
        assert verify(loss, form, samples=2).verdict in ("proved", "measured")
