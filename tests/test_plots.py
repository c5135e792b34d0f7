"""The pictures: what is drawn, not how it looks."""

import sys

import numpy as np
import pytest

from manifolds.errors import InputError
from symmetries import Affine, Loss, derive
from symmetries.catalog import catalog, find
from symport.pictures import draw
from symport.structure import Structure
from symport.values import evaluator, field_evaluator, trace
from symport.window import choose_window

PLANAR = [entry.name for entry in catalog() if len(entry.loss.entries) == 2]


@pytest.fixture
def ax():
    from matplotlib.figure import Figure

    return Figure().subplots()


@pytest.mark.parametrize("name", PLANAR)
def test_curves_are_orbits_along_which_the_loss_stays(name, ax):
    from symport.plots import plot_level_sets

    algebra = derive(find(name).loss)
    assert plot_level_sets(algebra, ax) is ax
    loss = evaluator(algebra.loss)
    curves = [line.get_xydata().T for line in ax.lines]
    assert bool(curves) == bool(algebra.dimension)
    for curve in curves:
        values = loss(curve)[0]
        assert np.ptp(values) <= 1e-2 * (1 + np.abs(values).max())


def test_rosenbrock_is_seen_around_its_minimum():
    window = choose_window(evaluator(find("rosenbrock").loss), None)
    assert (window.x, window.y) == (1.0, 1.0)


def test_the_window_holds_all_minima_and_the_declared_point():
    window = choose_window(evaluator(find("himmelblau").loss), None)
    assert all(window.holds(np.array(point)) for point in [(3, 2), (-2.81, 3.13), (-3.78, -3.28), (3.58, -1.85)])
    assert choose_window(evaluator(find("ellipse").loss), np.array([5.0, -3.0])).holds(np.array([5.0, -3.0]))


def test_the_declared_point_is_marked(ax):
    from symport.plots import plot_level_sets

    loss = find("ellipse").loss.with_point({"x": 2, "y": 1})
    plot_level_sets(derive(loss), ax)
    assert [2.0, 1.0] in [line.get_xydata()[0].tolist() for line in ax.lines if line.get_marker() == "*"]


@pytest.mark.parametrize(
    "formula", ["x + y", "x*y", "0*x + y", "log(x) + y", "1/(x*y)", "sqrt(x) + y**2", "(x - y)**2"]
)
def test_losses_without_a_minimum_are_drawn(formula, ax):
    from symport.plots import plot_level_sets

    plot_level_sets(derive(Loss.parse(formula), ansatz=Affine()), ax)
    assert np.isfinite(ax.get_xlim()).all()


def test_level_sets_need_a_plane():
    from symport.plots import plot_level_sets

    with pytest.raises(InputError, match="level sets"):
        plot_level_sets(derive(Loss.parse("x**2 + y**2 + z**2")))


def test_the_structure_of_generators(ax):
    from symport.plots import plot_generators

    algebra = derive(find("matrix-factorisation").loss)
    plot_generators(algebra, ax)
    assert len(ax.images) == algebra.dimension
    assert {"X1", "X4", "U", "V"} <= {text.get_text() for text in ax.texts}


def test_many_generators_are_one_picture(ax):
    from symport.plots import plot_generators

    algebra = derive(Loss.parse("sum(w**2)", {"w": (8,)}))
    plot_generators(algebra, ax)
    (image,) = ax.images
    drawn = np.asarray(image.get_array())
    assert np.array_equal(drawn, 1 - np.eye(8))
    assert "all 28 generators" in {text.get_text() for text in ax.texts}


def test_large_parameters_are_one_row_each():
    structure = Structure.of(derive(Loss.parse("sum((Y - U@V)**2)", {"U": (9, 4), "V": (4, 9)}, data={"Y": (9, 9)})))
    assert structure.size == 2
    assert all(np.count_nonzero(matrix) == 2 for matrix in structure.matrices)


def test_how_many_generators_move_each_parameter(ax):
    from symport.plots import plot_dimensions

    algebra = derive(find("linear-network").loss)
    plot_dimensions(algebra, ax)
    assert [label.get_text() for label in ax.get_yticklabels()] == list(algebra.loss.parameters)
    entries, moving = np.array([bar.get_width() for bar in ax.patches]).reshape(2, -1).tolist()
    assert entries == [6, 4, 4]
    assert moving == [4, 8, 4]


@pytest.mark.parametrize("entry", catalog(), ids=lambda entry: entry.name)
def test_every_catalogued_loss_has_pictures_or_no_symmetry(entry):
    algebra = derive(entry.loss)
    pictures = draw(algebra)
    assert bool(pictures) == (algebra.dimension > 0 or len(entry.loss.entries) == 2)
    assert all(picture.content.startswith(b"<?xml") and picture.caption for picture in pictures)
    assert draw(algebra) == pictures


def test_the_values_are_those_of_the_formula():
    loss = find("matrix-factorisation").loss
    rng = np.random.default_rng(0)
    points = rng.normal(size=(14, 5))
    entries = evaluator(loss, list(loss.entries))(points)
    assert np.array_equal(entries, points)
    algebra = derive(loss)
    value = evaluator(loss, seed=3)
    for field in algebra.generators:
        step = 1e-6 * field_evaluator(loss, field)(points)
        assert np.allclose(value(points + step), value(points - step), rtol=1e-9)


def test_a_curve_ends_where_the_field_vanishes():
    curve = trace(lambda p: 0 * p, np.array([1.0, 2.0]), step=0.1, steps=10, inside=lambda point: True)
    assert curve.tolist() == [[1.0], [2.0]]


def test_without_axes_a_figure_is_made():
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    from symport.plots import plot_dimensions, plot_generators, plot_level_sets

    algebra = derive(find("ellipse").loss)
    for plot in (plot_level_sets, plot_generators, plot_dimensions):
        assert plot(algebra).figure is plt.gcf()
    plt.close("all")


def test_pictures_are_made_without_pyplot():
    import subprocess

    code = "import sys; from symmetries import *; from symport.pictures import draw; "
    code += "draw(derive(Loss.parse('x**2 + y**2'))); sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
