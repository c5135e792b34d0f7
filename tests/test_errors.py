"""The error of every floor: three parts, readable, and it survives a process boundary."""

import copy
import pickle

import pytest

from manifolds import InputError


def make() -> InputError:
    return InputError("the loss has no parameters", why="a symmetry moves parameters", cure="name at least one")


def test_the_message_has_the_three_parts_on_three_lines():
    assert str(make()).splitlines() == [
        "the loss has no parameters",
        "  why: a symmetry moves parameters",
        "  try: name at least one",
    ]


def test_the_parts_can_be_read_one_by_one():
    error = make()
    assert (error.what, error.why, error.cure) == (
        "the loss has no parameters",
        "a symmetry moves parameters",
        "name at least one",
    )


def test_it_is_a_value_error():
    with pytest.raises(ValueError, match="no parameters"):
        raise make()


@pytest.mark.parametrize("clone", [copy.copy, copy.deepcopy, lambda error: pickle.loads(pickle.dumps(error))])
def test_it_survives_copying_and_pickling(clone):
    twin = clone(make())
    assert type(twin) is InputError
    assert str(twin) == str(make())
    assert twin.cure == make().cure


def test_why_and_cure_are_keyword_only_and_required():
    with pytest.raises(TypeError):
        InputError("what", "why", "cure")  # type: ignore[misc]
    with pytest.raises(TypeError):
        InputError("what")  # type: ignore[call-arg]
