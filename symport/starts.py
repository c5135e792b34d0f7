"""Where a teleportation or a minimisation starts, and along what it goes: from the words of a command."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

from manifolds.errors import InputError
from symport import spec as specs
from symport.verbs.derive import FAMILIES, search

if TYPE_CHECKING:
    from solvers.objective import Objective
    from symport.session import Session
    from symport.spec import Spec

WAYS = ("orbit", "level-set", "null-space")
"""Ways through a level set that the command line knows."""

TARGETS = ("gradient-norm", "sharpness", "curvature", "predicted-decrease")
"""Targets that need nothing but the loss and the action."""


@final
@dataclass(frozen=True, kw_only=True)
class Start:
    """A loss at a point, as an objective.

    Parameters
    ----------
    spec: the loss.
    objective: the loss with all its data.
    point: the start, arrays by name.
    data: values of the free data; those that the point does not name are drawn from the seed.
    constants: values of the structural constants.
    """

    spec: Spec
    objective: Objective
    point: Mapping[str, Any]
    data: Mapping[str, Any]
    constants: Mapping[str, float]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments that name a loss and a point."""
    specs.add_arguments(parser)
    where = parser.add_argument_group("where")
    where.add_argument("--at", metavar="PAIRS", help='the start, such as "x=-1, y=2"; default: what the loss names')


def add_move_arguments(parser: argparse.ArgumentParser, *, along: str | None) -> None:
    """The arguments that say how to teleport."""
    how = parser.add_argument_group("how to teleport")
    about = f"{', '.join(WAYS)}" + (f"; default: {along}" if along else "")
    how.add_argument("--along", metavar="WAY", choices=WAYS, default=along, help=about)
    how.add_argument(
        "--target",
        metavar="T",
        choices=TARGETS,
        help=f"what becomes large: {', '.join(TARGETS)}; default: gradient-norm",
    )
    how.add_argument("--minimize-target", action="store_true", help="make the target small instead")
    how.add_argument("--radius", metavar="R", type=float, help="bound on the distance from the start, or on |log g|")
    fields = f"where to search for generators: {FAMILIES}; default: what the loss names, else linear"
    how.add_argument("--ansatz", metavar="FIELDS", help=fields)


def read_start(options: argparse.Namespace, session: Session) -> Start:
    """The start that the words of a command name."""
    from solvers.objective import Objective

    spec = specs.resolve_at(options)
    values = named_values(spec, session.seed)
    loss = spec.loss
    constants = {name: float(values[name]) for name in loss.constants}
    data = {name: values[name] for name, item in loss.data.items() if item.values is None}
    return Start(
        spec=spec,
        objective=Objective.from_loss(loss, data, constants=constants),
        point={name: values[name] for name in loss.parameters},
        data=data,
        constants=constants,
    )


def named_values(spec: Spec, seed: int) -> dict[str, Any]:
    """Values of everything that is free in the loss, in double precision."""
    import numpy as np

    from symmetries.arguments import read_reals
    from symmetries.directional import free_shapes

    given: Mapping[str, Any] = spec.loss.at or {}
    wanted = [*spec.loss.parameters, *spec.loss.constants]
    missing = [name for name in wanted if name not in given]
    if missing:
        raise InputError(
            f"the point gives no value for {', '.join(missing)}",
            why="the command starts from one point, and it needs all of its values",
            cure=f'write --at "{"; ".join(f"{name}=..." for name in wanted)}"',
        )
    rng = np.random.default_rng(seed)
    return {
        name: read_reals(given[name], what=f"the value of {name!r}")
        if name in given
        else np.asarray(rng.standard_normal(shape))
        for name, shape in free_shapes(spec.loss).items()
    }


def read_way(start: Start, options: argparse.Namespace, session: Session) -> Any:
    """What ``along`` of a teleportation takes: the action of the derived algebra, or the name of a way."""
    if options.along != "orbit":
        _require_no_orbit(options)
        return options.along
    from symmetries.action import GroupAction

    algebra = search(start.spec, options.ansatz, session)
    if not algebra.dimension:
        raise InputError(
            "--along orbit",
            why=f"the loss has no symmetries among the {algebra.ansatz.name} fields, so orbits are points",
            cure="try another --ansatz, or --along level-set",
        )
    return GroupAction.from_algebra(algebra, constants=start.constants)


def teleport_options(options: argparse.Namespace) -> dict[str, Any]:
    """What a teleportation takes beside the way."""
    given = {"target": options.target or "gradient-norm", "maximize": not options.minimize_target}
    return given if options.radius is None else {**given, "radius": options.radius}


def _require_no_orbit(options: argparse.Namespace) -> None:
    """Refuse words that say something about orbits alone."""
    for name, given in (("--ansatz", options.ansatz), ("--target curvature", options.target == "curvature")):
        if given:
            why, cure = "there is no group along this way", f"use --along orbit, or leave {name} away"
            raise InputError(f"{name} beside --along {options.along}", why=why, cure=cure)


def cost_payload(cost: Any) -> dict[str, Any]:
    """The cost as programs read it."""
    return {name: value for name, value in cost.to_dict().items() if name != "seconds"}


def listed(point: Mapping[str, Any]) -> dict[str, Any]:
    """A point as JSON-ready data."""
    import numpy as np

    return {name: np.asarray(value).tolist() for name, value in point.items()}
