"""Signed permutations, permutation groups and their names, sign flips, and automorphisms, each against another way."""

from __future__ import annotations

from itertools import permutations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy.combinatorics import Permutation
from sympy.combinatorics import PermutationGroup as SympyGroup

from manifolds.errors import InputError
from symmetries.loss import Loss
from symmetries.lower import lower
from symmetries.permutations.automorphisms import AutomorphismSearch
from symmetries.permutations.colour_refinement import Partition
from symmetries.permutations.group_names import name_group
from symmetries.permutations.orbits import Orbits
from symmetries.permutations.permutation_group import PermutationGroup
from symmetries.permutations.sign_flips import sign_flips
from symmetries.permutations.signed_graph import MAX_SIGNED_FACTORS, SignedGraph
from symmetries.permutations.signed_permutation import SignedPermutation
from symmetries.scalar import ScalarGraph

NAMES = ("a", "b", "c", "d")


@st.composite
def elements(draw: st.DrawFn) -> SignedPermutation:
    images = tuple(draw(st.permutations(range(4))))
    return SignedPermutation(NAMES, images, tuple(draw(st.lists(st.sampled_from([1, -1]), min_size=4, max_size=4))))


# signed permutations


@given(elements(), elements(), elements())
def test_axioms(f: SignedPermutation, g: SignedPermutation, h: SignedPermutation) -> None:
    identity = SignedPermutation.identity(NAMES)
    w = np.array([1.0, 2.0, 3.0, 4.0])
    assert f.compose(g.compose(h)) == f.compose(g).compose(h)
    assert f.compose(identity) == identity.compose(f) == f
    assert f.compose(f.inverse()) == f.inverse().compose(f) == identity
    assert (f.compose(g).apply(w) == f.apply(g.apply(w))).all()


@given(elements())
def test_every_description_is_the_same_map(g: SignedPermutation) -> None:
    w = np.arange(1.0, 9.0).reshape(2, 4)
    assert (g.apply(w) == w @ g.matrix.T).all()
    assert SignedPermutation.from_map(NAMES, g.map) == g
    assert SignedPermutation.from_points(NAMES, g.points) == g
    power = g
    for _ in range(g.order - 1):
        assert not power.is_identity
        power = power.compose(g)
    assert power.is_identity
    values = dict(zip(NAMES, g.apply(w[0]), strict=True))
    for entry, source in g.map.items():
        sign = -1 if source.startswith("-") else 1
        assert values[entry] == sign * w[0][NAMES.index(source.lstrip("-"))]


@given(elements())
def test_cycles_are_followed(g: SignedPermutation) -> None:
    for cycle in g.cycles:
        for here, there in zip(cycle, (*cycle[1:], cycle[0]), strict=True):
            point = NAMES.index(here.lstrip("-")) + 4 * here.startswith("-")
            image = g.points[point]
            assert ("-" if image >= 4 else "") + NAMES[image % 4] == there


BAD = {
    "no permutation": (lambda: SignedPermutation(("x", "y"), (0, 0), (1, 1)), "the images are no permutation"),
    "no sign": (lambda: SignedPermutation(("x",), (0,), (2,)), "a sign is 1 or -1"),
    "unknown entry": (lambda: SignedPermutation.from_map(["x"], {"x": "z"}), "it is no coordinate"),
    "two sources": (lambda: SignedPermutation.from_map(["x", "y"], {"x": "y"}), "the images are no permutation"),
    "wrong point": (lambda: SignedPermutation.identity(["x"]).apply([1, 2]), "there are 1 coordinates"),
    "other names": (
        lambda: SignedPermutation.identity(["x"]).compose(SignedPermutation.identity(["y"])),
        "they act on different coordinates",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_errors(case: str) -> None:
    call, why = BAD[case]
    with pytest.raises(InputError, match=why):
        call()


# permutation groups


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 7), st.integers(0, 2**32 - 1), st.integers(1, 3))
def test_orders_and_membership_agree_with_sympy(degree: int, seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    generators = []
    for _ in range(count):
        images = np.arange(degree)
        moved = rng.choice(degree, size=int(rng.integers(2, degree + 1)), replace=False)
        images[moved] = images[rng.permutation(moved)]
        generators.append(tuple(images.tolist()))
    group = PermutationGroup.from_generators(degree, generators, base=[degree - 1])
    other = SympyGroup([Permutation(list(images)) for images in generators])
    assert group.order == other.order() == len(set(group.elements()))
    candidate = tuple(rng.permutation(degree).tolist())
    assert (candidate in group) == other.contains(Permutation(list(candidate)))
    assert group.random(rng) in group


def test_membership_of_other_things() -> None:
    group = PermutationGroup.from_generators(3, [(1, 0, 2)])
    assert (0, 2, 1) not in group
    assert "abc" not in group
    assert (0, 1) not in group


@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=10))
def test_orbits_are_connected_components(pairs: list[tuple[int, int]]) -> None:
    orbits = Orbits(8)
    graph = nx.empty_graph(8)
    for a, b in pairs:
        orbits.join(a, b)
        graph.add_edge(a, b)
    assert orbits.sets() == sorted(sorted(part) for part in nx.connected_components(graph))


def signed(*maps: dict[str, str], names: str = "abcdef") -> PermutationGroup:
    points = [SignedPermutation.from_map(list(names), one).points for one in maps]
    return PermutationGroup.from_generators(2 * len(names), points)


SWAP, TURN = {"a": "b", "b": "a"}, {"a": "-b", "b": "a"}
THREE = {"a": "b", "b": "c", "c": "a"}
NAMED = [
    ((), 1, "1"),
    ((SWAP,), 2, "Z_2"),
    ((TURN,), 4, "Z_4"),
    ((THREE,), 3, "Z_3"),
    ((SWAP, THREE), 6, "S_3"),
    ((SWAP, {"a": "-a"}), 8, "D_4"),
    ((SWAP, THREE, {"a": "-a"}), 48, "Z_2 wr S_3"),
    (({"a": "b", "b": "c", "c": "d", "d": "a"}, SWAP), 24, "S_4"),
    (({"a": "b", "b": "c", "c": "d", "d": "e", "e": "a"}, {"b": "e", "e": "b", "c": "d", "d": "c"}), 10, "D_5"),
    ((THREE, {"b": "c", "c": "d", "d": "b"}), 12, "A_4"),
    ((SWAP, {"c": "-c"}, {"d": "e", "e": "d"}), 8, "Z_2^3"),
    ((TURN, {"c": "-d", "d": "c"}), 16, "Z_4^2"),
    ((SWAP, THREE, {"d": "e", "e": "d"}, {"e": "f", "f": "e"}), 36, "S_3 x S_3"),
    ((SWAP, THREE, {"d": "-d"}), 12, "S_3 x Z_2"),
    ((TURN, {"c": "d", "d": "e", "e": "c"}), 12, "Z_3 x Z_4"),
    ((TURN, {"c": "-c"}), 8, "Z_2 x Z_4"),
    (({"a": "-b", "b": "-a"}, {"b": "c", "c": "b"}, SWAP, {"c": "d", "d": "c"}), 192, "Z_2^3 |x S_4"),
    (({"a": "-a", "b": "-b"}, THREE), 12, "A_4"),
    (({"a": "c", "b": "d", "c": "-a", "d": "-b"}, {"a": "b", "b": "-a", "c": "-d", "d": "c"}), 8, None),
]


@pytest.mark.parametrize(("maps", "order", "name"), NAMED, ids=[str(one[2]) for one in NAMED])
def test_names(maps: tuple[dict[str, str], ...], order: int, name: str | None) -> None:
    group = signed(*maps)
    assert (group.order, name_group(group)) == (order, name)


def test_large_symmetric_groups_are_named_without_counting() -> None:
    names = [f"x{k}" for k in range(20)]
    pairs = [(k, k + 1) for k in (*range(9), *range(10, 19))]
    swaps = [SignedPermutation.from_map(names, {names[a]: names[b], names[b]: names[a]}) for a, b in pairs]
    flip = SignedPermutation.from_map(names, {"x19": "-x19"})
    group = PermutationGroup.from_generators(40, [one.points for one in (*swaps, flip)])
    assert name_group(group) == "(Z_2 wr S_10) x S_10"


# sign flips


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.integers(0, 3), min_size=4, max_size=4), min_size=1, max_size=5))
def test_flips_are_those_of_the_exponents(exponents: list[list[int]]) -> None:
    graph = ScalarGraph()
    symbols = [graph.symbol(name) for name in NAMES]
    terms = {tuple(row): graph.product(zip(symbols, row, strict=True)) for row in exponents}
    root = graph.linear((node, 3**k) for k, node in enumerate(terms.values()))
    basis = sign_flips(graph, root, NAMES)
    kept = {s for s in range(16) if all(sum(e for k, e in enumerate(row) if s >> k & 1) % 2 == 0 for row in terms)}
    spanned = {0}
    for flipped in basis:
        spanned |= {one ^ sum(1 << k for k in flipped) for one in spanned}
    assert spanned == kept
    assert len(spanned) == 2 ** len(basis)


@pytest.mark.parametrize(
    ("formula", "count"),
    [("tanh(a*b)", 1), ("abs(a*b)*c**2", 3), ("exp(a)*b**2", 1), ("cos(a) + log(b**2)", 2), ("sin(a)*sin(b)", 1)],
)
def test_flips_through_functions(formula: str, count: int) -> None:
    loss = Loss.parse(formula)
    graph = ScalarGraph()
    assert len(sign_flips(graph, lower(graph, loss.expression), loss.entries)) == count


def test_products_of_many_factors_keep_their_flips() -> None:
    from symmetries.discrete import discrete_symmetries

    loss = Loss.parse("tanh(" + "*".join(f"x[{k}]" for k in range(MAX_SIGNED_FACTORS + 1)) + ")", {"x": (9,)})
    group = discrete_symmetries(loss)
    assert group.order == 2**8 * 362_880
    assert name_group(group.group) == group.name


# automorphisms


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=12), st.lists(st.integers(0, 1), min_size=6))
def test_automorphisms_of_small_graphs(edges: list[tuple[int, int]], colours: list[int]) -> None:
    graph = nx.empty_graph(6)
    graph.add_edges_from((a, b) for a, b in edges if a != b)
    colours = colours[:6]
    adjacency = [list(graph.neighbors(k)) for k in range(6)]

    def accept(images: tuple[int, ...]) -> bool:
        return all(graph.has_edge(images[a], images[b]) for a, b in graph.edges)

    found = AutomorphismSearch(adjacency, colours, 6, accept).run()
    expected = [p for p in permutations(range(6)) if all(colours[p[k]] == colours[k] for k in range(6)) and accept(p)]
    group = PermutationGroup(6, found.levels)
    assert found.complete
    assert set(group.elements()) == set(expected)


def test_the_search_gives_up_at_its_budget() -> None:
    cycle = [[(k - 1) % 30, (k + 1) % 30] for k in range(30)]
    found = AutomorphismSearch(cycle, [0] * 30, 30, lambda images: False, budget=20).run()
    assert not found.complete


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=20))
def test_refined_partitions_are_equitable(edges: list[tuple[int, int]]) -> None:
    graph = nx.empty_graph(10)
    graph.add_edges_from((a, b) for a, b in edges if a != b)
    adjacency = [list(graph.neighbors(k)) for k in range(10)]
    partition = Partition([0] * 10)
    partition.refine(adjacency, [0])
    cells = [set(partition.cell(start)) for start in partition.starts()]
    assert sorted(k for cell in cells for k in cell) == list(range(10))
    for cell in cells:
        for other in cells:
            assert len({len(other & set(adjacency[k])) for k in cell}) == 1


def test_the_graph_of_a_formula_is_a_graph_of_networkx() -> None:
    loss = Loss.parse("x**2 + 2*y")
    graph = ScalarGraph()
    signed_graph = SignedGraph(graph, lower(graph, loss.expression), loss.entries, [0, 0])
    drawn = signed_graph.networkx()
    assert drawn.has_edge(0, 2)
    assert nx.get_node_attributes(drawn, "colour")[0] == nx.get_node_attributes(drawn, "colour")[3]
