r"""
Symmetries of growing networks
==============================

How many symmetries does a network have, and how long does it take to find and prove all of them? With :math:`n`
parameters there are :math:`n^2` linear fields, but the symmetries of an architecture are matrices that act on the rows
and columns of its weights. The ansatz ``Blocks()`` has few enough unknowns for :math:`n = 10^5`, and proves each family
of generators by one statement. This script follows three kinds of networks to some ten thousand parameters.
"""

from time import perf_counter

import matplotlib.pyplot as plt
import numpy as np

from symmetries import Loss, derive
from symmetries.ansatz import Blocks

# %%
# A linear network of two hidden layers, a relu network of one, and an attention layer, all of width :math:`h`.


def linear(h):
    shapes = {"A": (h, h), "B": (h, h), "C": (h, h)}
    return Loss.parse("sum((y - C@B@A@x)**2)", shapes, data={"x": (h,), "y": (h,)})


def relu(h):
    return Loss.parse("sum((y - B@relu(A@x))**2)", {"A": (h, h), "B": (h, h)}, data={"x": (h,), "y": (h,)})


def attention(h):
    data = {"X": (4, h), "Y": (4, 4)}
    return Loss.parse("sum((Y - softmax(X@Q@K.T@X.T))**2)", {"Q": (h, h), "K": (h, h)}, data=data)


NETWORKS = {"linear, two hidden layers": linear, "relu, one hidden layer": relu, "attention": attention}
WIDTHS = (4, 12, 32, 64, 100)

# %%
# Every algebra is complete, and every family proved.

curves = {}
for name, build in NETWORKS.items():
    rows = []
    for width in WIDTHS:
        loss = build(width)
        start = perf_counter()
        algebra = derive(loss, ansatz=Blocks())
        seconds = perf_counter() - start
        assert algebra.completeness.verdict == "proved"
        assert all(one.claim.verdict == "proved" for one in algebra.families)
        rows.append((sum(np.prod(shape) for shape in loss.parameters.values()), algebra.dimension, seconds))
    curves[name] = np.array(rows)
    print(f"{name}, h = {width}: {algebra.name}")
    for one in algebra.families:
        print(f"    {one.claim.statement}")

# %%
# The dimension follows the architecture: :math:`2h^2` for the linear network, :math:`h` for relu, :math:`h^2` for
# attention.

widths = np.array(WIDTHS)
for (name, curve), expected in zip(curves.items(), (2 * widths**2, widths, widths**2), strict=True):
    assert (curve[:, 1] == expected).all(), name

# %%
# Time grows little faster than the number of parameters. A single field of the largest linear network is made when it
# is asked for.

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
for name, curve in curves.items():
    left.loglog(curve[:, 0], curve[:, 1], marker="o", label=name)
    right.loglog(curve[:, 0], curve[:, 2], marker="o", label=name)
left.set(xlabel="parameters n", ylabel="dimension", title="symmetries")
right.set(xlabel="parameters n", ylabel="seconds", title="derivation and proof")
left.legend(frameon=False)
field = derive(linear(32), ansatz=Blocks()).generators[1000]
print(f"generator 1000 moves {len(field.components)} entries, the first one by {next(iter(field.components.items()))}")
