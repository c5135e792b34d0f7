"""Symmetries of modules and of functions of tensors, found in numbers."""

import itertools

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from manifolds.errors import InputError  # noqa: E402
from solvers.discover import AxisMatrices, AxisScalings, discover  # noqa: E402
from solvers.pytorch.discovery import discover_module  # noqa: E402
from symmetries import Affine, Diagonal  # noqa: E402


def draws(seed=0):
    return torch.Generator().manual_seed(seed)


def dense(widths, unit, dtype=torch.float64, bias=True):
    """A dense network with weights of its own."""
    layers = []
    for one, other in itertools.pairwise(widths):
        layers += [torch.nn.Linear(one, other, bias=bias, dtype=dtype), unit()]
    module = torch.nn.Sequential(*layers[:-1])
    generator = draws(1)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape, dtype=dtype, generator=generator))
    return module


def inputs(size, dtype=torch.float64, count=32):
    return torch.randn(count, size, dtype=dtype, generator=draws())


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("unit", [torch.nn.ReLU, torch.nn.LeakyReLU, torch.nn.PReLU])
def test_hidden_units_that_scale_are_found_exactly(unit, dtype):
    module = dense((4, 6, 5, 3), lambda: unit().to(dtype), dtype)
    found = discover_module(module, inputs(4, dtype), samples=4)
    assert (found.verdict, found.dimension, found.name) == ("measured", 11, "R^11")
    hidden = {
        frozenset((place, k) for place, own in one.parts.items() for k in np.flatnonzero(own))
        for one in found.generators
    }
    weights = [name.removesuffix(".weight") for name, one in module.named_parameters() if one.ndim == 2]
    expected = {
        frozenset({((f"{one}.weight", 0), k), ((f"{one}.bias", 0), k), ((f"{other}.weight", 1), k)})
        for one, other, width in zip(weights, weights[1:], (6, 5), strict=False)
        for k in range(width)
    }
    assert hidden == expected


@pytest.mark.parametrize(
    "unit", [torch.nn.Tanh, torch.nn.GELU, torch.nn.SiLU, torch.nn.Sigmoid, torch.nn.Softplus, torch.nn.ELU]
)
def test_other_units_have_no_scalings(unit):
    for seed in range(3):
        found = discover_module(dense((3, 4, 4, 2), unit), inputs(3), samples=2, rng=seed)
        assert (found.verdict, found.dimension) == ("measured", 0)


def test_linear_layers_have_gl():
    module = dense((4, 3, 4), torch.nn.Identity, bias=False)
    found = discover_module(module, inputs(4), ansatz=AxisMatrices(4))
    assert (found.dimension, found.name) == (9, "gl(3,R)")


def test_normalisation_leaves_scales_free():
    module = torch.nn.Sequential(
        torch.nn.Linear(3, 4, bias=False, dtype=torch.float64), torch.nn.LayerNorm(4, eps=0.0, dtype=torch.float64)
    )
    found = discover_module(module, inputs(3), samples=4)
    assert found.dimension == 1  # the whole weight in front of the normalisation
    assert {name for name, _ in found.generators[0].parts} == {"0.weight"}
    softer = torch.nn.Sequential(module[0], torch.nn.LayerNorm(4, eps=1e-6, dtype=torch.float64))
    approximate = discover_module(softer, inputs(3), samples=4)
    assert approximate.dimension == 0
    assert 1e-9 < approximate.approximate[0].defect < 1e-3


class Attention(torch.nn.Module):
    """Self-attention with two heads and biases."""

    def __init__(self):
        super().__init__()
        self.heads = torch.nn.MultiheadAttention(4, 2, batch_first=True, dtype=torch.float64)

    def forward(self, x):
        return self.heads(x, x, x, need_weights=False)[0]


def test_attention_pairs_queries_with_keys_and_values_with_outputs():
    tokens = torch.randn(16, 3, 4, dtype=torch.float64, generator=draws())
    found = discover_module(Attention(), tokens, samples=2)
    assert (found.dimension, found.name) == (12, "R^12")
    moved = [
        {(name, axis, int(k)) for (name, axis), own in one.parts.items() for k in np.flatnonzero(own)}
        for one in found.generators
    ]
    for k in range(4):
        pair = {("heads.in_proj_weight", 0, k), ("heads.in_proj_bias", 0, k), ("heads.in_proj_weight", 0, 4 + k)}
        key_bias = {("heads.in_proj_bias", 0, 4 + k)}  # the softmax does not see it
        value = {("heads.in_proj_weight", 0, 8 + k), ("heads.in_proj_bias", 0, 8 + k), ("heads.out_proj.weight", 1, k)}
        assert any(pair <= one <= pair | key_bias for one in moved)
        assert key_bias in moved
        assert value in moved


def test_channels_of_a_convolution():
    module = torch.nn.Sequential(
        torch.nn.Conv2d(1, 3, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(12, 2)
    ).double()
    images = torch.randn(16, 1, 4, 4, dtype=torch.float64, generator=draws())
    found = discover_module(module, images, samples=2)
    assert found.dimension == 3
    assert all(np.count_nonzero(one.coefficients) == 1 + 1 + 4 for one in found.generators)
    recurrent = torch.nn.LSTM(2, 3, batch_first=True, dtype=torch.float64)
    assert discover_module(recurrent, torch.randn(8, 3, 2, dtype=torch.float64, generator=draws())).dimension == 0


def test_the_module_is_left_as_it_was_and_frozen_parameters_stay():
    module = torch.nn.Sequential(dense((3, 4, 2), torch.nn.ReLU), torch.nn.BatchNorm1d(2, dtype=torch.float64))
    module[0][2].weight.requires_grad_(requires_grad=False)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    state = torch.get_rng_state()
    found = discover_module(module, inputs(3))
    assert all(torch.equal(before[name], value) for name, value in module.state_dict().items())
    assert all(parameter.grad is None for parameter in module.parameters())
    assert torch.equal(torch.get_rng_state(), state)
    assert not any(("0.2.weight", axis) in one.parts for one in found.generators for axis in (0, 1))


def test_functions_of_tensors():
    points = torch.randn(60, 3, dtype=torch.float64, generator=draws())
    found = discover(lambda w: (w @ w) ** 2, points)
    assert (found.dimension, found.name) == (3, "so(3)")
    like = torch.zeros(3, dtype=torch.float32)
    single = discover(lambda w: torch.sin(w[0] + w[1]) + w[2] ** 4, like, ansatz=Affine())
    assert (single.dimension, len(single.null_directions)) == (4, 1)
    assert single.tolerance > 1e-6
    named = [{"U": row[:2].clone(), "b": row[2].clone()} for row in points]
    product = discover(lambda w: (w["U"][0] * w["U"][1] + w["b"]) ** 2, named, ansatz=AxisScalings())
    assert product.dimension == 1
    given = discover(lambda w: w @ w, points, gradient=lambda w: 2 * w)
    assert given.dimension == 3


@pytest.mark.parametrize("points", [{"size": 3}, {"points": np.random.default_rng(0).standard_normal((60, 3))}])
def test_functions_that_take_tensors_alone_are_differentiated(points):
    found = discover(lambda w: torch.sum(w**2) ** 2, **points)
    assert (found.dimension, found.tolerance < 1e-10) == (3, True)
    drawn = discover(torch.linalg.vector_norm, size=3, sample=lambda rng: torch.from_numpy(rng.standard_normal(3)))
    assert (drawn.dimension, drawn.tolerance < 1e-10) == (3, True)
    by_name = discover(lambda w: torch.sum(w["a"]) * w["b"], shapes={"a": (2,), "b": ()}, ansatz=AxisScalings())
    assert by_name.dimension == 1


class Radial(torch.nn.Module):
    """A function of the length of its input, with a normalisation that keeps running statistics."""

    def __init__(self):
        super().__init__()
        self.layers = torch.nn.Sequential(
            torch.nn.Linear(1, 4), torch.nn.Tanh(), torch.nn.BatchNorm1d(4), torch.nn.Linear(4, 2)
        ).double()

    def forward(self, x):
        return self.layers(torch.stack([x @ x, 2 * x @ x, 3 * x @ x])[:, None])


def test_a_module_is_a_function_of_its_input():
    module = Radial()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    for points in (
        torch.randn(60, 3, dtype=torch.float64, generator=draws()),
        np.random.default_rng(0).random((60, 3)),
    ):
        found = discover(module, points)
        assert (found.dimension, found.name, found.verdict) == (3, "so(3)", "measured")
    assert discover(module, size=3).dimension == 3
    assert module.training
    assert all(torch.equal(before[name], value) for name, value in module.state_dict().items())
    assert all(parameter.grad is None for parameter in module.parameters())


def test_gradients_are_taken_where_they_are_off():
    module, given = dense((3, 4, 2), torch.nn.ReLU), inputs(3)
    for mode in (torch.no_grad, torch.inference_mode):
        with mode():
            assert discover(lambda w: w @ w, torch.zeros(3, dtype=torch.float64)).dimension == 3
            assert discover_module(module, given).dimension == 4


def test_single_precision_inside_a_function_is_seen():
    found = discover(lambda w: (w.float() ** 2).sum(), torch.zeros(3, dtype=torch.float64))
    assert (found.dimension, found.tolerance > 1e-6) == (3, True)


def test_random_layers_draw_from_the_seed_and_the_state_of_pytorch_stays():
    module = torch.nn.Sequential(dense((3, 4, 2), torch.nn.ReLU), torch.nn.Dropout(0.5))
    state = torch.get_rng_state()
    one = discover_module(module, inputs(3))
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(7)
    assert discover_module(module, inputs(3)).singular_values.tobytes() == one.singular_values.tobytes()


def test_complex_outputs_and_parameters_without_entries():
    class Turned(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = dense((3, 4, 2), torch.nn.ReLU)
            self.nothing = torch.nn.Parameter(torch.zeros(0, 3, dtype=torch.float64))

        def forward(self, x):
            return [torch.complex(y := self.layers(x), -y), None]

    assert discover_module(Turned(), inputs(3)).dimension == 4


def test_a_function_that_ignores_its_tensor_is_undecided():
    found = discover(lambda w: torch.tensor(1.0), torch.zeros(3, dtype=torch.float64))
    assert (found.verdict, found.dimension) == ("undecided", None)


def test_the_same_seed_gives_the_same_bits():
    module = dense((3, 4, 2), torch.nn.ReLU)
    one, other = (discover_module(module, inputs(3), rng=4) for _ in range(2))
    assert one.singular_values.tobytes() == other.singular_values.tobytes()


def test_inputs_may_be_drawn():
    module = dense((3, 4, 2), torch.nn.ReLU)
    found = discover_module(module, lambda rng: torch.as_tensor(rng.standard_normal((2, 3))), ansatz=Diagonal())
    assert (found.verdict, found.dimension, found.name) == ("measured", 4, "R^4")


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: discover_module(torch.nn.ReLU(), inputs(3)), "the parameters"),
        (lambda: discover_module(3, inputs(3)), "int"),
        (lambda: discover_module(dense((3, 2), torch.nn.ReLU), inputs(3), samples=0), "samples"),
        (lambda: discover_module(dense((3, 2), torch.nn.ReLU), inputs(3), scale=-1.0), "scale"),
        (lambda: discover(lambda w: w, torch.zeros(3)), "a value"),
        (lambda: discover(lambda w: w.sum(), torch.zeros(2, 2, 2)), "points"),
        (lambda: discover(lambda w: w.sum(), torch.zeros(3, dtype=torch.int64)), "the parameters"),
        (lambda: discover(lambda w: w.sum(), torch.full((3, 2), float("nan"))), "the points"),
        (lambda: discover(lambda w: w.sum(), torch.zeros(3), sample=lambda rng: 0), "sample"),
        (lambda: discover(lambda w: w.sum(), torch.zeros(0, 3)), "points"),
        (lambda: discover(lambda w: w.sum(), [torch.zeros(3), torch.zeros(2)]), "the points"),
        (lambda: discover(lambda w: w.sum(), [torch.zeros(3), np.zeros(3)]), "the points"),
        (lambda: discover(lambda w: w["a"].sum(), [{"a": torch.zeros(3)}, {"b": torch.zeros(3)}]), "the points"),
        (lambda: discover(lambda w: w["a"].sum(), {"a": torch.zeros(3), "b": np.zeros(3)}), "the points"),
        (lambda: discover(None, torch.zeros(3), gradient=lambda w: w[:2]), "the gradient"),
        (lambda: discover(None, {"a": torch.zeros(3)}, gradient=lambda w: {"b": w["a"]}), "the gradient"),
        (lambda: discover(lambda w: w @ w, torch.zeros(3), gradient=lambda w: w + 1), "the gradient"),
        (lambda: discover_module(dense((3, 2), torch.nn.ReLU), inputs(4)), "the inputs"),
        (lambda: discover_module(dense((3, 2), torch.nn.ReLU), None), "the inputs"),
        (lambda: discover_module(dense((3, 2), torch.nn.ReLU), inputs(3)[:0], samples=2), "the inputs"),
        (lambda: discover_module(torch.nn.LazyLinear(3), inputs(3)), "the parameters"),
        (lambda: discover(dense((3, 2), torch.nn.ReLU), inputs(4)), "the points"),
    ],
)
def test_bad_input_is_named(call, named):
    with pytest.raises(InputError) as caught:
        call()
    assert named in caught.value.what
