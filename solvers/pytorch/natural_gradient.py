r"""The natural gradient of a module by conjugate gradients on Gauss-Newton products, with no matrix anywhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias, final

import torch
from torch.func import functional_call, grad, jvp, vjp

from manifolds.errors import InputError
from solvers.rule import Rule, State
from solvers.rules import GradientDescent, HeavyBall, Nesterov
from solvers.steps.hyperparameters import NON_NEGATIVE, POSITIVE, read_count, read_number

Tensors: TypeAlias = dict[str, torch.Tensor]


SUMS = (GradientDescent, HeavyBall, Nesterov)
"""Rules whose displacement is a sum of gradients."""


@final
class NaturalGradient:
    r"""Descent in the Gauss-Newton metric of a module.

    .. math:: w \leftarrow w - \eta\,(J^{\mathsf T}\nabla^2\ell\,J + \delta I)^{-1}g

    For squared errors and cross-entropies this is the natural gradient.  Without damping a step in function space does
    not depend, to first order in :math:`\eta`, on how the module is parameterised.

    Parameters
    ----------
    module: whose parameters that require gradients are moved; buffers stay.
    loss: (outputs, targets) -> a scalar, convex in the outputs.
    lr: :math:`\eta`; the learning rate of the rule is not used.
    rule: what becomes of the gradient before the metric raises it: a rule of :mod:`solvers.rules` whose displacement is
        a sum of gradients, such as ``HeavyBall()``.  None takes the gradient itself.
    damping: :math:`\delta`, at least 0; it keeps the metric regular where old gradients leave its range.
    tolerance: of the conjugate gradients, residual over gradient.
    iterations: most Gauss-Newton products in one step.

    Raises
    ------
    InputError: a number lies outside its interval, or the module has no parameters.

    >>> module = torch.nn.Linear(1, 1, bias=False).double()
    >>> step = NaturalGradient(module, torch.nn.functional.mse_loss, lr=1.0)
    >>> inputs = torch.tensor([[1.0], [2.0]], dtype=torch.float64)
    >>> _ = step(inputs, 3 * inputs)
    >>> round(module.weight.item(), 9)
    3.0

    Source: S. Amari, "Natural gradient works efficiently in learning" (1998); J. Martens, "Deep learning via
    Hessian-free optimization" (2010), section 4.
    """

    def __init__(
        self,
        module: torch.nn.Module,
        loss: Callable[[Any, Any], torch.Tensor],
        *,
        lr: float = 0.1,
        rule: Rule | None = None,
        damping: float = 0.0,
        tolerance: float = 1e-8,
        iterations: int = 100,
    ) -> None:
        self.lr = read_number(lr, name="lr", interval=NON_NEGATIVE)
        self.damping = read_number(damping, name="damping", interval=NON_NEGATIVE)
        self.tolerance = read_number(tolerance, name="tolerance", interval=POSITIVE)
        read_count(iterations, name="iterations")
        self.iterations, self.module, self.loss = iterations, module, loss
        if rule is not None and not isinstance(rule, SUMS):
            raise InputError(
                f"the rule {type(rule).__name__}",
                why="its displacement is no sum of gradients, so no metric makes a vector of it",
                cure="use GradientDescent, HeavyBall or Nesterov",
            )
        self._rule, self._count = rule, 0
        self._states: dict[str, State] = {}
        self._names = [name for name, one in module.named_parameters() if one.requires_grad]
        if not self._names:
            raise InputError(
                "the module", why="it has no parameters that require gradients", cure="give another module"
            )

    def __call__(self, inputs: Any, targets: Any) -> torch.Tensor:
        """Make one step on a batch and return the loss before it."""
        parameters = {name: self.module.get_parameter(name).detach() for name in self._names}
        self._count += 1
        value, displacement = self._displacement(parameters, inputs, targets)
        with torch.no_grad():
            for name, moved in displacement.items():
                self.module.get_parameter(name).add_(moved)
        return value

    def _displacement(self, parameters: Tensors, inputs: Any, targets: Any) -> tuple[torch.Tensor, Tensors]:
        """The loss at given parameters and the displacement from there, by name."""

        def outputs(given: Tensors) -> torch.Tensor:
            """The outputs of the module on the batch."""
            return functional_call(self.module, given, (inputs,))

        z, pull = vjp(outputs, parameters)[:2]

        def slope(at: torch.Tensor) -> torch.Tensor:
            """The derivative of the loss in the outputs."""
            return grad(lambda one: self.loss(one, targets))(at)

        def product(direction: Tensors) -> Tensors:
            """The damped Gauss-Newton matrix times a direction."""
            push: torch.Tensor = jvp(outputs, (parameters,), (direction,))[1]
            found: Tensors = pull(bend(push)[0])[0]
            return {name: found[name] + self.damping * one for name, one in direction.items()}

        bent = vjp(slope, z)
        first, bend = bent[0], bent[1]  # the Hessian of the loss is symmetric: pulling back is multiplying
        gradient: Tensors = pull(first)[0]
        solution = conjugate_gradients(
            product, self._ruled(gradient), tolerance=self.tolerance, iterations=self.iterations
        )
        return self.loss(z, targets).detach(), {name: -self.lr * one for name, one in solution.items()}

    def _ruled(self, gradient: Tensors) -> Tensors:
        """What the rule makes of the gradient, at rate one and with the sign of a gradient."""
        if self._rule is None:
            return gradient
        found: Tensors = {}
        for name, one in gradient.items():
            state = self._states.get(name) or self._rule.start(one)
            moved, self._states[name] = self._rule.step(one, state, count=max(1, self._count), rate=1.0)
            found[name] = -moved
        return found


def conjugate_gradients(
    product: Callable[[Tensors], Tensors], right: Tensors, *, tolerance: float, iterations: int
) -> Tensors:
    """The solution of a semidefinite system of tensors by name, from zero, ended at a tolerance or at zero curvature.

    >>> found = conjugate_gradients(
    ...     lambda v: {"w": 2 * v["w"]}, {"w": torch.ones(2)}, tolerance=1e-6, iterations=5
    ... )
    >>> found["w"].tolist()
    [0.5, 0.5]

    Source: J. Nocedal and S. Wright, "Numerical Optimization" (2006), algorithm 5.2.
    """
    solution = {name: torch.zeros_like(one) for name, one in right.items()}
    residual = {name: one.clone() for name, one in right.items()}
    direction, square = dict(residual), _inner(residual, residual)
    goal = tolerance**2 * square
    for _ in range(iterations):
        if not square > goal:
            break
        image = product(direction)
        curvature = _inner(direction, image)
        if not curvature > 0:
            break
        length = square / curvature
        solution = {name: one + length * direction[name] for name, one in solution.items()}
        residual = {name: one - length * image[name] for name, one in residual.items()}
        square, before = _inner(residual, residual), square
        direction = {name: one + (square / before) * direction[name] for name, one in residual.items()}
    return solution


def _inner(a: Tensors, b: Tensors) -> float:
    """The inner product of tensors by name."""
    return sum(float((one * b[name]).sum()) for name, one in a.items())
