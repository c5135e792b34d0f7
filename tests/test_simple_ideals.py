"""Real forms by their characters, root systems, and how algebras act on parameters."""

from __future__ import annotations

import numpy as np
import pytest
from lie_algebras import constants_of, direct, gl, sl, so, sp, su, symplectic_form, with_translations

from manifolds import InputError
from symmetries import Affine, Loss, Polynomial, derive
from symmetries.structure.parameter_action import parameter_action
from symmetries.structure.real_forms import complex_type, real_forms
from symmetries.structure.root_system import roots_and_weights
from symmetries.structure.semisimple import simple_ideals
from symmetries.structure.structure_constants import StructureConstants


def names(letter: str, rank: int, character: int) -> set[str]:
    return {form.name for group in real_forms(letter, rank, character) for form in group}


def test_every_orthogonal_algebra_has_its_name() -> None:
    for n in range(7, 20):
        for q in range(n // 2 + 1):
            p = n - q
            character = p * q - p * (p - 1) // 2 - q * (q - 1) // 2
            letter, rank = ("B", n // 2) if n % 2 else ("D", n // 2)
            assert (f"so({p},{q})" if q else f"so({n})") in names(letter, rank, character)


def test_every_unitary_and_symplectic_algebra_has_its_name() -> None:
    for n in range(3, 14):
        for q in range(n // 2 + 1):
            p = n - q
            assert (f"su({p},{q})" if q else f"su({n})") in names("A", n - 1, 1 - (p - q) ** 2)
            character = 4 * p * q - p * (2 * p + 1) - q * (2 * q + 1)
            assert (f"sp({p},{q})" if q else f"sp({n})") in names("C", n, character)
        assert f"sp({2 * n},R)" in names("C", n, n)
        assert f"sl({n},R)" in names("A", n - 1, n - 1)


def test_shared_characters_are_told() -> None:
    assert [len(group) for group in real_forms("A", 13, -15)] == [1, 1]
    assert names("A", 13, -15) == {"su*(14)", "su(9,5)"}
    assert len(real_forms("D", 4, -4)) == 1  # so*(8) and so(6,2) are isomorphic
    assert real_forms("A", 2, 7) == ()
    assert real_forms("G", 2, 0) == ()
    assert complex_type(78, 6) == ("B", "C", "E")


@pytest.mark.parametrize(
    ("matrices", "count", "ratio"),
    [(sl(3), 6, 1.0), (so(5), 8, 2.0), (so(3, 2), 8, 2.0), (sp(3), 18, 2.0), (so(7), 18, 2.0), (su(2, 1), 6, 1.0)],
)
def test_roots(matrices: list[np.ndarray], count: int, ratio: float) -> None:
    algebra = StructureConstants.read(constants_of(matrices))
    roots, weights = roots_and_weights(algebra, matrices)
    lengths = (roots**2).sum(axis=1)
    assert len(roots) == count
    assert abs(lengths.max() / lengths.min() - ratio) < 1e-6
    assert np.allclose(roots.sum(axis=0), 0)
    assert abs(lengths.sum() - roots.shape[1]) < 1e-6  # the trace of the identity on the Cartan subalgebra
    assert len(weights) == len(matrices[0])
    # a weight minus its reflection is a multiple of the root
    integers = 2 * weights @ roots.T / lengths
    assert np.abs(integers - np.round(integers)).max() < 1e-6


def test_long_and_short_roots_tell_b_from_c() -> None:
    found = simple_ideals(StructureConstants.read(constants_of(so(7))), np.random.default_rng(0))
    other = simple_ideals(StructureConstants.read(constants_of(sp(3))), np.random.default_rng(0))
    assert found is not None
    assert other is not None
    assert (found[0].places[0].letter, other[0].places[0].letter) == ("B", "C")


def test_roots_need_a_semisimple_algebra() -> None:
    with pytest.raises(InputError, match="roots"):
        roots_and_weights(StructureConstants.read(constants_of(gl(2))))


def test_three_ideals() -> None:
    algebra = StructureConstants.read(constants_of(direct(sl(2), so(3), sl(3))))
    found = simple_ideals(algebra, np.random.default_rng(3))
    assert found is not None
    assert sorted(len(ideal.basis) for ideal in found) == [3, 3, 8]
    assert symplectic_form(1).shape == (2, 2)
    assert len(with_translations(sl(2))) == 5


def test_what_moves_together() -> None:
    loss = Loss.parse("sum((Y - U@V)**2) + t**2", {"U": (3, 2), "V": (2, 2), "t": ()}, data={"Y": (3, 2)})
    action = parameter_action(derive(loss))
    assert sorted((len(block.entries), block.copies) for block in action.blocks) == [(2, 2), (2, 3)]
    assert action.fixed == ("t",)
    assert set(action.spectra) <= {"nilpotent", "scaling"}
    assert parameter_action(derive(Loss.parse("x**2 + y**2"))).spectra == ("compact",)
    booth = derive(Loss.parse("(x + 2*y - 7)**2 + (2*x + y - 5)**2"), ansatz=Affine())
    assert parameter_action(booth).blocks[0].is_affine
    assert parameter_action(booth).spectra == ("compact",)


def test_nonlinear_fields_have_no_matrices() -> None:
    bent = derive(Loss.parse("(1 - x)**2 + 100*(y - x**2)**2"), ansatz=Polynomial(3))
    with pytest.raises(InputError, match="generator"):
        parameter_action(bent)
