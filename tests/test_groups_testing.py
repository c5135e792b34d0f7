"""The conformance suite: a group of one's own passes it, and every wrong group is caught by the law that it breaks."""

import pickle

import numpy as np
import pytest

from manifolds import Condition, GeneralLinear, InputError, MatrixGroup, SpecialOrthogonal, load_geomstats
from manifolds.linalg import form_polar, rotation_polar
from manifolds.testing import ConformanceError, GroupReport, check_group

LORENTZ = np.diag([1.0, 1.0, -1.0])


class Lorentz(MatrixGroup):
    """A group of one's own: three methods, everything else is inherited."""

    def __init__(self):
        super().__init__(size=3, name="my SO(2,1)", algebra_name="so(2,1)")

    def algebra_basis(self):
        units = np.zeros((3, 3, 3))
        for k, (i, j, sign) in enumerate([(0, 1, -1.0), (0, 2, 1.0), (1, 2, 1.0)]):
            units[k, i, j], units[k, j, i] = 1.0, sign
        return units

    def conditions(self, g):
        return [
            Condition.matrix("g^T M g = M", g.mT @ LORENTZ @ g - LORENTZ),
            Condition.number("det g = 1", np.linalg.det(g) - 1),
        ]

    def nearest(self, A):
        return form_polar(A, LORENTZ)


class Rotations(MatrixGroup):
    """SO(3) by the three methods alone; the wrong groups below change one thing each."""

    def __init__(self, size=3):
        super().__init__(size=size, name="my SO(3)", algebra_name="so(3)")

    def algebra_basis(self):
        return SpecialOrthogonal(3).basis

    def conditions(self, g):
        return [
            Condition.matrix("g^T g = I", g.mT @ g - np.eye(3)),
            Condition.number("det g = 1", np.linalg.det(g) - 1),
        ]

    def nearest(self, A):
        return rotation_polar(A)


@pytest.mark.parametrize("group", [Lorentz(), Rotations()], ids=repr)
def test_a_group_of_ones_own_passes(group):
    for seed in range(5):
        report = check_group(group, rng=seed)
        assert report.passed
        assert report.failures == ()
        assert report.worst_residual < 1e-10
    assert group.dimension == 3
    assert group != SpecialOrthogonal(3)


class WrongInverse(Rotations):
    def inverse(self, g):
        return np.asarray(g)


class WrongQuickInverse(Rotations):
    def _inverse(self, g):
        return 2 * np.eye(3) - g  # right to first order


class WrongIdentity(Rotations):
    @property
    def identity(self):
        return np.diag([-1.0, -1.0, 1.0])


class WrongOrder(Rotations):
    def compose(self, g, h, *more):
        return super().compose(*reversed([g, h, *more]))


class WrongTriple(Rotations):
    def compose(self, g, h, *more):
        return super().compose(g, h)


class ExponentialOutside(Rotations):
    def exp(self, X):
        return np.eye(3) + np.asarray(X)  # the first two terms of the series


class ExponentialByCayley(Rotations):
    """In the group, but no one-parameter subgroup."""

    def exp(self, X):
        X = np.asarray(X)
        return np.linalg.solve(np.eye(3) - X / 2, np.eye(3) + X / 2)


class ExponentialOfBatchesWrong(Rotations):
    def _exp_batch(self, X):
        return np.linalg.solve(np.eye(3) - X / 2, np.eye(3) + X / 2)


class LogarithmWrong(Rotations):
    def log(self, g):
        g = np.asarray(g)
        return (g - g.mT) / 2


class LogarithmOfBatchesWrong(Rotations):
    def log(self, g):
        return super().log(g) if np.ndim(g) == 2 else super().log(g) * 1.001


class BasisTooSmall(Rotations):
    def algebra_basis(self):
        return SpecialOrthogonal(3).basis[:1]


class BasisNotClosed(Rotations):
    def algebra_basis(self):
        return SpecialOrthogonal(3).basis[:2]


class BasisTooLarge(Rotations):
    def algebra_basis(self):
        return np.concatenate([SpecialOrthogonal(3).basis, np.eye(3)[None]])


class BasisDependent(Rotations):
    def algebra_basis(self):
        basis = SpecialOrthogonal(3).basis
        return np.concatenate([basis, basis[:1] + basis[1:2]])


class ConditionMissing(Rotations):
    def conditions(self, g):
        return [Condition.number("det g = 1", np.linalg.det(g) - 1)]


class NoCondition(Rotations):
    def conditions(self, g):
        return []


class ProjectionOutside(Rotations):
    def nearest(self, A):
        return A


class ProjectionMovesElements(Rotations):
    def nearest(self, A):
        return np.broadcast_to(np.eye(3), A.shape)


class AdjointTransposed(Rotations):
    def adjoint(self, g):
        return super().adjoint(g).mT


class AdjointOfTheAlgebraWrong(Rotations):
    def adjoint_algebra(self, X):
        return -super().adjoint_algebra(X)


class BracketWrong(Rotations):
    def bracket(self, X, Y):
        return -super().bracket(X, Y)


class DifferentialFromTheRight(Rotations):
    def dexp(self, X, Y):
        return super().dexp(-np.asarray(X), Y)


class DifferentialForgotten(Rotations):
    def dexp(self, X, Y):
        return np.asarray(Y)


class RandomWithoutSeed(Rotations):
    _rng = np.random.default_rng(0)

    def random(self, rng=0, *, shape=(), scale=1.0):
        return super().random(self._rng, shape=shape, scale=scale)


class RandomOutside(Rotations):
    def random(self, rng=0, *, shape=(), scale=1.0):
        return super().random(rng, shape=shape, scale=scale) + 0.1 * scale


class ComponentOutside(Rotations):
    @property
    def components(self):
        return np.stack([np.eye(3), np.diag([-1.0, 1.0, 1.0])])


class CoordinatesScaled(Rotations):
    def coordinates(self, X):
        return 2 * super().coordinates(X)


class TooWide(Rotations):
    """Matrices of four rows, a basis of three: nothing fits."""

    def __init__(self):
        super().__init__(size=4)


WRONG = {
    WrongInverse: "inverses",
    WrongQuickInverse: "inverses",
    WrongIdentity: "identity",
    WrongOrder: "associativity",
    WrongTriple: "associativity",
    ExponentialOutside: "exponential",
    ExponentialByCayley: "one_parameter",
    ExponentialOfBatchesWrong: "exponential",
    LogarithmWrong: "logarithm",
    LogarithmOfBatchesWrong: "logarithm",
    BasisTooSmall: "projection",
    BasisNotClosed: "bracket",
    BasisTooLarge: "exponential",
    BasisDependent: "basis",
    ConditionMissing: "outsiders",
    NoCondition: "outsiders",
    ProjectionOutside: "projection",
    ProjectionMovesElements: "projection",
    AdjointTransposed: "adjoint",
    AdjointOfTheAlgebraWrong: "bracket",
    BracketWrong: "bracket",
    DifferentialFromTheRight: "differential",
    DifferentialForgotten: "differential",
    RandomWithoutSeed: "randomness",
    RandomOutside: "closure",
    ComponentOutside: "randomness",
    CoordinatesScaled: "basis",
    TooWide: "sampling",
}


@pytest.mark.parametrize(("kind", "law"), WRONG.items(), ids=lambda x: getattr(x, "__name__", x))
@pytest.mark.parametrize("seed", range(3))
def test_a_wrong_group_is_caught(kind, law, seed):
    report = check_group(kind(), rng=seed, on_failure="report")
    assert not report.passed
    assert law in [failure.law for failure in report.failures]
    with pytest.raises(ConformanceError, match=law):
        check_group(kind(), rng=seed)


def test_a_failure_tells_the_law_the_residual_and_the_error():
    with pytest.raises(ConformanceError) as caught:
        check_group(ExponentialByCayley())
    report = caught.value.report
    assert isinstance(report, GroupReport)
    text = str(caught.value)
    assert text.startswith("my SO(3) breaks ")
    assert "exp((s + t) X) = exp(s X) exp(t X)" in text
    assert "FAIL identity" not in text
    assert "ok   identity" in str(report)
    (failed,) = [law for law in report.laws if law.law == "one_parameter"]
    assert 1e-3 < failed.residual < 1.0
    assert failed.tolerance == 1e-9
    assert not failed.passed
    (raised,) = [law for law in check_group(BasisTooLarge(), on_failure="report").laws if law.law == "logarithm"]
    assert "InputError: g at index" in raised.problem
    assert raised.residual == np.inf
    assert "raised: InputError" in str(raised)


def test_the_report_of_a_group_that_passes():
    report = check_group(SpecialOrthogonal(3), rng=4, samples=2, scale=0.5, tolerance=1e-8)
    assert report.group == "SO(3)"
    assert len(report.laws) == 14
    assert str(report).startswith("SO(3) holds all laws\nok   identity")
    assert all(law.tolerance == 1e-8 and not law.problem for law in report.laws)


def test_the_tolerance_is_meant():
    with pytest.raises(ConformanceError):
        check_group(SpecialOrthogonal(3), tolerance=1e-20)


def test_a_failure_crosses_a_process_boundary():
    report = check_group(WrongInverse(), on_failure="report")
    error = pickle.loads(pickle.dumps(ConformanceError(report)))
    assert str(error) == str(ConformanceError(report))
    assert isinstance(error, AssertionError)


def test_the_same_seed_gives_the_same_report():
    assert check_group(GeneralLinear(3), rng=3) == check_group(GeneralLinear(3), rng=np.random.default_rng(3))


def test_large_groups_are_checked_without_their_structure_constants():
    assert check_group(GeneralLinear(11), samples=1).passed


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"scale": 0.0}, "scale = 0.0 is out of range"),
        ({"scale": 3.2}, "scale = 3.2 is out of range"),
        ({"scale": float("nan")}, "scale = nan is out of range"),
        ({"samples": 0}, "samples = 0 is too small"),
        ({"samples": 1.5}, "samples = 1.5 is not a size"),
        ({"on_failure": "ignore"}, "on_failure = 'ignore' is unknown"),
        ({"rng": -1}, "rng = -1 is no source"),
    ],
)
def test_options_that_are_none(options, what):
    with pytest.raises(InputError, match=what):
        check_group(SpecialOrthogonal(2), **options)


def test_other_objects_are_refused():
    theirs = load_geomstats("geometry.special_orthogonal").SpecialOrthogonal(3)
    for other in (theirs, "SO(3)", SpecialOrthogonal):
        with pytest.raises(InputError, match="is no matrix group") as caught:
            check_group(other)
        assert "from_geomstats" in caught.value.cure


def test_a_group_that_says_too_little_cannot_be_made():
    class Half(MatrixGroup):
        def algebra_basis(self):
            return np.zeros((0, 1, 1))

    with pytest.raises(TypeError, match="conditions"):
        Half(size=1, name="half", algebra_name=None)
