"""Certificates of group actions: proved where the fields are, refuted where the action is wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from manifolds import GeneralLinear, InputError
from symmetries import GroupAction, Loss, Polynomial, derive, verify
from symmetries.actions.action_claims import sampled
from symmetries.actions.catalogued_actions import MAKERS
from symmetries.actions.layer_action import Factor, LayerAction, Sides
from symmetries.ansatz import read_ansatz
from symmetries.catalog import CatalogEntry, catalog

MOVED = [entry for entry in catalog() if entry.dimension]
MEASURED = {"odd-network", "elementwise-network", "mlp-data"}


@pytest.mark.parametrize("name", MAKERS)
def test_catalogued_actions(name: str) -> None:
    action = GroupAction.catalogued(name)
    certificate = verify(action.loss, action, samples=24)
    assert certificate.verdict == ("measured" if name in MEASURED else "proved")


@pytest.mark.parametrize("entry", MOVED, ids=lambda entry: entry.name)
def test_every_derived_algebra_of_the_catalogue_acts(entry: CatalogEntry) -> None:
    algebra = derive(entry.loss, ansatz=read_ansatz(entry.ansatz))
    constants = {name: 1.5 + k for k, name in enumerate(entry.loss.constants)}
    action = GroupAction.from_algebra(algebra, constants=constants)
    seen = sampled(action, samples=10, rng=np.random.default_rng(0))
    assert seen.samples == 10
    assert seen.loss <= 1e-12
    assert seen.law <= 1e-10


def wrong(sides: dict[str, Sides]) -> LayerAction:
    """An action of GL(2) on a factorisation."""
    loss = Loss.parse("sum((Y - U@V)**2)", {"U": (2, 2), "V": (2, 2)}, data={"Y": (2, 2)})
    return LayerAction(loss, spaces={"k": GeneralLinear(2)}, sides=sides)


def test_an_action_that_changes_the_loss_is_refuted() -> None:
    action = wrong({"U": Sides(right=Factor("k")), "V": Sides(left=Factor("k"))})
    certificate = verify(action.loss, action, samples=8)
    assert certificate.verdict == "refuted"
    finite = next(claim for claim in certificate.claims if claim.statement == "L(g.w) = L(w)")
    assert finite.evidence["counterexample"]["w"]


def test_a_right_action_is_no_left_action() -> None:
    action = wrong({"U": Sides(right=Factor("k")), "V": Sides(left=Factor("k", "g^-1"))})
    certificate = verify(action.loss, action, samples=8)
    law = certificate.claims[-1]
    assert (law.statement[:9], law.verdict) == ("e.w = w, ", "refuted")


def test_an_action_of_another_loss_is_refused() -> None:
    action = GroupAction.catalogued("low-rank")
    with pytest.raises(InputError, match="made for another loss"):
        verify(Loss.parse("x**2"), action)


def test_a_numeric_flow_is_measured_and_stays_on_its_level() -> None:
    loss = Loss.parse("(x**2 + y - 11)**2 + (x + y**2 - 7)**2")
    certificate = verify(loss, GroupAction.from_algebra(derive(loss, ansatz=Polynomial(3))), samples=8)
    finite, law = certificate.claims[-2:]
    assert (finite.verdict, law.verdict) == ("measured", "measured")
    assert finite.evidence["worst_residual"] <= 1e-12


def test_the_closed_form_agrees_with_the_matrices() -> None:
    loss = Loss.parse("100*(x**2 - y)**2 + (x - 1)**2")
    action: Any = GroupAction.from_algebra(derive(loss, ansatz=Polynomial(3)))
    form = action.closed_form(0)
    assert verify(loss, form).verdict == "proved"
    from symmetries.compiled import Tape
    from symmetries.formula import read_formula

    values = {"x": np.asarray(-1.0), "y": np.asarray(-1.0), "t": np.asarray(0.3)}
    moved = action.apply(0.3, [-1.0, -1.0])
    shapes: dict[str, tuple[int, ...]] = dict.fromkeys(values, ())
    written = [float(Tape(read_formula(text, shapes), ()).values(values)[-1]) for text in form.components.values()]
    assert moved == pytest.approx(written, rel=1e-12)
