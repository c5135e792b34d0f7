"""Floor 3 of Symport: what one does with the symmetries of a loss.

Teleportation along orbits and level sets, optimizers as pure rules, Newton equivalence and the naturality of an
optimizer live here. Each arrives with its own release; this package imports from `symmetries` and `manifolds` and
never from the front.
"""
