r"""
Sharpness and curvature along an orbit
======================================

Scaling the inputs of a ReLU unit up and its outputs down leaves a network's function as it is. All points of such an
orbit have the same loss on all data, training and test; sharpness, trace and largest eigenvalue of the Hessian, and the
curvature of the orbit itself are not the same. So none of them can say by itself how well the function generalises.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.datasets import load_digits

from solvers.pytorch.meters import curve_curvature, hessian_trace, sharpness, spectral_density, top_eigenvalues

# %%
# A network 64-16-10, trained for a moment on the digits of scikit-learn.

torch.set_num_threads(1)
images, labels = load_digits(return_X_y=True)
batch = torch.from_numpy(images / 16), torch.from_numpy(labels)
with torch.random.fork_rng():
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Linear(64, 16), torch.nn.ReLU(), torch.nn.Linear(16, 10)).double()
loss_fn = torch.nn.functional.cross_entropy
optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
for _ in range(60):
    optimizer.zero_grad()
    loss_fn(network(batch[0]), batch[1]).backward()
    optimizer.step()

# %%
# One element of the Lie algebra of the scalings, and its curve through the parameters.

element = torch.from_numpy(np.random.default_rng(1).standard_normal(16))
element /= element.norm()


def curve(parameters, M, t):
    s = torch.exp(t * M)
    first, bias, last = (parameters[name] for name in ("0.weight", "0.bias", "2.weight"))
    return {"0.weight": s[:, None] * first, "0.bias": s * bias, "2.weight": last / s}


start = {name: one.detach().clone() for name, one in network.named_parameters()}
times = np.linspace(-5, 5, 17)
rows = []
for t in times:
    there = {**start, **curve(start, element, torch.tensor(t))}
    network.load_state_dict(there)
    high = sharpness(network, loss_fn, batch, radii=(1.0, 2.0), directions=20)
    trace = hessian_trace(network, loss_fn, batch, probes=60, method="hutch++")
    top = top_eigenvalues(network, loss_fn, batch, tolerance=1e-3, most_steps=40)
    bend = curve_curvature(curve, there, element)
    loss = float(loss_fn(network(batch[0]), batch[1]).detach())
    rows.append((loss, high.value, high.standard_error, trace.value, trace.standard_error, top.values[0], bend.value))
losses, high, error, trace, trace_error, top, bend = np.array(rows).T
assert np.ptp(losses) < 1e-13
print(f"loss {losses[0]:.6f} all along; sharpness {high.min():.4f} to {high.max():.4f}, ", end="")
print(f"largest eigenvalue {top.min():.3f} to {top.max():.3f}, curvature {bend.min():.4f} to {bend.max():.4f}")

# %%
# Bands are two standard errors of the meters. The network that was trained is at the time 0.

densities = {}
for t in (0.0, 5.0):
    network.load_state_dict({**start, **curve(start, element, torch.tensor(t))})
    densities[t] = spectral_density(network, loss_fn, batch, probes=3, steps=30)

figure, axes = plt.subplots(1, 4, figsize=(15, 3.6), layout="constrained")
axes[0].plot(times, losses, color="0.5", lw=1.6, label="loss")
axes[0].fill_between(times, high - 2 * error, high + 2 * error, color="#d9480f", alpha=0.25, lw=0)
axes[0].plot(times, high, color="#d9480f", lw=2, label="mean loss at distances 1 and 2")
axes[0].set(title="sharpness", ylim=(0.2, None))
axes[0].legend(frameon=False, loc="upper center")
axes[1].fill_between(times, trace - 2 * trace_error, trace + 2 * trace_error, color="#0b7285", alpha=0.25, lw=0)
axes[1].plot(times, trace, color="#0b7285", lw=2, label="trace")
axes[1].plot(times, top, color="#1f2937", lw=2, label="largest eigenvalue")
axes[1].set(title="Hessian", yscale="log", ylim=(3, 500))
axes[1].legend(frameon=False, loc="upper center")
axes[2].plot(times, bend, color="#5f3dc4", lw=2)
axes[2].set(title=r"curvature $\kappa$ of the orbit", ylim=(0, None))
for ax in axes[:3]:
    ax.axvline(0, color="0.85", lw=1, zorder=0)
    ax.set_xlabel("time $t$ on the orbit")
grid = np.geomspace(1e-3, 2 * max(one.nodes.max() for one in densities.values()), 400)
for (t, one), colour in zip(densities.items(), ("#1f2937", "#d9480f"), strict=True):
    above = [one.weights[one.nodes > bound].sum() for bound in grid]
    axes[3].loglog(grid, above, color=colour, lw=2, label=f"$t = {t:g}$")
axes[3].set(title="share of eigenvalues above", xlabel="eigenvalue", ylim=(2e-4, 1))
axes[3].legend(frameon=False)
for ax in axes:
    ax.spines[["top", "right"]].set_visible(False)
plt.show()
