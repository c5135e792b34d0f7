"""Data of the experiments: digits without a download, files of public sets, and files that are damaged or hostile."""

import gzip
import os
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from regression_paper import SEEDS, problem  # noqa: E402

from manifolds.errors import InputError  # noqa: E402
from solvers.pytorch.data_files import read_cifar_batch, read_idx  # noqa: E402
from solvers.pytorch.datasets import (  # noqa: E402
    CIFAR_FOLDER,
    CIFAR_TEST,
    CIFAR_TRAINING,
    IDX_NAMES,
    REGRESSION_SEEDS,
    digits28,
    read_folder,
    regression,
)


def same(first, second):
    return all(torch.equal(getattr(first, name), getattr(second, name))
               for name in ("train_inputs", "train_targets", "test_inputs", "test_targets"))  # fmt: skip


# without files


def test_digits_are_the_digits_of_scikit_learn_stretched():
    from scipy.ndimage import map_coordinates
    from sklearn.datasets import load_digits

    found, data = digits28(3, dtype=torch.float64), load_digits()
    order = np.random.default_rng(3).permutation(1797)
    assert (len(found.train_targets), len(found.test_targets), found.features, found.classes) == (1500, 297, 784, 10)
    assert found.train_targets.tolist() == data.target[order[:1500]].tolist()
    assert found.test_targets.tolist() == data.target[order[1500:]].tolist()
    places = (np.arange(28) + 0.5) * 8 / 28 - 0.5
    grid = np.meshgrid(places.clip(0, 7), places.clip(0, 7), indexing="ij")
    for number in (0, 17):
        expected = map_coordinates(data.images[order[number]] / 16, grid, order=1)
        np.testing.assert_allclose(found.train_inputs[number].numpy().reshape(28, 28), expected, atol=1e-12)


def test_digits_repeat_by_their_seed():
    assert same(digits28(1), digits28(1))
    assert same(digits28(np.random.default_rng(1)), digits28(1))
    assert not same(digits28(1), digits28(2))
    assert digits28().first(20, 10).test_inputs.shape == (10, 784)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_regression_is_the_published_one(seed):
    assert tuple(SEEDS) == REGRESSION_SEEDS
    network, start, _ = problem(seed)
    found = regression(seed)
    assert np.array_equal(torch.cat([weight.flatten() for weight in found.weights]).numpy(), start)
    hidden = found.inputs
    for number, weight in enumerate(found.weights):
        hidden = (torch.nn.functional.leaky_relu(hidden, 0.1) if number else hidden) @ weight.T
    loss = 0.5 * ((hidden - found.targets) ** 2).sum()
    assert float(loss) == pytest.approx(network.value(start), rel=1e-13)


# IDX files


def idx_bytes(array):
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.astype(np.uint8).tobytes()


def write_idx(folder, *, packed=False):
    rng = np.random.default_rng(0)
    arrays = {}
    for part, count in (("train", 30), ("test", 12)):
        arrays[f"{part}_images"] = rng.integers(256, size=(count, 28, 28))
        arrays[f"{part}_labels"] = np.arange(count) % 10
    for part, array in arrays.items():
        content = idx_bytes(array)
        path = folder / (IDX_NAMES[part] + (".gz" if packed else ""))
        path.write_bytes(gzip.compress(content) if packed else content)
    return arrays


@pytest.mark.parametrize("packed", [False, True])
def test_idx_files_are_read(tmp_path, packed):
    arrays = write_idx(tmp_path, packed=packed)
    found = read_folder(tmp_path, dtype=torch.float64)
    assert np.array_equal((found.train_inputs * 255).round().numpy().reshape(30, 28, 28), arrays["train_images"])
    assert found.test_targets.tolist() == arrays["test_labels"].tolist()
    assert (found.features, found.classes, found.name) == (784, 10, tmp_path.name)


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "no IDX file"),
        (b"\0\0\x08", "no IDX file"),
        (b"\0\0\x08\xff" + b"\0" * 8, "no IDX file"),
        (b"\0\0\x0d\x01\0\0\0\x01\0\0\0\0", "no IDX file"),
        (idx_bytes(np.arange(50))[:-1], "announces"),
        (idx_bytes(np.arange(50)) + b"\0", "announces"),
        (b"\0\0\x08\x03" + b"\xff" * 12, "announces"),
    ],
)
def test_damaged_idx_files(tmp_path, content, word):
    path = tmp_path / "x"
    path.write_bytes(content)
    with pytest.raises(InputError, match=word):
        read_idx(path)


def test_damaged_gzip_and_missing_files(tmp_path):
    whole = gzip.compress(idx_bytes(np.arange(50)))
    for content in (whole[:-9], whole[:12] + b"\xff" * 20 + whole[32:], b"no gzip"):
        path = tmp_path / "x.gz"
        path.write_bytes(content)
        with pytest.raises(InputError, match="readable file"):
            read_idx(path)
    for missing in (tmp_path / "y", tmp_path):
        with pytest.raises(InputError, match="readable file"):
            read_idx(missing)
    with pytest.raises(InputError, match="no such folder"):
        read_folder(tmp_path / "y")
    with pytest.raises(InputError, match="neither train-images"):
        read_folder(tmp_path)
    write_idx(tmp_path)
    (tmp_path / IDX_NAMES["test_labels"]).unlink()
    with pytest.raises(InputError, match="neither t10k-labels"):
        read_folder(tmp_path)


# batches of CIFAR-10


class Published:
    """The pickle of an array as NumPy 1 wrote it under Python 2: protocol 2, bytes as text."""

    @staticmethod
    def of(images: np.ndarray, labels: list[int], protocol: int) -> bytes:
        content = pickle.dumps({b"data": images, b"labels": labels, b"filenames": [b"a.png"] * len(labels)}, protocol)
        return content.replace(b"numpy._core.multiarray", b"numpy.core.multiarray") if protocol < 3 else content


def batch(count, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(256, size=(count, 3072), dtype=np.uint8), [int(one) for one in np.arange(count) % 10]


@pytest.mark.parametrize("protocol", [2, 3, 4])
@pytest.mark.parametrize("by_columns", [False, True])
def test_batches_are_read(tmp_path, protocol, by_columns):
    images, labels = batch(7)
    (tmp_path / "b").write_bytes(Published.of(np.asfortranarray(images) if by_columns else images, labels, protocol))
    found, classes = read_cifar_batch(tmp_path / "b")
    assert np.array_equal(found, images)
    assert classes.tolist() == labels


def test_a_batch_as_python_2_wrote_it(tmp_path):
    """By hand: text opcodes for keys and bytes, as no writer of today makes them."""
    images, _ = batch(1)
    raw = images.tobytes()
    text = b"".join([
        b"\x80\x02}(U\x04dataq\x01cnumpy.core.multiarray\n_reconstruct\nq\x02cnumpy\nndarray\nq\x03K\x00\x85U\x01b\x87R",
        b"(K\x01K\x01M\x00\x0c\x86cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89",
        b"T" + struct.pack("<i", len(raw)) + raw + b"tb",
        b"U\x06labels]K\x06au.",
    ])  # fmt: skip
    (tmp_path / "b").write_bytes(text)
    found, labels = read_cifar_batch(tmp_path / "b")
    assert np.array_equal(found, images)
    assert labels.tolist() == [6]


@pytest.mark.parametrize("inside", [False, True])
def test_the_six_batches(tmp_path, inside):
    folder = tmp_path / CIFAR_FOLDER if inside else tmp_path
    folder.mkdir(exist_ok=True)
    for number, name in enumerate((*CIFAR_TRAINING, CIFAR_TEST)):
        (folder / name).write_bytes(Published.of(*batch(10, number), 2))
    found = read_folder(tmp_path)
    assert (found.train_inputs.shape, found.test_inputs.shape, found.classes) == ((50, 3072), (10, 3072), 10)
    assert torch.equal(found.train_inputs[20:30], torch.from_numpy(batch(10, 2)[0]) / 255)
    (folder / "data_batch_3").unlink()
    with pytest.raises(InputError, match="data_batch_3 is missing"):
        read_folder(tmp_path)


class Evil:
    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize(
    "content",
    [
        pickle.dumps({"data": Evil(os.system, "touch evil"), "labels": [1]}),
        pickle.dumps(Evil(eval, "open('evil', 'w')")),
        pickle.dumps(Evil(exec, "open('evil', 'w')"), 0),
        b"cos\nsystem\n(S'touch evil'\ntR.",
        b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x0atouch evil\x85R.",
        b"cnumpy\nload\n(S'evil'\ntR.",
        b"cbuiltins\ngetattr\n.",
        b"Pevil\n.",
    ],
)
def test_a_pickle_that_calls_something_calls_nothing(tmp_path, monkeypatch, content):
    monkeypatch.chdir(tmp_path)
    Path("b").write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_cifar_batch(Path("b"))
    assert "names" in caught.value.why or "outside" in caught.value.why
    assert os.listdir(".") == ["b"]


IMAGES, LABELS = batch(3)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no pickle",
        Published.of(IMAGES, LABELS, 2)[:-40],
        Published.of(IMAGES, LABELS, 2)[:400],
        pickle.dumps([1]),
        pickle.dumps({}),
        pickle.dumps({b"data": IMAGES}),
        pickle.dumps({b"data": IMAGES, b"labels": [1, 2]}),
        pickle.dumps({b"data": IMAGES, b"labels": [1, 2, 10]}),
        pickle.dumps({b"data": IMAGES, b"labels": [1, 2, "3"]}),
        pickle.dumps({b"data": IMAGES[:, :30], b"labels": LABELS}),
        pickle.dumps({b"data": IMAGES[:0], b"labels": []}),
        pickle.dumps({b"data": IMAGES.astype(np.int64), b"labels": LABELS}),
        pickle.dumps({b"data": np.array([[{}]], dtype=object), b"labels": [1]}),
        pickle.dumps({b"data": 3, b"labels": LABELS}),
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\n)R.",
        b"\x80\x02}(U\x04datacnumpy.core.multiarray\n_reconstruct\n)RU\x06labels]K\x01au.",
        b"\x80\x02cnumpy\nndarray\n)R.",
        b"\x80\x02r\xff\xff\xff\xff.",
        b"(" * 100_000 + b".",
    ],
)
def test_damaged_batches(tmp_path, content):
    (tmp_path / "b").write_bytes(content)
    with pytest.raises(InputError, match="batches of CIFAR-10 for Python"):
        read_cifar_batch(tmp_path / "b")
