r"""
Leading eigenspaces: one learning rate for every rule and space
================================================================

The span of the :math:`n` leading eigenvectors of a symmetric matrix :math:`A` maximises
:math:`\operatorname{tr} Y^{\mathsf T} A Y` over orthonormal frames. It is a point of a Grassmann manifold, and any of
its frames is a point of a Stiefel manifold. The rules that train networks in vector spaces run on both, in coordinates
of one fixed vector space and without projections or vector transport.
"""

import matplotlib.pyplot as plt
import numpy as np

from manifolds import Grassmann, Stiefel
from solvers.learning_rates import Cosine
from solvers.manifold_objectives import objective_on
from solvers.minimize import minimize
from solvers.rules import LBFGS, Adam, GradientDescent, HeavyBall

# %%
# The matrix has 128 rows. Eight of its eigenvalues lie between 2 and 3, the others between 0 and 1.

N, n, STEPS = 128, 8, 400
Q = Stiefel(N, N).random(9)
A = (Q * np.r_[np.linspace(0, 1, N - n), np.linspace(2, 3, n)]) @ Q.T
best = -np.linalg.eigvalsh(A)[-n:].sum()


def errors(space, rule, *, steps=STEPS):
    """Relative errors of the trace along a run."""
    objective = objective_on(space, lambda Y: -np.sum(Y * (A @ Y)), lambda Y: -2 * A @ Y)
    result = minimize(objective, space.random(1), space=space, rule=rule, steps=steps)
    assert space.error(result.last_point) < 2e-14
    return np.maximum([(record.loss - best) / abs(best) for record in result.history], 1e-16)


# %%
# Four rules on the Stiefel manifold. Adam with a constant rate stalls at a floor of noise, as it does in vector spaces;
# a rate that falls as a cosine takes it down to rounding. L-BFGS chooses its steps itself.

stiefel = Stiefel(N, n)
rules = {
    "gradient descent": GradientDescent(learning_rate=1e-2),
    "heavy ball": HeavyBall(learning_rate=1e-2),
    "Adam": Adam(learning_rate=1e-2),
    "Adam, cosine": Adam(learning_rate=Cosine(3e-2, 0.0, STEPS)),
    "L-BFGS": LBFGS(),
}
curves = {name: errors(stiefel, rule) for name, rule in rules.items()}
assert curves["Adam, cosine"][-1] < 1e-13

# %%
# Adam with one rate on two manifolds, with the section in closed form and with the one that is carried along. Adam acts
# on each coordinate, so that its path depends on the section; how fast it converges does not.

sections = {
    f"{space.__name__}, {section}": errors(space(N, n, section=section), Adam(learning_rate=1e-2))
    for space in (Stiefel, Grassmann)
    for section in ("closed", "transported")
}
assert max(curve[100] for curve in sections.values()) < 1e-4

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), sharey=True, layout="constrained")
for name, curve in curves.items():
    left.semilogy(curve, label=name)
for name, curve in sections.items():
    is_frame = name.startswith("Stiefel")
    right.semilogy(
        curve, "-" if is_frame else "--", lw=3 if is_frame else 1.2, alpha=0.5 if is_frame else 1, label=name
    )
left.set(xlabel="step", ylabel="relative error of the trace", title=f"rules on Stiefel({N}, {n})", ylim=(1e-16, 3))
right.set(xlabel="step", title="Adam, two spaces and two sections")
for axes in (left, right):
    axes.grid(alpha=0.25)
    axes.legend(frameon=False, loc="lower left" if axes is right else "best")
