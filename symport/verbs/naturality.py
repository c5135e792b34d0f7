"""`symport naturality`: which changes of coordinates does an optimizer not notice?"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from manifolds.errors import InputError
from symport.answers import CODES, Answer, to_json
from symport.figure_files import check_figure, write_figure

if TYPE_CHECKING:
    from solvers.naturality.verdict import Verdict
    from symport.session import Session
    from symport.tables import Block


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the verb."""
    known = "an optimizer: adam, torch:Adam, scipy:BFGS, ...; --all lists what is known by name"
    parser.add_argument("optimizer", nargs="?", metavar="OPTIMIZER", help=known)
    parser.add_argument("--all", action="store_true", help="every optimizer that is known by name, as one table")
    about = "draw the groups as a lattice with the optimizers on it into this file (.png, .svg or .pdf)"
    parser.add_argument("--plot", metavar="FILE", help=about)


def run(options: argparse.Namespace, session: Session) -> Answer:
    """Test one optimizer, with exit code 3 where the verdict is undecided, or all of them."""
    if (options.optimizer is None) != options.all:
        what = "an optimizer together with --all" if options.all else "OPTIMIZER is missing"
        raise InputError(what, why="the verb tests one optimizer, or all", cure="write `symport naturality adam`")
    check_figure(options.plot)
    names = _names() if options.all else [options.optimizer]
    from solvers.naturality.classify import classify

    verdicts = []
    for place, name in enumerate(names):
        if options.all:
            session.say(f"{place + 1}/{len(names)} {name}")
        verdicts.append(classify(name, rng=session.seed))
    if options.plot is not None:
        from symport.naturality_plots import plot_lattice

        write_figure(options.plot, lambda: plot_lattice(verdicts))
    return _table(verdicts) if options.all else _single(verdicts[0])


def _names() -> list[str]:
    """All optimizers of the registry."""
    from solvers.naturality.registry import OPTIMIZERS

    return list(OPTIMIZERS)


def _single(verdict: Verdict) -> Answer:
    """The answer about one optimizer."""
    payload = verdict.to_dict()

    def files(whole: dict[str, Any]) -> Mapping[str, bytes]:
        """Files that ``--output`` writes."""
        return {"naturality.json": to_json(whole).encode()}

    return Answer(payload=payload, blocks=lambda: verdict_blocks(verdict), code=CODES[verdict.verdict], files=files)


def verdict_blocks(verdict: Verdict) -> list[Block]:
    """What the command says to people about one optimizer."""
    from symport.tables import Heading, Line, Table

    sizes = " x ".join(map(str, verdict.shape))
    rows = [
        ["strict group", _or_undecided(verdict.strict)],
        ["Lie algebra", _algebra(verdict.algebra)],
        ["up to the learning rate", _or_undecided(verdict.orbital)],
        ["single maps", ", ".join(verdict.discrete) or "none"],
        ["nonlinear maps (flow)", ", ".join(verdict.nonlinear) or "none"],
        ["changes of the loss", verdict.loss_gauge or "undecided"],
        ["tested at", f"{sizes} parameters, {verdict.scaling} scaling"],
    ]
    if verdict.transported is not None:
        rows.append([f"once {verdict.transported.structure} transported", str(verdict.transported.group)])
    tests = [[claim.verdict, claim.statement, claim.reason] for check in verdict.evidence for claim in check.claims]
    return [
        Line(verdict.sentence),
        Heading(f"naturality: {verdict.verdict}"),
        Table(rows),
        Heading("evidence"),
        Table(tests),
    ]


def _or_undecided(group: Any) -> str:
    """A group, or that it is open."""
    return "undecided" if group is None else str(group)


def _algebra(found: tuple[str, int]) -> str:
    """An algebra with its dimension."""
    name, dimension = found
    return "undecided" if dimension < 0 else f"{name or 'unnamed'}, dimension {dimension}"


def _table(verdicts: Sequence[Verdict]) -> Answer:
    """The answer about all optimizers; verdicts that are open are shown as such and are no failure."""
    payload = {"optimizers": [_short(verdict) for verdict in verdicts]}

    def files(whole: dict[str, Any]) -> Mapping[str, bytes]:
        """Files that ``--output`` writes."""
        single = {f"{verdict.optimizer.replace(':', '-')}.json": verdict.to_json().encode() for verdict in verdicts}
        return {"naturality.json": to_json(whole).encode(), **single}

    return Answer(payload=payload, blocks=lambda: table_blocks(verdicts), files=files)


def _short(verdict: Verdict) -> dict[str, Any]:
    """A verdict without its evidence."""
    return {name: value for name, value in verdict.to_dict().items() if name != "evidence"}


def table_blocks(verdicts: Sequence[Verdict]) -> list[Block]:
    """The table of all optimizers, vectors and matrices apart."""
    from symport.tables import Heading, Table

    blocks: list[Block] = []
    for axes, title in ((1, "optimizers of vectors"), (2, "optimizers of matrices")):
        rows = [
            [
                verdict.optimizer,
                _or_undecided(verdict.strict),
                str(verdict.algebra[1]) if verdict.algebra[1] >= 0 else "?",
                _or_undecided(verdict.orbital),
                "all" if "generic" in verdict.nonlinear else ", ".join(verdict.nonlinear) or "-",
                verdict.loss_gauge or "?",
            ]
            for verdict in verdicts
            if len(verdict.shape) == axes
        ]
        titles = ("optimizer", "strict group", "dimension", "up to the rate", "nonlinear", "loss gauge")
        blocks += [Heading(title), Table(rows, titles)] if rows else []
    return blocks
