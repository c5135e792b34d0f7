"""The picture of the symmetries of a network."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from module_symmetry_cases import ACTIVATIONS, by_hand, dense  # noqa: E402

from symport.module_plots import plot_module_symmetry  # noqa: E402


@pytest.mark.parametrize("kind", sorted(ACTIVATIONS))
def test_spaces_and_tensors_are_drawn_and_named(kind):
    net = dense((4, 6, 5, 3), ACTIVATIONS[kind])
    symmetry = by_hand(net, (4, 6, 5, 3), kind)
    axes = plot_module_symmetry(symmetry)
    words = [text.get_text() for text in axes.texts]
    assert set(words) == {space.group for space in symmetry.spaces} | set(symmetry.tensor_names)
    legs = {(space.name, leg.tensor) for space in symmetry.spaces for one in space.components for leg in one.legs}
    assert len(axes.lines) == len(legs)


def test_spaces_over_common_tensors_stand_at_different_heights():
    net = dense((4, 6, 5, 3), ACTIVATIONS["scalings"])
    axes = plot_module_symmetry(by_hand(net, (4, 6, 5, 3), "scalings"), labels=False)
    heights = {round(float(line.get_ydata()[1]), 6) for line in axes.lines}
    assert len(heights) == 2
    assert not axes.texts
