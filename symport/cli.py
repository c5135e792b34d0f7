"""The command `symport`: it reads the arguments, runs one verb, and turns what happens into output and an exit code."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from typing import TYPE_CHECKING, NoReturn, TextIO, final

from manifolds.errors import InputError
from symport.answers import BAD_INPUT, BROKEN, DONE, INTERRUPTED, Answer, to_json

if TYPE_CHECKING:
    from symport.session import Session

VERBS = {
    "derive": "find all symmetries of a loss in a family of fields, and prove them",
    "verify": "prove or refute that a field, an action or a stored certificate is right",
    "conserved": "find what gradient flow conserves, prove it, and count what there is",
    "discrete": "find the permutations and sign changes of the parameters that keep a loss",
    "act": "move a point along a symmetry, with the loss before and after",
    "teleport": "move a point to a better one of the same loss",
    "minimize": "minimise a loss with an optimizer, teleporting on the way",
    "newton": "check whether the steepest point of a level set is one step from the minimum",
    "naturality": "find which changes of coordinates an optimizer does not notice",
    "catalog": "list the ready losses",
    "study": "the whole path for one loss, with a report",
    "sweep": "run a verb at all points of a grid, on one machine or many, and go on where it was interrupted",
}

EPILOG = (
    "Exit codes: 0 done; 1 a claim was refuted; 2 bad input; 3 undecided; 70 an error in Symport itself; "
    "130 interrupted."
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code.

    >>> main(["naturality", "--quiet"])
    2
    """
    words = [protect(word) for word in (sys.argv[1:] if argv is None else argv)]
    try:
        return run(words)
    except InputError as error:
        complain(f"symport: {error}")
        return BAD_INPUT
    except KeyboardInterrupt:
        complain("symport: interrupted; no file was left half-written")
        return INTERRUPTED
    except MemoryError:
        why = "the work needs more memory than there is"
        complain(f"symport: memory ran out\n  why: {why}\n  try: a smaller ansatz, a lower degree, or smaller sizes")
        return BAD_INPUT
    except Exception:  # noqa: BLE001 - Python's own exit code 1 would say that a claim was refuted
        import traceback

        complain(f"{traceback.format_exc()}symport: this is an error in Symport; please report it with the lines above")
        return BROKEN


def run(words: Sequence[str]) -> int:
    """Read the arguments, run the verb, write its files, print its answer."""
    try:
        options = parser().parse_args(words)
    except SystemExit as stop:  # --help and --version
        return stop.code if isinstance(stop.code, int) else DONE
    from symport.session import Session

    if options.seed < 0:
        raise InputError(f"--seed {options.seed}", why="a seed is not negative", cure="write --seed 0")
    session = Session(errors=sys.stderr, quiet=options.quiet, seed=options.seed)
    if options.output is not None:
        from symport.files import check_directory

        check_directory(options.output)
    with one_thread():
        answer: Answer = import_module(f"symport.verbs.{options.verb}").run(options, session)
    finish(answer, options, session)
    return answer.code


def finish(answer: Answer, options: argparse.Namespace, session: Session) -> None:
    """Write the files and print the answer."""
    payload = session.head(options.verb) | answer.payload
    directory = options.output or answer.directory
    if directory is not None and answer.files is not None:
        from symport.files import check_directory, write_files

        check_directory(directory)
        files = answer.files(payload)
        write_files(directory, files)
        if options.json:
            session.say(f"written: {', '.join(os.path.join(directory, name) for name in files)}")
        else:
            answer = answer.with_files([os.path.join(directory, name) for name in files])
    write(sys.stdout, to_json(payload) + "\n" if options.json else None, answer)


def write(stream: TextIO | None, text: str | None, answer: Answer) -> None:
    """Print one object, or the blocks for people; a reader that has gone away is no error."""
    if stream is None:
        return
    try:
        if text is None and stream.isatty():
            from symport.tables import write_rich

            write_rich(answer.shown(), stream)
        else:
            from symport.tables import plain

            put(stream, plain(answer.shown()) if text is None else text)
        stream.flush()
    except BrokenPipeError:
        silence(stream)
    except OSError as error:
        raise InputError("standard output", why=error.strerror or str(error), cure="check where it goes") from None


def put(stream: TextIO, text: str) -> None:
    """Write a text; letters that the stream cannot hold are written as escapes."""
    try:
        stream.write(text)
    except UnicodeEncodeError:
        encoding = stream.encoding or "ascii"
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding))


def silence(stream: TextIO) -> None:
    """Let the interpreter's last flush go nowhere."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    except (OSError, ValueError):
        return


def complain(text: str) -> None:
    """Write on standard error."""
    if sys.stderr is None:
        return
    try:
        put(sys.stderr, text + "\n")
        sys.stderr.flush()
    except OSError:
        return


def one_thread() -> AbstractContextManager[object]:
    """One thread for linear algebra while a verb runs, where threadpoolctl is there to say so."""
    try:
        limits: AbstractContextManager[object] = import_module("threadpoolctl").threadpool_limits(limits=1)
    except ImportError:
        return nullcontext()
    return limits


# arguments


@final
class Parser(argparse.ArgumentParser):
    """A parser whose errors have three parts."""

    def error(self, message: str) -> NoReturn:
        """Raise the message as the error that every part of Symport raises."""
        missing = message.removeprefix("the following arguments are required: ")
        if missing != message:
            message = f"{missing} is missing: the command needs it"
        what, _, rest = message.partition(": ")
        why = rest or "the command line does not say what it must"
        raise InputError(what if rest else message, why=why, cure=f"see `{self.prog} --help`")


def parser() -> Parser:
    """The parser of all verbs; the common options stand before or after the verb."""
    top = Parser(
        prog="symport", description="Lie-group symmetries of loss functions.", epilog=EPILOG, allow_abbrev=False
    )
    add_common(top)
    top.set_defaults(json=False, quiet=False, seed=0, output=None)
    verbs = top.add_subparsers(dest="verb", metavar="VERB", required=True, parser_class=Parser)
    for name, about in VERBS.items():
        one = verbs.add_parser(name, help=about, description=f"{name}: {about}.", epilog=EPILOG, allow_abbrev=False)
        import_module(f"symport.verbs.{name}").add_arguments(one)
        add_common(one)
    return top


def add_common(one: argparse.ArgumentParser) -> None:
    """The options that every verb has."""
    from symport import __version__

    group = one.add_argument_group("common options")
    absent = argparse.SUPPRESS
    group.add_argument("--json", action="store_true", default=absent, help="print one JSON object and nothing else")
    group.add_argument("--output", metavar="DIR", default=absent, help="write the results into this directory")
    group.add_argument("--seed", type=int, metavar="N", default=absent, help="seed of all sampling (default: 0)")
    group.add_argument("--quiet", action="store_true", default=absent, help="no progress and no remarks")
    group.add_argument("--version", action="version", version=f"symport {__version__}", help="print the version")


def protect(word: str) -> str:
    """A formula that begins with a minus is no option: a space in front says so.

    >>> protect("-x**2"), protect("--json"), protect("-h")
    (' -x**2', '--json', '-h')
    """
    return f" {word}" if word[:1] == "-" and word[:2] != "--" and word not in ("-", "-h") else word
