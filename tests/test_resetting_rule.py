"""Resetting rules: between resets they are the inner rule, from each reset on a fresh one."""

from __future__ import annotations

import numpy as np
import pytest

from manifolds.errors import InputError
from solvers.rules import AdaGrad, Adam, HeavyBall
from solvers.steps.resetting_rule import ResettingRule


def moves(rule, gradients, rate=0.1):
    state, found = rule.start(gradients[0]), []
    for count, gradient in enumerate(gradients, start=1):
        move, state = rule.step(gradient, state, count=count, rate=rate, point=gradient * 0)
        found.append(move)
    return np.array(found)


@pytest.mark.parametrize("rule", [HeavyBall(), AdaGrad(), Adam()], ids=repr)
def test_each_piece_is_a_fresh_run(rule):
    gradients = np.random.default_rng(0).standard_normal((9, 3))
    pieces = [moves(rule, gradients[a:b]) for a, b in ((0, 4), (4, 5), (5, 9))]
    assert (moves(ResettingRule(rule=rule, resets=(4, 5)), gradients) == np.concatenate(pieces)).all()
    assert (moves(ResettingRule(rule=rule), gradients) == moves(rule, gradients)).all()
    assert (moves(rule, gradients)[4:] != np.concatenate(pieces)[4:]).any()


@pytest.mark.parametrize("options", [{"rule": "adam"}, {"resets": (1.5,)}, {"resets": ("a",)}, {"resets": (-1,)}])
def test_what_cannot_be_reset(options):
    with pytest.raises(InputError):
        ResettingRule(**options)
