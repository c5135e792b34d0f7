r"""
Symplectic frames: traces at three learning rates
==================================================

The smallest value of :math:`\operatorname{tr} U^{\mathsf T} A U` over symplectic frames :math:`U`, for a positive
definite :math:`A`, is twice the sum of the smallest symplectic eigenvalues of :math:`A`: the frequencies of a system of
oscillators with this energy. The symplectic Stiefel manifold has no bound, yet Adam arrives at rates a factor of ten
apart, and frames stay symplectic to rounding however many steps are made.
"""

import matplotlib.pyplot as plt
import numpy as np

from manifolds import SymplecticStiefel
from solvers.learning_rates import Cosine
from solvers.manifold_objectives import objective_on
from solvers.minimize import minimize
from solvers.rules import Adam

# %%
# Twenty oscillators with frequencies from 1 to 3 in mixed coordinates, and frames of three pairs of columns.

N, n, STEPS = 20, 3, 3000
frequencies = np.linspace(1, 3, N)
mixing = SymplecticStiefel(N, N).random(0)
A = (mixing.T * np.r_[frequencies, frequencies]) @ mixing
A = (A + A.T) / 2
best = 2 * frequencies[:n].sum()

# %%
# Three rates, each falling as a cosine, and the error :math:`U^* U - I` along the way.

space = SymplecticStiefel(N, n)
objective = objective_on(space, lambda U: np.sum(U * (A @ U)), lambda U: 2 * A @ U)
runs = {}
for rate in (3e-3, 1e-2, 3e-2):
    drift = []

    def watch(state, drift=drift):
        """Note the largest entry of the error now and then."""
        if state.step % 20 == 0:
            drift.append(np.abs(space.form.pair(state.point, state.point) - np.eye(2 * n)).max())

    rule = Adam(learning_rate=Cosine(rate, 0.0, STEPS))
    result = minimize(objective, space.random(1), space=space, rule=rule, steps=STEPS, tolerance=0.0, callback=watch)
    errors = np.maximum([(record.loss - best) / best for record in result.history], 1e-16)
    assert errors[-1] < 1e-12
    assert max(drift) < 2e-14
    runs[rate] = errors, drift

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
for rate, (errors, drift) in runs.items():
    left.semilogy(errors, label=f"learning rate {rate:g}")
    right.semilogy(np.arange(20, STEPS + 1, 20), drift, lw=0.8, label=f"learning rate {rate:g}")
left.set(xlabel="step", ylabel="relative error of the trace", title=f"Adam on {space.name}", ylim=(5e-17, 10))
right.set(xlabel="step", ylabel=r"largest entry of $U^*U - I$", title="symplecticity", ylim=(1e-16, 1e-12))
right.axhline(2e-14, color="0.5", ls=":", label=r"$2\times10^{-14}$")
for axes in (left, right):
    axes.grid(alpha=0.25)
    axes.legend(frameon=False)

# %%
# L-BFGS, whose two-loop recursion runs in the same coordinates, needs a few dozen gradients for the same trace.

quick = minimize(objective, space.random(1), space=space, rule="l-bfgs", tolerance=1e-9)
print(f"L-BFGS: error {abs(quick.value - best) / best:.0e} after {quick.cost.gradients} gradients")
assert abs(quick.value - best) < 1e-13 * best
