"""Ready actions of the losses that are met most often, by name and sizes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from inspect import signature
from typing import TYPE_CHECKING, Any

import numpy as np

from manifolds.errors import InputError
from symmetries.actions.activations import activation as find_activation
from symmetries.actions.conjugated_action import ConjugatedAction, rotation_matrices
from symmetries.actions.layer_action import Factor, LayerAction, Sides
from symmetries.actions.linear_action import LinearAction
from symmetries.actions.network_action import HiddenStateAction, PreactivationAction
from symmetries.data import measure
from symmetries.fields import Polynomial, VectorField
from symmetries.loss import Loss
from symmetries.modules.sum_of_squares import sum_of_squares_symmetries

if TYPE_CHECKING:
    from manifolds import MatrixGroup
    from symmetries.action import GroupAction


def low_rank(*, rows: int = 3, columns: int = 4, rank: int = 2) -> LayerAction:
    """GL(rank) on sum((Y - U@V)**2): U -> U g^-1, V -> g V."""
    from manifolds import GeneralLinear

    loss = Loss.parse(
        "sum((Y - U@V)**2)", {"U": (rows, rank), "V": (rank, columns)}, data={"Y": (rows, columns)}, name="low-rank"
    )
    sides = {"U": Sides(right=Factor("k", "g^-1")), "V": Sides(left=Factor("k"))}
    return LayerAction(loss, spaces={"k": GeneralLinear(rank)}, sides=sides)


def linear_network(*, widths: Sequence[int] = (3, 2, 2, 2)) -> LayerAction:
    """The product of GL(d_m) on a deep linear network: W_m -> g_m W_m g_(m-1)^-1."""
    from manifolds import GeneralLinear

    sizes = _widths(widths)
    groups = {f"layer {m}": GeneralLinear(sizes[m]) for m in range(1, len(sizes) - 1)}
    return LayerAction(_network_loss(sizes, "{0}", "linear-network"), spaces=groups, sides=_layer_sides(sizes))


def homogeneous_network(*, widths: Sequence[int] = (3, 4, 2), activation: str = "relu") -> LayerAction:
    """Positive scalings of the hidden units of a network with a positively homogeneous activation."""
    from manifolds import PositiveDiagonal

    sizes = _widths(widths)
    formula = _formula(activation, {"relu", "leaky_relu", "identity"}, "positively homogeneous")
    groups: dict[str, MatrixGroup] = {f"layer {m}": PositiveDiagonal(sizes[m]) for m in range(1, len(sizes) - 1)}
    return LayerAction(_network_loss(sizes, formula, "homogeneous-network"), spaces=groups, sides=_layer_sides(sizes))


def odd_network(*, widths: Sequence[int] = (3, 4, 2), activation: str = "tanh") -> LayerAction:
    """Sign flips of the hidden units of a network with an odd activation."""
    from symmetries.actions.finite_matrices import SignMatrices

    sizes = _widths(widths)
    formula = _formula(activation, {"tanh", "sin", "sinh", "identity"}, "odd")
    groups: dict[str, MatrixGroup] = {f"layer {m}": SignMatrices(sizes[m]) for m in range(1, len(sizes) - 1)}
    return LayerAction(_network_loss(sizes, formula, "odd-network"), spaces=groups, sides=_layer_sides(sizes))


def elementwise_network(*, widths: Sequence[int] = (3, 4, 2), activation: str = "sigmoid") -> LayerAction:
    """Permutations of the hidden units of a network with any activation."""
    from symmetries.actions.finite_matrices import PermutationMatrices

    sizes = _widths(widths)
    groups: dict[str, MatrixGroup] = {f"layer {m}": PermutationMatrices(sizes[m]) for m in range(1, len(sizes) - 1)}
    loss = _network_loss(sizes, find_activation(activation).formula, "elementwise-network")
    return LayerAction(loss, spaces=groups, sides=_layer_sides(sizes))


def attention(*, model: int = 4, keys: int = 2, tokens: int = 3) -> LayerAction:
    """GL(keys) on the queries and keys, and on the values and outputs, of a softmax attention head."""
    from manifolds import GeneralLinear

    loss = Loss.parse(
        "sum((Y - softmax(X@Q@K.T@X.T)@X@V@O)**2)",
        {"Q": (model, keys), "K": (model, keys), "V": (model, keys), "O": (keys, model)},
        data={"X": (tokens, model), "Y": (tokens, model)},
        name="attention",
    )
    sides = {
        "Q": Sides(right=Factor("keys", "g^-1")),
        "K": Sides(right=Factor("keys", "g^T")),
        "V": Sides(right=Factor("values", "g^-1")),
        "O": Sides(left=Factor("values")),
    }
    return LayerAction(loss, spaces={"keys": GeneralLinear(keys), "values": GeneralLinear(keys)}, sides=sides)


def mlp_data(
    *,
    widths: Sequence[int] = (6, 6, 5, 2),
    inputs: Any = None,
    activation: str = "leaky_relu",
    on: str = "hidden",
    rng: int | np.random.Generator = 0,
) -> HiddenStateAction | PreactivationAction:
    """GL(d_m) on the hidden states (``on="hidden"``) or pre-activations (``on="preactivation"``) for given inputs."""
    sizes = _widths(widths)
    known = find_activation(activation)
    samples = min(4, *sizes[:-1])
    x = np.random.default_rng(0).standard_normal((sizes[0], samples)).round(3) if inputs is None else _inputs(inputs)
    if x.ndim != 2 or x.shape[0] != sizes[0]:
        raise InputError(
            f"inputs of the shape {list(x.shape)}",
            why=f"the network has {sizes[0]} inputs, and each sample is a column",
            cure=f"give an array of the shape [{sizes[0]}, number of samples]",
        )
    loss = _network_loss(sizes, known.formula, "mlp-data", inputs=x)
    if on == "hidden":
        return HiddenStateAction(loss, inputs=x, activation=known, rng=rng)
    if on == "preactivation":
        return PreactivationAction(loss, inputs=x, activation=known, rng=rng)
    raise InputError(
        f"on={on!r}", why="the action is on hidden states or pre-activations", cure='use "hidden" or "preactivation"'
    )


def rosenbrock(*, variables: int = 2) -> ConjugatedAction:
    """SO(2N) on the pairwise Rosenbrock function of 2N variables, by rotations of the residuals x^2 - y and x - 1."""
    if isinstance(variables, bool) or not isinstance(variables, int) or variables < 2 or variables % 2:
        raise InputError(f"variables={variables!r}", why="the function is a sum over pairs", cure="give an even number")
    names = ["x", "y"] if variables == 2 else [f"x{k}" for k in range(variables)]
    pairs = zip(names[::2], names[1::2], strict=True)
    text = " + ".join(f"100*({x}**2 - {y})**2 + ({x} - 1)**2" for x, y in pairs)
    return _rotations(Loss.parse(text, names, name="rosenbrock"))


def booth() -> ConjugatedAction:
    """SO(2) on Booth's function, by rotations of its residuals x + 2y - 7 and 2x + y - 5."""
    return _rotations(Loss.parse("(x + 2*y - 7)**2 + (2*x + y - 5)**2", ["x", "y"], name="booth"))


def quadratic(*, matrix: Any = ((2, 1), (1, 3))) -> LinearAction:
    """SO(n), conjugated, on the positive definite quadratic w^T A w / 2: the fields A^-1 S w with S skew."""
    from flint import fmpq, fmpq_mat

    shape, entries = measure(matrix, "the matrix of a quadratic")
    size = shape[0] if len(shape) == 2 else 0
    rows = [entries[k * size : (k + 1) * size] for k in range(size)]
    if shape != (size, size) or any(rows[i][j] != rows[j][i] for i in range(size) for j in range(i)):
        raise InputError("the matrix of a quadratic", why="it is not symmetric", cure="give a symmetric matrix")
    exact = fmpq_mat([[fmpq(value.numerator, value.denominator) for value in row] for row in rows])
    minors = (fmpq_mat([[exact[i, j] for j in range(k)] for i in range(k)]).det() for k in range(1, size + 1))
    if any(minor <= 0 for minor in minors):
        raise InputError(
            "the matrix of a quadratic", why="it is not positive definite", cure="give a positive definite matrix"
        )
    inverse = exact.inv()
    names = [f"w[{k}]" for k in range(size)]
    fields = []
    for i in range(size):
        for j in range(i):
            polynomials: dict[str, Polynomial] = {
                names[k]: {((names[j], 1),): _fraction(inverse[k, i]), ((names[i], 1),): -_fraction(inverse[k, j])}
                for k in range(size)
            }
            fields.append(VectorField.from_polynomials(polynomials))
    given = [[str(value) for value in row] for row in rows]
    loss = Loss.parse("dot(w, A@w)/2", {"w": (size,)}, data={"A": given}, name="quadratic")
    return LinearAction(loss, fields)


def _fraction(value: Any) -> Fraction:
    """A rational number of flint."""
    return Fraction(int(value.p), int(value.q))


def _rotations(loss: Loss) -> ConjugatedAction:
    """The rotations of the residuals of a sum of squares."""
    squares = sum_of_squares_symmetries(loss)
    assert squares.change is not None
    weights = squares.coefficients
    return ConjugatedAction(loss, change=squares.change, weights=weights, matrices=rotation_matrices(weights))


def _inputs(inputs: Any) -> np.ndarray[Any, Any]:
    """Given inputs as an array."""
    try:
        return np.asarray(inputs)
    except ValueError:
        raise InputError(
            "the inputs of a network", why="their rows differ in length", cure="give rows of the same length"
        ) from None


def _widths(widths: Sequence[int]) -> tuple[int, ...]:
    """Widths of a network with at least one hidden layer."""
    sizes = tuple(widths) if isinstance(widths, Sequence) and not isinstance(widths, str) else ()
    if len(sizes) < 3 or any(isinstance(size, bool) or not isinstance(size, int) or size < 1 for size in sizes):
        raise InputError(
            f"widths={widths!r}",
            why="a network has inputs, at least one hidden layer and outputs, of positive widths",
            cure="write widths=(3, 4, 2)",
        )
    return sizes


def _formula(name: str, allowed: set[str], kind: str) -> str:
    """The formula of an activation of a kind."""
    found = find_activation(name)
    if name not in allowed:
        raise InputError(
            f"the activation {name!r}", why=f"it is not {kind}", cure=f"use one of {', '.join(sorted(allowed))}"
        )
    return found.formula


def _network_loss(sizes: tuple[int, ...], formula: str, name: str, inputs: Any = None) -> Loss:
    """The squared error of a network W_L s(... s(W_1 X))."""
    text = "X"
    for m in range(1, len(sizes)):
        product = f"W{m}@{text}" if m == 1 else f"W{m}@({text})"
        text = formula.format(product) if m < len(sizes) - 1 else product
    samples = 2 if inputs is None else inputs.shape[1]
    data: dict[str, Any] = {"X": (sizes[0], samples) if inputs is None else inputs.tolist()}
    data["Y"] = (sizes[-1], samples)
    parameters = {f"W{m}": (sizes[m], sizes[m - 1]) for m in range(1, len(sizes))}
    return Loss.parse(f"sum((Y - {text})**2)", parameters, data=data, name=name)


def _layer_sides(sizes: tuple[int, ...]) -> dict[str, Sides]:
    """W_m -> g_m W_m g_(m-1)^-1."""
    last = len(sizes) - 1
    return {
        f"W{m}": Sides(
            left=Factor(f"layer {m}") if m < last else None,
            right=Factor(f"layer {m - 1}", "g^-1") if m > 1 else None,
        )
        for m in range(1, last + 1)
    }


MAKERS: Mapping[str, Callable[..., GroupAction]] = {
    "rosenbrock": rosenbrock,
    "booth": booth,
    "quadratic": quadratic,
    "low-rank": low_rank,
    "linear-network": linear_network,
    "homogeneous-network": homogeneous_network,
    "odd-network": odd_network,
    "elementwise-network": elementwise_network,
    "attention": attention,
    "mlp-data": mlp_data,
}
"""What makes each catalogued action."""


def catalogued(name: str, **sizes: Any) -> GroupAction:
    """The action of a name; see :meth:`symmetries.GroupAction.catalogued`."""
    if not isinstance(name, str) or name not in MAKERS:
        raise InputError(f"the action {name!r}", why="it is not catalogued", cure=f"use one of {', '.join(MAKERS)}")
    maker = MAKERS[name]
    known = signature(maker).parameters
    for key in sizes:
        if key not in known:
            raise InputError(
                f"the action {name!r} was given {key!r}",
                why="it does not know it",
                cure=f"use {', '.join(known) or 'nothing'}",
            )
    return maker(**sizes)
