r"""Teleportation of PyTorch modules in training: to a better point of the same loss, :math:`L(g\cdot w) = L(w)`."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any, final

import numpy as np
import torch
from torch import Tensor, nn

from manifolds.errors import InputError
from solvers.pytorch.meters.functional import Loss, arguments_of, bare
from solvers.pytorch.symmetry.module_symmetry import ModuleSymmetry
from solvers.pytorch.teleporting.acceptance import read_accept
from solvers.pytorch.teleporting.batches import Batch, read_batches
from solvers.pytorch.teleporting.distributed import Ranks
from solvers.pytorch.teleporting.guard import Watch, WayBack
from solvers.pytorch.teleporting.measured_loss import MeasuredLoss
from solvers.pytorch.teleporting.moves import require_symmetry
from solvers.pytorch.teleporting.options import Options
from solvers.pytorch.teleporting.owners import inner_optimizer, read_per, require_owner, require_same_module
from solvers.pytorch.teleporting.session import Session
from solvers.pytorch.teleporting.state_transport import read_state_rule
from solvers.pytorch.teleporting.targets import check_target
from solvers.results import TeleportResult
from solvers.steps.hyperparameters import POSITIVE, Interval, read_count, read_number
from symmetries.arguments import read_generator

ALONG = ("group", "level-set", "null-space", "random")


@final
class Teleporter:
    r"""Moves the parameters of a model to where a target is best, among points of the same loss.

    .. math:: w' = g\cdot w, \qquad g \in \arg\max_{g} f(g\cdot w), \qquad L(w') = L(w)

    Everything is tried on copies.  The model is written once, in place and without gradients, when the point is
    feasible, no worse in the target, and accepted; otherwise, and on an error or an interrupt, model and optimizer are
    left bit for bit as they were.

    Parameters
    ----------
    model: a module, perhaps compiled or data-parallel; tied tensors stay tied.
    loss_fn: function of outputs and targets, with one number as its value.
    optimizer: of the training loop; its state follows the teleport.
    symmetry: of the module, for ``along="group"`` and ``"random"``; found on the first batch by default.
    along: ``group``, ``level-set`` (no group needed, one Hessian-vector product a step), ``null-space`` (of the inputs
        of the layers) or ``random`` (a random group element: the control).
    target: ``gradient-norm``, ``preconditioned-gradient-norm``, ``sharpness``, ``curvature``, ``predicted-decrease``,
        ``lookahead`` (the decrease in some virtual steps of the optimizer), or a function
        (objective, w) -> value or (value, gradient) of :class:`~solvers.pytorch.objective.ModuleObjective`.
    maximize: whether the target is made large; small otherwise.
    radius: along a group the bound on each coordinate of log g, 1 by default; else the largest distance from the start.
    layer_bound: largest factor by which the norm of a weight may grow or shrink along a group.
    per: along a group, ``unit`` searches the whole group, ``space`` one scaling a hidden space; for the gradient norm,
        which they keep, orthogonal maps are left out.
    steps: steps of the search.
    gain: along a group, factor of the target at which the search ends.
    batches: on how many of the given batches loss and target are measured; a rollout goes over all of them.
    accept: None takes every feasible teleport that is better in the target; ``rollout``, or a
        :class:`~solvers.running.acceptance.Rollout`, compares the losses after virtual steps of the optimizer with and
        without; or a function (tensors before, tensors after) -> bool.
    rollouts: in how many orders of the batches a rollout must end lower; one batch has one order.
    state: what becomes of the state of the optimizer: ``transport``, ``keep`` or ``reset``, or how tensors of names
        that are not known move, ``{"slow_average": "covector"}``; None transports along a group and keeps elsewhere.
    guard: when a run is taken back to before an accepted teleport, see :meth:`check`; None never.
    lookahead_steps: virtual steps of the target ``lookahead``.
    energy: share of the squared singular values of a layer's inputs that count as seen, for ``null-space``.
    held_out: a batch on which the drift of a null-space move is reported.
    rng: seed or generator of all random choices.

    Raises
    ------
    InputError: the optimizer does not own the model's parameters, or an option makes no sense.

    >>> _ = torch.manual_seed(0)
    >>> model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    >>> teleporter = Teleporter(model, nn.functional.cross_entropy, optimizer=optimizer)
    >>> batch = torch.randn(16, 4), torch.randint(3, (16,))
    >>> result = teleporter.step(batch)
    >>> result.gain > 2, result.relative_drift < 1e-5, result.status.value
    (True, True, 'trust-radius')

    Source: B. Zhao, N. Dehmamy, R. Walters, R. Yu, "Symmetry Teleportation for Accelerated Optimization" (2022),
    arXiv:2205.10637, algorithms 1 and 2.
    """

    def __init__(
        self,
        model: nn.Module,
        loss_fn: Loss,
        *,
        optimizer: torch.optim.Optimizer | None = None,
        symmetry: ModuleSymmetry | None = None,
        along: str = "group",
        target: Any = "gradient-norm",
        maximize: bool = True,
        radius: float | None = None,
        layer_bound: float = 10.0,
        per: str = "unit",
        steps: int = 10,
        gain: float | None = None,
        batches: int = 1,
        accept: Any = None,
        rollouts: int = 3,
        state: Any = None,
        guard: WayBack | None = None,
        lookahead_steps: int = 5,
        energy: float = 1.0,
        held_out: Any = None,
        rng: int | np.random.Generator = 0,
    ) -> None:
        self.model, self.loss_fn, self.symmetry = model, loss_fn, symmetry
        self._module = bare(bare(model))
        if along not in ALONG:
            raise InputError(f"along={along!r}", why="there is no such move", cure=f"use one of {', '.join(ALONG)}")
        self.along, self._has_group = along, along in ("group", "random")
        if symmetry is not None and self._has_group:
            require_symmetry(symmetry, along)
            require_same_module(symmetry, self._module)
        self._optimizer = inner_optimizer(optimizer)
        require_owner(self._optimizer, self._module)
        check_target(target)
        self.options = Options(
            along=along,
            target=target,
            maximize=bool(maximize),
            radius=None if radius is None else read_number(radius, name="radius", interval=POSITIVE),
            layer_bound=read_number(layer_bound, name="layer_bound", interval=Interval(1.0)),
            per=read_per(per),
            steps=read_count(steps, name="steps"),
            gain=None if gain is None else read_number(gain, name="gain", interval=POSITIVE),
            accept=read_accept(accept, self._optimizer),
            rollouts=read_count(rollouts, name="rollouts"),
            is_guarded=guard is not None,
            rule=read_state_rule(state, has_element=self._has_group),
            lookahead_steps=read_count(lookahead_steps, name="lookahead_steps"),
            energy=read_number(energy, name="energy", interval=Interval(0.0, 1.0 + 1e-15, open_low=True)),
        )
        self.batches = read_count(batches, name="batches")
        self.guard = guard
        self._watch: Watch | None = None
        self._watched: list[Batch] = []
        self.held_out = held_out
        self._rng = read_generator(rng)

    @property
    def optimizer(self) -> torch.optim.Optimizer | None:
        """The optimizer whose state follows."""
        return self._optimizer

    def step(self, batch: Any) -> TeleportResult:
        """Teleport once.

        Parameters
        ----------
        batch: inputs and targets, or a list of such pairs; on each process of a data-parallel training its own.

        Raises
        ------
        InputError: the loss is no finite number, the model has no symmetries to move along, tensors are on several
            devices; nothing is changed then.
        """
        ranks, failure, began = Ranks(self.model), None, time.perf_counter()
        try:
            session = self._session(read_batches(batch), began)
        except BaseException as error:  # noqa: BLE001 - told to all processes before it is raised
            failure = error
        ranks.require_all(failure)
        try:
            result, taken = session.run()
            if taken is not None and self.guard is not None:
                watch = Watch(snapshot=taken, reference=result.loss_before, left=self.guard.steps)
                self._watch, self._watched = watch, list(session.all_batches)
        except BaseException:
            session.take_back()
            raise
        return result

    def _session(self, batches: list[Batch], began: float) -> Session:
        """What is needed for one teleport."""
        return Session(
            model=self.model,
            module=self._module,
            loss_fn=self.loss_fn,
            optimizer=self._optimizer,
            symmetry=self._found(batches[0]),
            options=self.options,
            measured=batches[: self.batches],
            all_batches=batches,
            held_out=None if self.held_out is None else read_batches(self.held_out),
            rng=self._rng,
            began=began,
        )

    @property
    def is_watching(self) -> bool:
        """Whether an accepted teleport may still be taken back."""
        return self._watch is not None

    def check(self, loss: float | Tensor | None = None) -> bool:
        """Take the run back to before the last teleport when its loss blew up; to be called after each step.

        Parameters
        ----------
        loss: of the training loop; without one it is measured every ``guard.period`` steps on the batches of the
            teleport.

        Returns whether parameters and state of the optimizer are as before the teleport again.
        """
        watch, guard = self._watch, self.guard
        if watch is None or guard is None:
            return False
        watch.left -= 1
        is_last = watch.left <= 0
        if loss is None and (guard.steps - watch.left) % guard.period and not is_last:
            return False
        value = self._measured() if loss is None else float(loss.detach() if isinstance(loss, Tensor) else loss)
        if not Ranks(self.model).decide(guard.has_blown_up(value, watch.reference)):
            self._watch = None if is_last else watch
            return False
        watch.snapshot.go_back(self._module, self._optimizer, dict(self._module.named_parameters()))
        self._watch = None
        return True

    def draw_seed(self) -> int:
        """A seed from the teleporter's random numbers, which go on."""
        return int(self._rng.integers(2**31))

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs to teleport to the same bits: numbers and texts."""
        return {"rng": json.dumps(self._rng.bit_generator.state, default=int), "along": self.along}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over what :meth:`state_dict` returned; a teleport under watch is watched no more.

        Raises
        ------
        InputError: it was saved by another kind of teleporter.
        """
        if not isinstance(state_dict, Mapping) or state_dict.get("along") != self.along or "rng" not in state_dict:
            raise InputError(
                "a state that belongs to no such teleporter",
                why=f"this one moves along={self.along!r}",
                cure="load what state_dict() of a teleporter with the same options returned",
            )
        self._rng.bit_generator.state = json.loads(state_dict["rng"])
        self._watch = None

    def _measured(self) -> float:
        """The loss on the batches of the last teleport."""
        batches = self._watched[: self.batches]
        return MeasuredLoss(self.model, self.loss_fn, batches).value(dict(self._module.named_parameters()))

    def _found(self, batch: Batch) -> ModuleSymmetry | None:
        """The symmetry, found on a batch where it was not given."""
        if self.symmetry is None and self._has_group:
            from solvers.pytorch.symmetry.finder import symmetries_of  # loaded when it is asked for

            args, named = arguments_of(batch[0])
            found = symmetries_of(self._module, args, kwargs=named)
            self.symmetry = require_symmetry(found, self.along)
        return self.symmetry
