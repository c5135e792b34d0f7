r"""
One large system, or thousands of tiny ones
===========================================

With :math:`n` parameters the linear ansatz has :math:`n^2` unknowns, and elimination costs their cube. The scalings and
sign changes of parameters and data that a formula visibly has split the equations into independent blocks. This script
shows how small the blocks become, and what that saves.
"""

from collections import Counter
from time import perf_counter

import matplotlib.pyplot as plt
import numpy as np

from symmetries import Linear, Loss, derive
from symmetries.blocks import ModularSystem, partition
from symmetries.system import DeterminingSystem

# %%
# The blocks of three losses. A block is a set of unknowns with the same character, so the sizes come from the formula
# alone; nothing is sampled.

LOSSES = {
    r"factorisation $7 \times 7 \times 7$": Loss.parse(
        "sum((Y - U@V)**2)", {"U": (7, 7), "V": (7, 7)}, data={"Y": (7, 7)}
    ),
    "linear network 4-4-4-4": Loss.parse(
        "sum((y - W3@W2@W1@x)**2)", {"W1": (4, 4), "W2": (4, 4), "W3": (4, 4)}, data={"x": (4,), "y": (4,)}
    ),
    "tanh network 4-8-2": Loss.parse(
        "sum((y - W2@tanh(W1@x + b1) - b2)**2)",
        {"W1": (8, 4), "b1": (8,), "W2": (2, 8), "b2": (2,)},
        data={"x": (4,), "y": (2,)},
    ),
}


def block_sizes(loss):
    parts = partition(DeterminingSystem.of(loss, seed=0), Linear().unknowns(len(loss.entries)))
    return Counter([*(len(block) for block in parts.blocks), *[1] * len(parts.single)])


sizes = {name: block_sizes(loss) for name, loss in LOSSES.items()}
for name, counted in sizes.items():
    total = sum(size * count for size, count in counted.items())
    print(f"{name}: {total} unknowns, {sum(counted.values())} blocks, the largest {max(counted)}")

# %%
# The time of the whole derivation, proofs included, beside that of one elimination of the system in one piece, for
# square factorisations of growing size. Both find the same dimension.


def whole_system(loss):
    """Nullity modulo a prime of the determining equations without any splitting."""
    system = DeterminingSystem.of(loss, seed=0)
    unknowns = Linear().unknowns(len(loss.entries))
    prime, sampler = next(system.samplers())
    return len(ModularSystem(system, unknowns, prime, sampler).solve(np.arange(unknowns.count)).basis)


def seconds(function, loss):
    start = perf_counter()
    answer = function(loss)
    return answer, perf_counter() - start


rows = []
for r in (1, 2, 3, 4, 5, 6, 7):
    loss = Loss.parse("sum((Y - U@V)**2)", {"U": (r, r), "V": (r, r)}, data={"Y": (r, r)})
    algebra, split = seconds(derive, loss)
    nullity, whole = seconds(whole_system, loss) if 2 <= r <= 4 else (None, None)
    assert nullity in (None, algebra.dimension)
    rows.append((2 * r * r, split, whole))
    print(f"n = {2 * r * r:3}   {4 * r**4:5} unknowns   dimension {algebra.dimension:2}")

# %%
# On the left the part of the unknowns that lies in blocks of each size: most are in blocks of at most three. On the
# right the times. Elimination in one piece grows with the cube of the :math:`n^2` unknowns.

figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
for k, (name, counted) in enumerate(sizes.items()):
    total = sum(size * count for size, count in counted.items())
    bins = 2.0 ** np.arange(0, 9)
    share, _ = np.histogram(list(counted), bins=bins, weights=[100 * s * c / total for s, c in counted.items()])
    axes[0].bar(np.arange(len(share)) + (k - 1) * 0.27, share, width=0.25, label=f"{name} ({total:,} unknowns)")
labels = ["1", "2-3", "4-7", "8-15", "16-31", "32-63", "64-127", "128-255"]
axes[0].set(xticks=range(len(labels)), xlabel="size of the block", ylabel="part of the unknowns, in percent")
axes[0].set_xticklabels(labels, fontsize=8)
axes[0].legend(frameon=False, fontsize=9)
axes[0].set_title("where the unknowns are")

n, split, whole = (np.array([row[k] for row in rows], dtype=float) for k in range(3))
shown = np.isfinite(whole)
axes[1].loglog(n, split, "o-", label="split: the whole derivation, proofs included")
axes[1].loglog(n[shown], whole[shown], "s-", color="C3", label="in one piece: one elimination")
guide = np.array([32.0, 98.0])
axes[1].loglog(guide, whole[shown][-1] * (guide / 32) ** 6, ":", color="C3", lw=1, label="$n^6$")
axes[1].set(xlabel="parameters $n$", ylabel="seconds", title="matrix factorisation, linear ansatz")
axes[1].set(xticks=n, xticklabels=[f"{value:.0f}" for value in n])
axes[1].minorticks_off()
axes[1].legend(frameon=False, fontsize=9)
for one in axes:
    one.spines[["top", "right"]].set_visible(False)
plt.show()
