r"""
What gradient descent forgets
=============================

Gradient flow on a factorisation :math:`\|Y - UV\|^2` keeps every entry of :math:`U^{\mathsf T}U - VV^{\mathsf T}`.
Gradient descent does not quite, and how fast it forgets can be predicted before the first step.
"""

import matplotlib.pyplot as plt
import numpy as np

from symmetries import Loss
from symmetries.conservation import conservation_laws
from symmetries.conserved.gradient_flow import gradient_path, predict_drift

# %%
# The quantities are derived from the formula, proved, and counted: the brackets of the gradients leave no room for a
# fourth.

loss = Loss.parse("sum((Y - U@V)**2)", {"U": (3, 2), "V": (2, 4)}, data={"Y": (3, 4)})
laws = conservation_laws(loss)
print(laws)
print(laws.count.reason)

# %%
# Their values along gradient descent with three learning rates, over the same time. The dashed lines are the
# predictions :math:`\tfrac h2 \int \langle v, \nabla^2 Q\, v\rangle\, dt`, made along the flow.

rng = np.random.default_rng(3)
data = {"Y": rng.normal(size=(3, 4))}
start = 0.8 * rng.normal(size=14)
time = 0.4
quantity = laws.quantities[0]

fig, axes = plt.subplots(1, 2, figsize=(9, 3.6))
rates = (0.02, 0.01, 0.005)
for rate in rates:
    count = round(time / rate)
    path = gradient_path(quantity, start, step=rate, count=count, data=data)
    values = np.array([quantity.value(point) for point in path])
    (line,) = axes[0].plot(rate * np.arange(count + 1), values - values[0], label=f"learning rate {rate:g}")
    times = np.linspace(time / 8, time, 8)
    predicted = [predict_drift(quantity, start, rate, time=t, count=64, data=data) for t in times]
    axes[0].plot(times, predicted, "--", lw=1, color=line.get_color())
axes[0].set(xlabel="time = steps x learning rate", ylabel="Q - Q(start)")
axes[0].legend(frameon=False)

# %%
# All three quantities at the end: measured against predicted drift for smaller and smaller learning rates.

rates = 0.02 / 2.0 ** np.arange(6)
for k, one in enumerate(laws.quantities, 1):
    measured, predicted = [], []
    for rate in rates:
        path = gradient_path(one, start, step=rate, count=round(time / rate), data=data)
        measured.append(abs(one.value(path[-1]) - one.value(path[0])))
        predicted.append(abs(predict_drift(one, start, rate, time=time, data=data)))
    print(f"Q{k}: measured / predicted = {np.round(np.array(measured) / predicted, 4)}")
    axes[1].loglog(rates, measured, "o", label=f"Q{k} measured")
    axes[1].loglog(rates, predicted, "k--", lw=1)
axes[1].set(xlabel="learning rate", ylabel="|drift|")
axes[1].legend(frameon=False)
fig.tight_layout()
plt.show()
