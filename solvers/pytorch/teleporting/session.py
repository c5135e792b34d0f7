"""One teleport of a module from the first measurement to the written result."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from typing import Any, final

import numpy as np
import torch
from torch import Tensor, nn

from solvers.aims.target_norms import GradientNorm
from solvers.cost import Cost
from solvers.null_space import INEXACT_DRIFT
from solvers.pytorch.meters.flat import Parameters
from solvers.pytorch.meters.functional import Loss
from solvers.pytorch.objective import ModuleObjective
from solvers.pytorch.symmetry.module_symmetry import ModuleSymmetry
from solvers.pytorch.teleporting.acceptance import judged, rolls_better
from solvers.pytorch.teleporting.batches import Batch
from solvers.pytorch.teleporting.chart import Chart, uniform_frame, without_rotations
from solvers.pytorch.teleporting.group_search import Bounds
from solvers.pytorch.teleporting.level_set_search import search_level_set
from solvers.pytorch.teleporting.lookahead import OptimizerLookahead
from solvers.pytorch.teleporting.measured_loss import MeasuredLoss
from solvers.pytorch.teleporting.moves import Proposal, Scene, along_group, at_random, without_group
from solvers.pytorch.teleporting.null_space import search_null_space
from solvers.pytorch.teleporting.options import Options
from solvers.pytorch.teleporting.owners import not_owned
from solvers.pytorch.teleporting.place import Place, allowance, available, require_trainable
from solvers.pytorch.teleporting.state_transport import States, following
from solvers.pytorch.teleporting.targets import make_target, preconditioner
from solvers.pytorch.teleporting.writing import Snapshot, Transaction, tensors_of
from solvers.results import TeleportResult
from solvers.running.acceptance import Rollout
from solvers.status import Status
from solvers.target import Target

BETTER = 1e-9
"""Relative change of the target from which a point counts as better than the start."""

DRIFT = 1e-8
"""Relative change of the loss beyond which a point is not taken, where rounding allows no more."""


@final
class Session:
    """One call of a teleporter.

    Parameters
    ----------
    model, loss_fn, optimizer, symmetry: of the teleporter.
    module: the module inside a compiled or data-parallel model.
    options: of the teleporter.
    measured: batches on which loss and target are measured.
    all_batches: batches of rollouts.
    held_out: batches on which the drift of a null-space move is reported.
    rng: source of random choices.
    began: when the call did, on the clock of ``time.perf_counter``.
    """

    def __init__(
        self,
        *,
        model: nn.Module,
        module: nn.Module,
        loss_fn: Loss,
        optimizer: torch.optim.Optimizer | None,
        symmetry: ModuleSymmetry | None,
        options: Options,
        measured: Sequence[Batch],
        all_batches: Sequence[Batch],
        held_out: Sequence[Batch] | None,
        rng: np.random.Generator,
        began: float,
    ) -> None:
        self.began = began
        self.module, self.optimizer, self.symmetry, self.options = module, optimizer, symmetry, options
        self.all_batches, self.rng = all_batches, rng
        self.seed = int(rng.integers(2**31))
        double = torch.float64 if options.along in ("level-set", "null-space") else None
        self.loss = MeasuredLoss(model, loss_fn, measured, dtype=available(double, module), seed=self.seed)
        self.held_out = None if held_out is None else ModuleObjective(self.loss.on(held_out))
        self.objective = ModuleObjective(self.loss)
        self.named = dict(module.named_parameters())
        self.ranks = self.loss.ranks
        self._transaction = Transaction(module, optimizer, self.named, self.ranks)

    def run(self) -> tuple[TeleportResult, Snapshot | None]:
        """The result, and what was there before where the teleport was taken."""
        try:
            with self.loss.measuring():
                return self._run()
        except BaseException:
            self.take_back()
            raise

    def take_back(self) -> None:
        """Model and optimizer as they were before what was written."""
        self._transaction.take_back()

    def _run(self) -> tuple[TeleportResult, Snapshot | None]:
        """Measure, search, verify, accept, write."""
        self.ranks.require_same(len(self.all_batches), what="batches")
        loss, gradient = self.loss.start()
        target = self._target()
        first = self._value(target, gradient, self.loss.parameters)
        target.require_finite(first)
        before = Place(loss=loss, gradient=gradient, target=first)
        searched = time.perf_counter()
        found = self._proposal(target, gradient)
        proposal: Proposal | None = found
        evidence: dict[str, Any] = {**found.evidence, "search_seconds": time.perf_counter() - searched}
        status, after, taken = found.status, before, None
        if found.tensors:
            after, refused = self._verified(found, target, before)
            if refused is not None:
                status, evidence["refused"] = refused
                after, proposal = before, None
        else:
            proposal = None
            status = status if status.is_failure else Status.NO_IMPROVEMENT
        if proposal is not None:
            states = self._states(proposal)
            if self._accepted(proposal, states, evidence):
                taken = self._transaction.write(proposal.tensors, states, whole=self.options.is_guarded)
            else:
                status, after = Status.REJECTED, before
        result = self._result(target, before, after, status, evidence, proposal if taken is not None else None)
        return result, taken

    def _target(self) -> Target:
        """The target on these batches."""
        return make_target(
            self.options.target,
            objective=self.objective,
            optimizer=self.optimizer,
            named=self.named,
            rule=self.options.rule,
            symmetry=self.symmetry,
            tensors=self._tensors() if self.symmetry is not None else {},
            lookahead_steps=self.options.lookahead_steps,
            seed=self.seed,
        )

    def _tensors(self) -> dict[str, Tensor]:
        """The parameters, and what the group moves beside, in the precision of the evaluations."""
        assert self.symmetry is not None
        live = tensors_of(self.module)
        beside = {name: live[name].detach() for name in self.symmetry.tensor_names if name not in self.loss.parameters}
        converted = {name: one.to(self.loss.dtype) if one.is_floating_point() else one for name, one in beside.items()}
        return {**self.loss.parameters, **converted}

    def _proposal(self, target: Target, gradient: Parameters) -> Proposal:
        """Where the move would lead."""
        options = self.options
        if options.along in ("group", "random"):
            assert self.symmetry is not None
            require_trainable(self.symmetry, self.named)
            reach = 1.0 if options.radius is None else options.radius
            if options.along == "random":
                return at_random(self.symmetry, self._tensors(), radius=reach, layer=options.layer_bound, rng=self.rng)
            searched = without_rotations(self.symmetry) if isinstance(target, GradientNorm) else self.symmetry
            scene = Scene(
                chart=Chart(searched, uniform_frame(searched) if options.per == "space" else None),
                tensors=self._tensors(),
                objective=self.objective,
                target=target,
                gradient=gradient,
                optimizer=self.optimizer,
                named=self.named,
                rule=options.rule,
                target_is_of_state=options.target == "preconditioned-gradient-norm",
            )
            bounds = Bounds(radius=reach, layer=options.layer_bound, steps=options.steps, gain=options.gain)
            return along_group(scene, bounds, maximize=options.maximize, rng=self.rng)
        start = self.objective.vector()
        given: dict[str, Any] = {"maximize": options.maximize, "steps": options.steps}
        if options.along == "level-set":
            found = search_level_set(self.objective, target, radius=options.radius, rng=self.rng, **given)
        else:
            found = search_null_space(
                self.objective, target, radius=options.radius, energy=options.energy, held_out=self.held_out, **given
            )
        return without_group(start, self.objective, found)

    def _rounded(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The tensors as the model will hold them."""
        live = tensors_of(self.module)
        return {name: one.to(live[name].dtype).to(one.dtype) for name, one in tensors.items()}

    def _verified(
        self, proposal: Proposal, target: Target, before: Place
    ) -> tuple[Place, tuple[Status, dict[str, Any]] | None]:
        """What the point is like as the model will hold it, and why it is refused where it is."""
        tensors = {**(self._tensors() if self.symmetry else self.loss.parameters), **self._rounded(proposal.tensors)}
        finite = all(bool(torch.isfinite(one).all()) for one in tensors.values() if one.is_floating_point())
        loss, gradient = self.loss.value_and_gradient(tensors) if finite else (math.nan, before.gradient)
        if not math.isfinite(loss):
            return before, (Status.NON_FINITE, {"loss": None})
        value = self._reached(proposal, target, gradient, tensors)
        after = Place(loss=loss, gradient=gradient, target=value)
        if not math.isfinite(value) or not math.isfinite(after.gradient_norm):
            return before, (Status.NON_FINITE, {"target": None})
        drift = loss - before.loss
        change = abs(drift) if self.options.along in ("group", "random") else drift
        allowed = self._allowance(before)
        if change > allowed:
            return before, (Status.NO_IMPROVEMENT, {"change_of_the_loss": drift, "allowed": allowed})
        sign = 1.0 if self.options.maximize else -1.0
        gained = sign * (value - before.target)
        if self.options.along != "random" and gained <= BETTER * abs(before.target):
            return before, (Status.NO_IMPROVEMENT, {"target": value})
        return after, None

    def _value(self, target: Target, gradient: Parameters, tensors: Mapping[str, Tensor]) -> float:
        """The target at tensors, from the gradient there where that is enough."""
        if isinstance(target, GradientNorm):
            return math.fsum(float(one.double().square().sum()) for one in gradient.values())
        self.objective.set_beside(tensors)
        return target.value(self.objective, self.objective.vector(tensors))

    def _reached(
        self, proposal: Proposal, target: Target, gradient: Parameters, tensors: Mapping[str, Tensor]
    ) -> float:
        """The target at the point, with the state of the optimizer that belongs there."""
        if self.options.target not in ("lookahead", "preconditioned-gradient-norm"):
            return self._value(target, gradient, tensors)
        if proposal.value is not None and not self.loss.converts:
            return proposal.value  # it was evaluated with the state that the teleport leaves
        states = self._states(proposal) or {}
        if isinstance(target, OptimizerLookahead):
            return target.from_state(tensors, states)
        assert self.optimizer is not None
        eta = preconditioner(self.optimizer, self.named, self.objective, self.options.rule, states)
        return math.fsum(float((one.double().square() * eta[name]).sum()) for name, one in gradient.items())

    def _allowance(self, before: Place) -> float:
        """By how much the loss may change: null spaces are told how inexact they may be."""
        is_inexact = self.options.along == "null-space" and self.options.energy < 1
        return allowance(before, self.named, self.loss.parameters, relative=INEXACT_DRIFT if is_inexact else DRIFT)

    def _states(self, proposal: Proposal) -> States | None:
        """The states of the optimizer after the teleport."""
        if self.optimizer is None:
            return None
        options: Any = {"optimizer": self.optimizer, "named": self.named, "rule": self.options.rule, "rng": self.seed}
        return following(proposal.element, self._tensors() if self.symmetry is not None else {}, **options)

    def _accepted(self, proposal: Proposal, states: States | None, evidence: dict[str, Any]) -> bool:
        """Whether the teleport is taken, the same on every process."""
        accept, began = self.options.accept, time.perf_counter()
        if accept is None:
            return True
        start = self._tensors() if self.symmetry is not None else dict(self.loss.parameters)
        end = {**start, **self._rounded(proposal.tensors)}
        if isinstance(accept, Rollout):
            assert self.optimizer is not None
            places = (start, None), (end, states or {})
            run = self.optimizer, self.named, self.loss, self.all_batches
            answer, evidence["rollout"] = rolls_better(accept, *run, places, orders=self.options.rollouts, rng=self.rng)
        else:
            answer = judged(accept, start, end, self.ranks)
        evidence["acceptance_seconds"] = time.perf_counter() - began
        return self.ranks.decide(answer)

    def _result(
        self,
        target: Target,
        before: Place,
        after: Place,
        status: Status,
        evidence: dict[str, Any],
        proposal: Proposal | None,
    ) -> TeleportResult:
        """The result with its cost."""
        total = self.loss.ledger.total()
        seconds = time.perf_counter() - self.began
        evidence |= {"precision": str(self.loss.dtype).removeprefix("torch."), "processes": self.ranks.size}
        evidence |= {"state": self.options.rule.mode if self.optimizer is not None else None, "seconds": seconds}
        if proposal is not None and self.optimizer is not None:
            strangers = not_owned(self.optimizer, self.named, proposal.tensors)
            evidence |= {"moved_without_optimizer": strangers} if strangers else {}
        return TeleportResult(
            point=self.module,
            loss_before=before.loss,
            loss_after=after.loss,
            target=target.name,
            target_before=before.target,
            target_after=after.target,
            gradient_norm_before=before.gradient_norm,
            gradient_norm_after=after.gradient_norm,
            status=status,
            cost=total + Cost(seconds=seconds - total.seconds),
            steps=proposal.steps if proposal is not None else 0,
            element=proposal.element if proposal is not None else None,
            evidence=evidence,
        )
