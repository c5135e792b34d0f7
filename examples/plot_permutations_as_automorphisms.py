r"""
Permutations of neurons as automorphisms of a graph
===================================================

A permutation of parameters, with signs, keeps a loss when the graph of its formula looks the same afterwards. The
graph has two vertices for every quantity, :math:`v` and :math:`-v`; a sum is joined to its terms, a product to its
factors through one vertex for each pattern of signs, and tanh hands the sign on. Its automorphisms are the discrete
symmetries that the formula shows.
"""

from math import log10

import matplotlib.pyplot as plt
import networkx as nx
import numpy as np

from symmetries import Loss
from symmetries.compiled import compile_loss
from symmetries.discrete import discrete_symmetries
from symmetries.permutations.discrete_invariance import Invariance
from symmetries.permutations.signed_graph import SignedGraph

# %%
# A network with two neurons, one input and one output, has four weights.

loss = Loss.parse("sum((y - V@tanh(W@x))**2)", {"W": (2, 1), "V": (1, 2)}, data={"x": (1,), "y": (1,)})
group = discrete_symmetries(loss)
print(group)

# %%
# The graph. The eight vertices of the signed weights are drawn at the bottom, the loss at the top; vertices of one
# colour can be exchanged as far as repeated counting of neighbours can tell.

made = Invariance(loss)
signed = SignedGraph(made.graph, made.root, made.coordinates, [0] * len(made.coordinates))
graph = signed.networkx()
height = nx.single_source_shortest_path_length(graph, 0)
colours = nx.get_node_attributes(graph, "colour")
levels = sorted(set(colours.values()), key=lambda colour: min(height[v] for v in graph if colours[v] == colour))
place = {}
for row, colour in enumerate(levels):
    members = [v for v in graph if colours[v] == colour]
    for k, vertex in enumerate(members):
        place[vertex] = ((k + 0.5) / len(members) + 0.002 * row, row)

names = dict(enumerate(loss.entries)) | {4 + k: f"-{name}" for k, name in enumerate(loss.entries)}
fig, axes = plt.subplots(1, 2, figsize=(11, 5))
nx.draw_networkx_edges(graph, place, ax=axes[0], edge_color="0.8")
nx.draw_networkx_nodes(
    graph, place, ax=axes[0], node_size=70, node_color=[colours[v] for v in graph], cmap="tab20", edgecolors="0.3"
)
nx.draw_networkx_labels(graph, {v: (x, y - 0.35) for v, (x, y) in place.items()}, names, ax=axes[0], font_size=8)
axes[0].set_title(f"{len(graph)} vertices, {group.order} automorphisms: {group.name}")
axes[0].set_axis_off()

# %%
# The order grows like :math:`2^h\,h!` for tanh, which is odd, and like :math:`h!` for the sigmoid.

sizes = [1, 2, 4, 8, 16, 32]
for activation, marker in (("tanh", "o"), ("sigmoid", "s")):
    orders = []
    for hidden in sizes:
        wide = Loss.parse(
            f"sum((y - V@{activation}(W@x))**2)", {"W": (hidden, 1), "V": (1, hidden)}, data={"x": (1,), "y": (1,)}
        )
        orders.append(log10(discrete_symmetries(wide).order))
    axes[1].plot(sizes, orders, marker + "-", label=activation)
axes[1].set_xlabel("neurons")
axes[1].set_ylabel("decimal logarithm of the order")
axes[1].legend()
fig.tight_layout()
plt.show()

# %%
# Every element keeps the loss: the network is another point of parameter space with the same output.

rng = np.random.default_rng(0)
weights = rng.normal(size=4)
data = {"x": rng.normal(size=1), "y": rng.normal(size=1)}
value = compile_loss(loss).value
spread = max(abs(value(g.apply(weights), data) - value(weights, data)) for g in group.elements())
print(f"{group.order} points, loss {value(weights, data):.6f}, largest difference {spread:.1e}")
assert spread < 1e-14
