"""The one error that every floor raises on input it cannot take."""

from __future__ import annotations


class InputError(ValueError):
    """An input was refused, with what is wrong, why it is wrong, and what to do instead.

    Parameters
    ----------
    what : str
        What was refused, in one sentence.
    why : str
        The reason it cannot be taken.
    cure : str
        What the caller can do about it.

    Examples
    --------
    >>> error = InputError("the loss has no parameters", why="a symmetry moves parameters", cure="name at least one")
    >>> print(error)
    the loss has no parameters
      why: a symmetry moves parameters
      try: name at least one
    >>> error.cure
    'name at least one'
    """

    def __init__(self, what: str, *, why: str, cure: str) -> None:
        super().__init__(f"{what}\n  why: {why}\n  try: {cure}")
        self.what = what
        self.why = why
        self.cure = cure

    def __reduce__(self) -> tuple[object, ...]:
        """Rebuild from the three parts, so that the error crosses a process boundary."""
        return (_rebuild, (type(self), self.what, self.why, self.cure))


def _rebuild(kind: type[InputError], what: str, why: str, cure: str) -> InputError:
    return kind(what, why=why, cure=cure)
