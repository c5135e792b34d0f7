"""One teleport of a module from the first measurement to the written result."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from typing import Any, final

import numpy as np
import torch
from torch import Tensor, nn

from manifolds.errors import InputError
from solvers.aims.target_norms import GradientNorm
from solvers.cost import Cost
from solvers.null_space import INEXACT_DRIFT
from solvers.pytorch.meters.flat import Parameters
from solvers.pytorch.meters.functional import Loss
from solvers.pytorch.objective import ModuleObjective
from solvers.pytorch.symmetry.module_symmetry import ModuleSymmetry
from solvers.pytorch.teleporting.acceptance import judged, orders_of, rollout_end
from solvers.pytorch.teleporting.batches import Batch
from solvers.pytorch.teleporting.chart import Chart, uniform_frame
from solvers.pytorch.teleporting.group_search import Bounds
from solvers.pytorch.teleporting.level_set_search import search_level_set
from solvers.pytorch.teleporting.measured_loss import MeasuredLoss
from solvers.pytorch.teleporting.moves import Proposal, Scene, along_group, at_random, without_group
from solvers.pytorch.teleporting.null_space import search_null_space
from solvers.pytorch.teleporting.options import Options
from solvers.pytorch.teleporting.place import Place, allowance, require_trainable
from solvers.pytorch.teleporting.state_transport import States, fresh, states_of, transported
from solvers.pytorch.teleporting.targets import make_target
from solvers.pytorch.teleporting.writing import Snapshot, tensors_of, write_all
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
    options: of the teleporter.
    measured: batches on which loss and target are measured.
    all_batches: batches of rollouts.
    held_out: batches on which the drift of a null-space move is reported.
    rng: source of random choices.
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
    ) -> None:
        self.began = time.perf_counter()
        self.module, self.optimizer, self.symmetry, self.options = module, optimizer, symmetry, options
        self.all_batches, self.rng = all_batches, rng
        self.seed = int(rng.integers(2**31))
        double = torch.float64 if options.along in ("level-set", "null-space") else None
        self.loss = MeasuredLoss(model, loss_fn, measured, dtype=_available(double, module), seed=self.seed)
        self.held_out = None if held_out is None else ModuleObjective(self.loss.on(held_out))
        self.objective = ModuleObjective(self.loss)
        self.named = dict(module.named_parameters())
        self.ranks = self.loss.ranks

    def run(self) -> tuple[TeleportResult, Snapshot | None]:
        """The result, and what was there before where the teleport was taken."""
        with self.loss.measuring():
            return self._run()

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
                taken = self._write(proposal, states)
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
                return at_random(self.symmetry, self._tensors(), radius=reach, rng=self.rng)
            scene = Scene(
                chart=Chart(self.symmetry, uniform_frame(self.symmetry) if options.per == "space" else None),
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
        if proposal.value is not None and self.options.target in ("lookahead", "preconditioned-gradient-norm"):
            return proposal.value  # it was evaluated with the state that the teleport leaves
        return self._value(target, gradient, tensors)

    def _allowance(self, before: Place) -> float:
        """By how much the loss may change: null spaces are told how inexact they may be."""
        is_inexact = self.options.along == "null-space" and self.options.energy < 1
        return allowance(before, self.named, self.loss.parameters, relative=INEXACT_DRIFT if is_inexact else DRIFT)

    def _states(self, proposal: Proposal) -> States | None:
        """The states of the optimizer after the teleport."""
        optimizer, rule = self.optimizer, self.options.rule
        if optimizer is None:
            return None
        states = states_of(optimizer, self.named)
        if rule.mode == "reset":
            return fresh(states, optimizer, self.named)
        if rule.mode == "keep" or proposal.element is None:
            return states
        moved = transported(states, proposal.element, self._tensors(), optimizer=optimizer, rule=rule, rng=self.seed)
        for name, state in moved.items():
            for key, one in state.items():
                if isinstance(one, Tensor) and not bool(torch.isfinite(one).all()):
                    raise InputError(
                        f"the transported state {key!r} of {name!r}",
                        why="it is not finite at the new point",
                        cure="lower the radius of the teleport, or use state='reset'",
                    )
        return {
            name: {key: one.detach() if isinstance(one, Tensor) else one for key, one in state.items()}
            for name, state in moved.items()
        }

    def _accepted(self, proposal: Proposal, states: States | None, evidence: dict[str, Any]) -> bool:
        """Whether the teleport is taken, the same on every process."""
        accept, began = self.options.accept, time.perf_counter()
        if accept is None:
            return True
        start = self._tensors() if self.symmetry is not None else dict(self.loss.parameters)
        end = {**start, **self._rounded(proposal.tensors)}
        if isinstance(accept, Rollout):
            answer = self._rolls_better(accept, start, end, states or {}, evidence)
        else:
            answer = judged(accept, start, end, self.ranks)
        evidence["acceptance_seconds"] = time.perf_counter() - began
        return self.ranks.decide(answer)

    def _rolls_better(
        self, accept: Rollout, start: Parameters, end: Parameters, states: States, evidence: dict[str, Any]
    ) -> bool:
        """Whether virtual steps end lower from the new point, in each of some orders of the batches."""
        assert self.optimizer is not None
        present = states_of(self.optimizer, self.named)
        orders = orders_of(self.all_batches, self.options.rollouts, self.rng)
        ends: list[dict[str, float | None]] = []
        evidence["rollout"] = {"steps": accept.steps, "margin": accept.margin, "ends": ends}
        for order in orders:
            given: Any = (accept, self.optimizer, self.named, self.loss, order)
            without = rollout_end(*given, point=start, states=present)
            with_teleport = rollout_end(*given, point=end, states=states)
            ends.append({"without": _json(without), "with": _json(with_teleport)})
            if not accept.prefers(without, with_teleport):
                return False
        return True

    def _write(self, proposal: Proposal, states: States | None) -> Snapshot:
        """Write model and optimizer, on every process the same bits."""
        failure: BaseException | None = None
        before: Snapshot | None = None
        try:
            self.ranks.from_first([one.contiguous() for one in proposal.tensors.values()])
            before = write_all(
                self.module,
                proposal.tensors,
                optimizer=self.optimizer,
                states=states,
                named=self.named,
                whole=self.options.is_guarded,
            )
        except BaseException as error:  # noqa: BLE001
            failure = error
        try:
            self.ranks.require_all(failure)
        except BaseException:
            if before is not None:
                before.restore(self.module, self.optimizer, self.named)
            raise
        assert before is not None
        return before

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


def _available(dtype: torch.dtype | None, module: nn.Module) -> torch.dtype | None:
    """A precision that the device has."""
    device = next(module.parameters()).device
    return None if device.type == "mps" else dtype


def _json(value: float) -> float | None:
    """A number, or None where it is none."""
    return value if math.isfinite(value) else None
