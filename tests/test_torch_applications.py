"""Networks with orthogonality constraints: the vision transformer on digits, recurrent networks on the copy task."""

from __future__ import annotations

import doctest
import gzip
import importlib.util
import json
import math
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
sys.path.insert(0, str(EXAMPLES))

from torch_applications.command import plain, write_whole  # noqa: E402
from torch_applications.copy_task import CopyTask  # noqa: E402
from torch_applications.images import Images, cut, digits, idx_folder  # noqa: E402
from torch_applications.recurrence import KINDS, make_recurrence, shrunk  # noqa: E402
from torch_applications.recurrence_training import recalled, train_recurrence  # noqa: E402
from torch_applications.transformer import VisionTransformer, relative_error  # noqa: E402
from torch_applications.transformer_training import RULES, train_transformer  # noqa: E402

from manifolds.errors import InputError  # noqa: E402
from solvers.pytorch import ManifoldParameter  # noqa: E402
from solvers.pytorch.data_files import read_idx  # noqa: E402
from solvers.pytorch.datasets import IDX_NAMES  # noqa: E402

BOUND = 5e-6
"""On the orthogonality error in single precision after a training."""


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def few_digits() -> Images:
    whole = digits()
    return Images(whole.train_tokens[:256], whole.train_labels[:256], whole.test_tokens, whole.test_labels)


def transformer(**options: Any) -> VisionTransformer:
    return VisionTransformer(**{"width": 16, "heads": 4, "layers": 3, "classes": 10, "seed": 0, **options})


@pytest.mark.parametrize("name", sorted(path.stem for path in (EXAMPLES / "torch_applications").glob("[a-z]*.py")))
def test_examples_in_docstrings(name):
    assert doctest.testmod(importlib.import_module(f"torch_applications.{name}")).failed == 0


def script(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# Images.


def test_patches_put_together_are_the_image():
    images = np.arange(2 * 6 * 9).reshape(2, 6, 9)
    patches = cut(images, 3)
    assert patches.shape == (2, 6, 9)
    for row in range(2):
        for column in range(3):
            patch = images[1, 3 * row : 3 * row + 3, 3 * column : 3 * column + 3]
            assert np.array_equal(patches[1, 3 * row + column].reshape(3, 3), patch)


@pytest.mark.parametrize("side", [0, 4, 7])
def test_patches_that_do_not_fill_the_image_are_refused(side):
    with pytest.raises(InputError, match="patches of"):
        cut(np.zeros((1, 6, 9)), side)


def test_the_digits_are_split_without_overlap():
    first, again, other = digits(), digits(), digits(seed=1)
    assert first.train_tokens.shape == (1437, 4, 16)
    assert first.test_tokens.shape == (360, 4, 16)
    assert (first.patches, first.pixels, first.classes) == (4, 16, 10)
    assert np.array_equal(first.train_tokens, again.train_tokens)
    assert not np.array_equal(first.train_tokens, other.train_tokens)
    together = np.concatenate([first.train_tokens, first.test_tokens]).reshape(1797, -1)
    assert len(np.unique(together, axis=0)) == len(np.unique(digits(test=0).train_tokens.reshape(1797, -1), axis=0))


def idx_bytes(array: np.ndarray) -> bytes:
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.astype(np.uint8).tobytes()


def write_set(folder: Path, *, packed: bool = False, size: int = 14) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    arrays = {}
    for part, count in (("train", 30), ("test", 12)):
        arrays[f"{part}_images"] = rng.integers(256, size=(count, size, size))
        arrays[f"{part}_labels"] = np.arange(count) % 10
    for part, array in arrays.items():
        name = folder / IDX_NAMES[part]
        if packed:
            with gzip.open(f"{name}.gz", "wb") as file:
                file.write(idx_bytes(array))
        else:
            name.write_bytes(idx_bytes(array))
    return arrays


@pytest.mark.parametrize("packed", [False, True])
def test_files_of_images_are_read(tmp_path, packed):
    arrays = write_set(tmp_path, packed=packed)
    images = idx_folder(tmp_path, side=7)
    assert images.train_tokens.shape == (30, 4, 49)
    assert images.train_tokens.dtype == np.float32
    np.testing.assert_allclose(images.test_tokens[3, 1], arrays["test_images"][3, :7, 7:].ravel() / 255, rtol=1e-6)
    assert np.array_equal(images.train_labels, arrays["train_labels"])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no IDX file"),
        (b"\0\0\x08", "no IDX file"),
        (b"\0\0\x0d\x01\0\0\0\x01\0\0\0\0", "no IDX file"),
        (b"\0\0\x08\x03\0\0\0\x01", "no IDX file"),
        (b"\0\0\x08\x01\0\0\0\x05abcd", "announces"),
        (b"\0\0\x08\x01\0\0\0\x03abcd", "announces"),
        (b"\0\0\x08\x03" + b"\xff" * 12, "announces"),
        (b"PNG and more bytes", "no IDX file"),
    ],
)
def test_damaged_files_are_refused(tmp_path, content, words):
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(InputError, match=words):
        read_idx(path)


def test_a_file_that_is_no_gzip_is_refused(tmp_path):
    path = tmp_path / "file.gz"
    path.write_bytes(b"\0\0\x08\x01\0\0\0\x01a")
    with pytest.raises(InputError, match="gz"):
        read_idx(path)
    path.write_bytes(gzip.compress(idx_bytes(np.arange(50)))[:-9])
    with pytest.raises(InputError, match="gz"):
        read_idx(path)


def test_folders_that_do_not_fit_are_refused(tmp_path):
    with pytest.raises(InputError, match="has neither"):
        idx_folder(tmp_path)
    write_set(tmp_path)
    (tmp_path / IDX_NAMES["train_labels"]).write_bytes(idx_bytes(np.zeros(29)))
    with pytest.raises(InputError, match="do not go with"):
        idx_folder(tmp_path)
    write_set(tmp_path)
    (tmp_path / IDX_NAMES["test_labels"]).write_bytes(idx_bytes(np.full(12, 11)))
    with pytest.raises(InputError, match="only in the test"):
        idx_folder(tmp_path)
    write_set(tmp_path)
    (tmp_path / IDX_NAMES["test_images"]).write_bytes(idx_bytes(np.zeros((12, 28, 28))))
    with pytest.raises(InputError, match="another size"):
        idx_folder(tmp_path)


# The transformer.


def test_the_transformer_equals_its_formula_head_by_head():
    model = transformer(layers=2).double()
    tokens = torch.rand(4, 16, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    X = tokens
    for attention, residual in model.blocks:
        heads = []
        for i in range(4):
            Q, K, V = (X @ attention.projections[part, i] for part in range(3))
            heads.append(torch.softmax(Q @ K.T / math.sqrt(16), dim=1) @ V)
        X = torch.cat(heads, dim=1)
        X = X + torch.tanh(X @ residual.weight.T + residual.bias)
    wanted = torch.softmax(model.weight @ X[-1], dim=0)
    torch.testing.assert_close(model(tokens[None])[0], wanted, rtol=1e-12, atol=1e-13)


def test_the_loss_is_the_quotient_of_norms():
    probabilities = torch.softmax(torch.randn(7, 10, generator=torch.Generator().manual_seed(1)), dim=1)
    labels = torch.arange(7)
    target = torch.eye(10)[labels]
    wanted = torch.linalg.matrix_norm(probabilities - target) / torch.linalg.matrix_norm(target)
    torch.testing.assert_close(relative_error(probabilities, labels), wanted)
    always_three = torch.eye(10)[torch.full((100,), 3)]
    assert float(relative_error(always_three, torch.arange(100) % 10)) == pytest.approx(math.sqrt(1.8))


@pytest.mark.parametrize("orthonormal", [True, False])
def test_every_parameter_of_the_transformer_gets_a_gradient(orthonormal, few_digits):
    model = transformer(orthonormal=orthonormal)
    tokens, labels = torch.from_numpy(few_digits.train_tokens[:32]), torch.from_numpy(few_digits.train_labels[:32])
    relative_error(model(tokens), labels).backward()
    for name, parameter in model.named_parameters():
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().max() > 0, name
    assert sum(isinstance(parameter, ManifoldParameter) for parameter in model.parameters()) == 3 * orthonormal


def test_the_start_of_free_weights_is_that_of_glorot():
    model = transformer(layers=40, orthonormal=False)
    projections = torch.stack([attention.projections.detach() for attention, _ in model.blocks])
    bound = math.sqrt(6 / 20)
    assert 0.99 * bound < projections.abs().max() <= bound
    assert float(projections.std()) == pytest.approx(bound / math.sqrt(3), rel=0.02)
    assert all(float(residual.bias.detach().abs().max()) == 0 for _, residual in model.blocks)


def test_heads_have_to_divide_the_tokens():
    with pytest.raises(InputError, match="5 heads"):
        transformer(heads=5)


@pytest.mark.parametrize("orthonormal", [True, False])
def test_trainings_of_the_transformer_repeat_bit_by_bit(orthonormal, few_digits):
    def trained(seed: int) -> tuple[Any, Any]:
        options = {"layers": 4, "heads": 4, "orthonormal": orthonormal, "epochs": 2}
        return train_transformer(few_digits, **options, seed=seed)

    (one, first), (two, second), (other, _) = trained(0), trained(0), trained(1)
    assert first.epochs == second.epochs
    for a, b, c in zip(one.parameters(), two.parameters(), other.parameters(), strict=True):
        assert torch.equal(a, b)
        assert not torch.equal(a, c)


def test_free_training_is_that_of_adam_in_pytorch(few_digits):
    options = {"layers": 3, "heads": 4, "epochs": 2, "seed": 3}
    model, _ = train_transformer(few_digits, **options, orthonormal=False)
    plain_model = transformer(seed=3, orthonormal=False)
    optimizer = torch.optim.Adam(plain_model.parameters(), lr=1e-3, betas=(0.9, 0.99), eps=3e-7)
    tokens, labels = torch.from_numpy(few_digits.train_tokens), torch.from_numpy(few_digits.train_labels)
    order = np.random.default_rng(3)
    for _ in range(2):
        for chosen in torch.from_numpy(order.permutation(256)).split(128):
            optimizer.zero_grad()
            relative_error(plain_model(tokens[chosen]), labels[chosen]).backward()
            optimizer.step()
    for ours, theirs in zip(model.parameters(), plain_model.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("rule", RULES)
def test_projections_stay_orthonormal_under_every_rule(rule, few_digits):
    model, run = train_transformer(few_digits, layers=3, heads=4, orthonormal=True, epochs=3, rule=rule)
    assert all(0 < epoch.orthogonality_error <= BOUND for epoch in run.epochs)
    assert run.epochs[-1].loss < run.epochs[0].loss
    for attention, _ in model.blocks:
        frames = attention.projections.detach()
        gram = frames.mT @ frames
        assert float((gram - torch.eye(4)).abs().max()) <= BOUND


def test_deep_transformers_learn_on_the_stiefel_manifold_alone():
    images = digits()
    _, free = train_transformer(images, layers=32, heads=4, orthonormal=False, epochs=2)
    assert free.epochs[-1].loss >= 1.33
    assert free.epochs[-1].accuracy <= 0.12
    assert free.epochs[-1].orthogonality_error is None
    _, run = train_transformer(images, layers=32, heads=4, orthonormal=True, epochs=4)
    assert run.epochs[-1].loss <= 0.97
    assert run.epochs[-1].accuracy >= 0.2
    assert run.epochs[-1].orthogonality_error <= BOUND


@pytest.mark.parametrize("options", [{"epochs": 0}, {"layers": 0}, {"batch": 0}, {"rule": "magic"}])
def test_senseless_trainings_of_the_transformer_are_refused(options, few_digits):
    with pytest.raises(InputError, match=next(iter(options))):
        train_transformer(few_digits, **{"layers": 1, "heads": 4, "orthonormal": True, **options})


# The copy task.


def test_sequences_of_the_copy_task():
    task = CopyTask(7, length=3, symbols=4)
    inputs, targets = task.batch(np.random.default_rng(0), 500)
    assert inputs.shape == targets.shape == (task.steps, 500) == (13, 500)
    assert torch.equal(inputs[:3], targets[-3:])
    assert (inputs[9] == 5).all()
    assert (inputs[3:9] == 4).all()
    assert (inputs[10:] == 4).all()
    assert (targets[:-3] == 4).all()
    assert set(inputs[:3].unique().tolist()) == {0, 1, 2, 3}


def test_the_loss_without_memory_is_that_of_its_best_guess():
    task = CopyTask(20)
    _, targets = task.batch(np.random.default_rng(0), 4)
    scores = torch.full((task.steps, 4, task.classes), -math.inf)
    scores[:-10, :, 8] = 0.0
    scores[-10:, :, :8] = 0.0
    loss = torch.nn.functional.cross_entropy(scores.flatten(0, 1), targets.flatten())
    assert float(loss) == pytest.approx(task.memoryless_loss, rel=1e-6)


@pytest.mark.parametrize("name", ["delay", "length", "symbols"])
def test_empty_tasks_are_refused(name):
    with pytest.raises(InputError, match=name):
        CopyTask(**{"delay": 5, name: 0})


def test_the_activation_keeps_phases_and_shifts_moduli():
    z = torch.tensor([3 + 4j, -0.3j, 0j, -2.0])
    out = shrunk(z, torch.tensor([-1.0, -1.0, 0.5, 0.5]))
    assert torch.allclose(out, torch.tensor([2.4 + 3.2j, 0, 0, -2.5]))


@pytest.mark.parametrize("field", ["real", "complex"])
def test_the_activation_has_the_right_gradient(field):
    generator = torch.Generator().manual_seed(0)
    dtype = torch.complex128 if field == "complex" else torch.float64
    z = torch.randn(6, dtype=dtype, generator=generator, requires_grad=True)
    bias = torch.linspace(-0.4, 0.4, 6, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(shrunk, (z, bias))


@pytest.mark.parametrize("kind", KINDS)
def test_every_parameter_of_a_recurrent_network_gets_a_gradient(kind):
    task = CopyTask(4)
    model = make_recurrence(kind, task.classes, 12, seed=0)
    inputs, targets = task.batch(np.random.default_rng(0), 5)
    scores = model(inputs)
    assert scores.shape == (task.steps, 5, task.classes)
    torch.nn.functional.cross_entropy(scores.flatten(0, 1), targets.flatten()).backward()
    for name, parameter in model.named_parameters():
        assert torch.isfinite(torch.view_as_real(parameter.grad) if parameter.is_complex() else parameter.grad).all()
        assert parameter.grad.abs().max() > 0, name


@pytest.mark.parametrize("kind", ["orthogonal", "unitary"])
def test_states_of_an_orthogonal_recurrence_keep_their_norm(kind):
    model = make_recurrence(kind, 10, 16, seed=0)
    with torch.no_grad():
        model.threshold.zero_()
        model.inward[8] = 0.0
        states = model.hidden(torch.tensor([3] + [8] * 500)[:, None])
    norms = torch.linalg.vector_norm(states[:, 0], dim=-1)
    torch.testing.assert_close(norms, norms[0].expand(501), rtol=1e-4, atol=0)


@pytest.mark.parametrize("kind", ["orthogonal", "unitary"])
def test_networks_without_the_constraint_have_the_same_start(kind):
    constrained, free = make_recurrence(kind, 10, 16, seed=4), make_recurrence(f"{kind}-start", 10, 16, seed=4)
    for one, other in zip(constrained.parameters(), free.parameters(), strict=True):
        assert torch.equal(one, other)
    assert sum(isinstance(parameter, ManifoldParameter) for parameter in constrained.parameters()) == 1
    assert not any(isinstance(parameter, ManifoldParameter) for parameter in free.parameters())


def test_a_unitary_recurrence_solves_the_copy_task_and_only_while_it_is_unitary():
    task = CopyTask(30)
    model, run = train_recurrence(task, network="unitary", size=48, steps=100, batch=16, learning_rate=3e-3)
    assert run.test_loss <= task.memoryless_loss / 4
    assert run.recall >= 0.9
    assert 0 < run.stretches[-1].orthogonality_error <= BOUND
    with torch.no_grad():
        model.weight.mul_(0.9)
    loss, recall = recalled(model, task, seed=0)
    assert loss >= task.memoryless_loss / 2
    assert recall <= 0.5


@pytest.mark.parametrize("kind", ["orthogonal", "unitary", "orthogonal-start", "unitary-start"])
def test_orthogonality_is_kept_where_it_is_asked_for(kind):
    _, run = train_recurrence(CopyTask(5), network=kind, size=16, steps=60, batch=4, learning_rate=1e-2, every=20)
    worst = max(stretch.orthogonality_error for stretch in run.stretches)
    assert worst > 0.1 if kind.endswith("-start") else 0 < worst <= BOUND


def test_the_learning_rate_falls_to_zero_where_that_is_asked_for():
    def trained(steps: int, *, cosine: bool) -> Any:
        options = {"network": "orthogonal", "size": 8, "batch": 4, "seed": 0}
        return train_recurrence(CopyTask(5), **options, steps=steps, cosine=cosine)[0].weight.detach()

    once = trained(1, cosine=False)
    assert torch.equal(trained(1, cosine=True), once)
    torch.testing.assert_close(trained(2, cosine=True), once, rtol=0, atol=1e-6)
    assert float((trained(2, cosine=False) - once).abs().max()) > 1e-4


@pytest.mark.parametrize("kind", KINDS)
def test_trainings_of_recurrent_networks_repeat_bit_by_bit(kind):
    def trained(seed: int) -> Any:
        return train_recurrence(CopyTask(5), network=kind, size=8, steps=6, batch=4, every=3, seed=seed)[1]

    one, two, other = trained(0), trained(0), trained(1)
    assert one.stretches == two.stretches
    assert (one.test_loss, one.recall) == (two.test_loss, two.recall)
    assert one.test_loss != other.test_loss
    assert [stretch.step for stretch in one.stretches] == [3, 6]


@pytest.mark.parametrize(
    "options", [{"steps": 0}, {"batch": 0}, {"every": 0}, {"size": 0}, {"clip": 0.0}, {"network": "magic"}]
)
def test_senseless_trainings_of_recurrent_networks_are_refused(options):
    with pytest.raises(InputError, match=str(next(iter(options.values())))):
        train_recurrence(CopyTask(5), **{"network": "unitary", **options})


# The commands.


def test_the_command_of_the_transformer_prints_one_object(capsys):
    command = script("train_digits_transformer")
    assert command.main(["--layers", "1", "--epochs", "1", "--quiet"]) == 0
    captured = capsys.readouterr()
    result = json.loads(captured.out)
    assert captured.err == ""
    assert result["schema"] == "symport/example/digits-transformer/1"
    assert [run["orthonormal"] for run in result["runs"]] == [True, False]
    assert result["runs"][1]["epochs"][0]["orthogonality_error"] is None


def test_the_command_of_the_transformer_reads_files(tmp_path):
    write_set(tmp_path)
    output = tmp_path / "result.json"
    arguments = ["--data", str(tmp_path), "--layers", "1", "--epochs", "1", "--projections", "stiefel", "--quiet"]
    assert script("train_digits_transformer").main([*arguments, "--output", str(output)]) == 0
    result = json.loads(output.read_text(encoding="utf-8"))
    assert result["data"] == {"source": str(tmp_path), "train": 30, "test": 12, "patches": 4, "pixels": 49}
    assert result["runs"][0]["epochs"][0]["orthogonality_error"] <= BOUND


def test_the_command_of_the_copy_task_prints_one_object(capsys):
    command = script("train_orthogonal_recurrence")
    assert command.main(["--networks", "orthogonal", "tanh", "--delay", "3", "--size", "6", "--steps", "4"]) == 0
    captured = capsys.readouterr()
    result = json.loads(captured.out)
    assert "8/8" in captured.err
    assert [run["network"] for run in result["runs"]] == ["orthogonal", "tanh"]
    assert result["runs"][0]["stretches"][-1]["orthogonality_error"] <= BOUND


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("train_digits_transformer", ["--epochs", "0"]),
        ("train_digits_transformer", ["--heads", "5"]),
        ("train_digits_transformer", ["--data", "no-such-folder"]),
        ("train_digits_transformer", ["--threads", "0"]),
        ("train_digits_transformer", ["--output", "no-such-folder/result.json"]),
        ("train_digits_transformer", ["--learning-rate", "-1"]),
        ("train_orthogonal_recurrence", ["--delay", "0"]),
        ("train_orthogonal_recurrence", ["--steps", "0"]),
        ("train_orthogonal_recurrence", ["--seed", "-1"]),
        ("train_orthogonal_recurrence", ["--clip", "nan"]),
    ],
)
def test_bad_options_are_refused(name, arguments, capsys):
    assert script(name).main([*arguments, "--quiet"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "why:" in captured.err


def test_files_are_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "result.json"
    write_whole(path, "old")
    with pytest.raises(TypeError):
        write_whole(path, 3)  # type: ignore[arg-type]
    assert [file.name for file in tmp_path.iterdir()] == ["result.json"]
    assert path.read_text(encoding="utf-8") == "old"
    assert plain({"loss": math.inf}) == {"loss": None}
