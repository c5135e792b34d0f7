"""The conformance suite of spaces: it passes all spaces of the library, and catches each of many wrong ones."""

import pickle
from typing import final

import numpy as np
import pytest
from space_table import ALL

from manifolds.array_api import converted, namespace
from manifolds.checks import batch_shape, generator
from manifolds.homogeneous import Homogeneous
from manifolds.space import Space
from manifolds.space_products import Product
from manifolds.spaces import Grassmann, Stiefel, SymplecticStiefel
from manifolds.testing import ConformanceError, SpaceReport, check_space
from manifolds.vector_spaces import Euclidean


@pytest.mark.parametrize("space", ALL, ids=repr)
@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_every_space_holds_its_laws(space, library):
    report = check_space(space, namespace=pytest.importorskip(library))
    assert isinstance(report, SpaceReport)
    assert report.worst_residual <= 1e-10


def broken(laws, **methods):
    """A row of the table below: a Stiefel manifold with other methods, and the laws that have to catch it."""
    name = next(iter(methods))
    return pytest.param(laws, type("Wrong", (Stiefel,), methods), id=f"{name}-{laws}")


def _lift(change):
    def lift(self, context, G, *, check=True):
        return change(self, Homogeneous.lift(self, context, G, check=check), context, G)

    return lift


def _retract(change):
    def retract(self, context, W, *, check=True):
        return change(self, Homogeneous.retract(self, context, W, check=check), context, W)

    return retract


def _head(space, D, factor):
    D[..., : space.n, :] *= factor
    return D


def _written(space, D, context, G):
    G[..., 0, 0] = 0
    return D


def _counted(space, Y, context, W):
    space.calls = getattr(space, "calls", 0) + 1
    return Y + 1e-14 * space.calls


def _unstable(self, rng, batch=(), *, like=None, scale=1.0):
    return Homogeneous.random(self, np.random.default_rng(), batch, like=like)


def _same(self, rng, batch=(), *, like=None, scale=1.0):
    return Homogeneous.random(self, 0, batch, like=like)


def _off(self, rng, batch=(), *, like=None, scale=1.0):
    return 1.1 * Homogeneous.random(self, rng, batch, like=like)


def _flat(self, rng, batch=(), *, like=None):
    D = Homogeneous.random_coordinates(self, rng, batch, like=like)
    D[..., : self.n, :] = 0
    return D


def _crooked(self, D1, D2):
    return Homogeneous.inner(self, D1, D2) + 0.1 * D1[..., 0, 1] * D2[..., -1, 0]


def _advanced(self, context, W):
    return Homogeneous.retract(self, context, 1.01 * W), None


class _Reflected:
    """A section followed by a change of sign."""

    def __init__(self, section):
        self.section = section

    def apply(self, V):
        return -self.section.apply(V)

    def solve(self, X):
        return -self.section.solve(X)

    def pull_back(self, G):
        return -self.section.pull_back(G)


def _turned(self, Y, *, carried=None, check=True):
    context = Homogeneous.section(self, Y)
    return type(context)(_Reflected(context.section), Y)


def _first_only(space, Y, context, W):
    if Y.ndim == 3:
        Y[1:] = Y[:1]
    return Y


WRONG = [
    broken("gradient", lift=_lift(lambda s, D, c, G: _head(s, D, 0.5))),
    broken("gradient", lift=_lift(lambda s, D, c, G: _head(s, D, 2.0))),
    broken("gradient", lift=_lift(lambda s, D, c, G: 2 * D)),
    broken("gradient", lift=_lift(lambda s, D, c, G: c.section.pull_back(G))),
    broken("gradient", lift=_lift(lambda s, D, c, G: -D)),
    broken("repeatable", lift=_lift(_written)),
    broken("retraction", retract=_retract(lambda s, Y, c, W: Homogeneous.retract(s, c, 2 * W))),
    broken("retraction", retract=_retract(lambda s, Y, c, W: s.project(Y + 0.1 * W))),
    broken("closure", retract=_retract(lambda s, Y, c, W: c.point + s.tangent(c, W))),
    broken("group_step", retract=_retract(lambda s, Y, c, W: s.project(c.point + s.tangent(c, W)))),
    broken("repeatable", retract=_retract(_counted)),
    broken("batches", retract=_retract(_first_only)),
    broken("gradient", inner=lambda self, D1, D2: (D1 * D2).sum(axis=(-2, -1))),
    broken("metric", inner=_crooked),
    broken("metric", inner=lambda self, D1, D2: -Homogeneous.inner(self, D1, D2)),
    broken("metric", norm=lambda self, D: Homogeneous.inner(self, D, D)),
    broken("batches", inner=lambda self, D1, D2: Homogeneous.inner(self, D1, D2) + D1.ndim - 2),
    broken("tangents", tangent=lambda self, context, D: 2 * Homogeneous.tangent(self, context, D)),
    broken("tangents", coordinates=lambda self, context, X: 2 * Homogeneous.coordinates(self, context, X)),
    broken("dimension", horizontal=lambda self, D: 2 * Homogeneous.horizontal(self, D)),
    broken("dimension", dimension=property(lambda self: 5)),
    broken("dimension", random_coordinates=_flat),
    broken("points", random=_off),
    broken("points", belongs=lambda self, Y, tolerance=None: True),
    broken("points", belongs=lambda self, Y, tolerance=None: False),
    broken("points", project=lambda self, Y: Y),
    broken("points", project=lambda self, Y: -Homogeneous.project(self, Y)),
    broken("repeatable", random=_unstable),
    broken("repeatable", random=_same),
    broken("section", section=_turned),
    broken("group_step", advance=_advanced),
    broken("vectors", unpack=lambda self, vector: vector.reshape(self.shape[::-1]).T),
    broken("distance", distance=lambda self, X, Y: 2 * np.abs(X - Y).max(axis=(-2, -1))),
]


@pytest.mark.parametrize(("law", "kind"), WRONG)
def test_a_wrong_space_is_caught(law, kind):
    report = check_space(kind(7, 2), on_failure="report")
    assert law in {failure.law for failure in report.failures}
    with pytest.raises(ConformanceError, match=law):
        check_space(kind(7, 2))


def test_the_canonical_stiefel_metric_of_a_doubled_head_is_caught():
    """A retraction with a differential other than the identity has been published and used for years."""

    def doubled(self, context, W, *, check=True):
        return Homogeneous.retract(self, context, _head(self, W + 0, 2.0))

    kind = type("Doubled", (Stiefel,), {"retract": doubled})
    assert "retraction" in {failure.law for failure in check_space(kind(7, 2), on_failure="report").failures}


def test_a_wrong_symplectic_space_is_caught():
    """The transpose in the place of the adjoint: right for orthogonal groups only."""

    def coordinates(self, context, X):
        return self.horizontal(context.section.pull_back(X))

    kind = type("Transposed", (SymplecticStiefel,), {"coordinates": coordinates})
    assert "tangents" in {failure.law for failure in check_space(kind(5, 2), on_failure="report").failures}


def test_a_wrong_factor_is_caught():
    kind = type("Wrong", (Grassmann,), {"section": _turned})
    report = check_space(Product({"a": Euclidean(2), "b": kind(6, 2)}), on_failure="report")
    assert "section" in {failure.law for failure in report.failures}


@final
class Positive(Space):
    """Positive numbers, with steps that multiply: a space that the library does not have."""

    def __init__(self, count):
        self.count = count

    name = property(lambda self: f"Positive({self.count})")
    dimension = size = property(lambda self: self.count)
    shape = property(lambda self: (self.count,))

    def section(self, Y, *, carried=None, check=True):
        return Y

    def lift(self, context, G, *, check=True):
        return context * G

    def retract(self, context, W, *, check=True):
        return context * namespace(W).exp(W)

    def tangent(self, context, D):
        return context * D

    def coordinates(self, context, X):
        return X / context

    def horizontal(self, D):
        return D

    def inner(self, D1, D2):
        return namespace(D1).sum(D1 * D2, axis=-1)

    def error(self, Y):
        return namespace(Y).max(namespace(Y).where(Y > 0, 0 * Y, -Y), axis=-1)

    def belongs(self, Y, tolerance=None):
        return bool(namespace(Y).all(Y > 0))

    def project(self, Y):
        return namespace(Y).abs(Y)

    def random(self, rng, batch=(), *, like=None):
        return converted(np.exp(generator(rng).standard_normal((*batch_shape(batch), self.count))), like)

    def random_coordinates(self, rng, batch=(), *, like=None):
        return converted(generator(rng).standard_normal((*batch_shape(batch), self.count)), like)


@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_the_suite_serves_spaces_of_users(library):
    xp = pytest.importorskip(library)
    assert check_space(Positive(4), namespace=xp).passed
    assert check_space(Product({"scale": Positive(3), "W": Stiefel(5, 2)}), namespace=xp).passed

    def lift(self, context, G, *, check=True):
        return G

    wrong = type("Wrong", (Positive,), {"lift": lift})
    assert {failure.law for failure in check_space(wrong(4), on_failure="report").failures} == {"gradient"}


def test_a_space_without_points_is_reported():
    def random(self, rng, batch=(), *, like=None, scale=1.0):
        raise ArithmeticError("no luck")

    report = check_space(type("Empty", (Stiefel,), {"random": random})(5, 2), on_failure="report")
    assert [law.law for law in report.failures] == ["sampling"]
    assert "no luck" in str(report)


def test_a_law_that_raises_is_a_failure():
    def lift(self, context, G, *, check=True):
        raise ValueError("out of order")

    report = check_space(type("Broken", (Stiefel,), {"lift": lift})(5, 2), on_failure="report")
    assert "ValueError: out of order" in str(report)


def test_the_report_reads_well_and_the_error_crosses_processes():
    kind = type("Wrong", (Stiefel,), {"belongs": lambda self, Y, tolerance=None: True})
    with pytest.raises(ConformanceError) as caught:
        check_space(kind(5, 2))
    assert str(caught.value).startswith("Wrong(5, 2) breaks 1 of 14 laws\nFAIL points")
    assert pickle.loads(pickle.dumps(caught.value)).report == caught.value.report
    assert str(check_space(Stiefel(5, 2))).startswith("Stiefel(5, 2) holds all laws\nok   points")
