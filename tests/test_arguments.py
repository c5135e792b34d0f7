"""What the public functions accept as a loss and as a seed."""

from __future__ import annotations

import numpy as np
import pytest

from manifolds.errors import InputError
from symmetries import Basis, Loss, derive, estimate_size
from symmetries.arguments import read_seed

LOSS = Loss.parse("x**2 + y**2")


@pytest.mark.parametrize("rng", [-1, "a", 1.5, None, True])
def test_what_is_no_seed_is_refused(rng: object) -> None:
    with pytest.raises(InputError, match="it is no seed"):
        derive(LOSS, rng=rng)  # type: ignore[arg-type]


def test_a_generator_is_advanced_and_repeatable() -> None:
    first, second = (np.random.default_rng(3) for _ in range(2))
    assert [read_seed(first), read_seed(first)] == [read_seed(second), read_seed(second)]
    assert read_seed(np.int64(5)) == 5


@pytest.mark.parametrize("call", [derive, estimate_size])
def test_what_is_no_loss_is_refused(call: object) -> None:
    with pytest.raises(InputError, match="it needs a Loss"):
        call(3)  # type: ignore[operator]


def test_a_basis_of_nothing_is_refused() -> None:
    with pytest.raises(InputError, match="at least one VectorField"):
        Basis(3)  # type: ignore[arg-type]
