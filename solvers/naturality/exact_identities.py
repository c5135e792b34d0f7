r"""Identities about optimizers and coordinates, each proved where it is called."""

from __future__ import annotations

import sympy as sp

from symmetries.certificate import Claim


def newton_defect() -> Claim:
    r"""How far Newton's method in one variable is from natural under a map :math:`\varphi`.

    .. math::
        V' - \varphi_x V =
        -\frac{L_x^2\,\varphi_x\,\varphi_{xx}}{(L_{xx}\varphi_x - L_x\varphi_{xx})\,L_{xx}}

    with :math:`V = -L_x/L_{xx}` and V' the same in the coordinate :math:`y = \varphi(x)`: zero exactly where the map is
    affine to second order or the gradient vanishes.

    >>> newton_defect().verdict
    'proved'
    """
    Lx, Lxx, px, pxx = sp.symbols("L_x L_xx phi_x phi_xx", real=True)
    gradient = Lx / px
    hessian = (Lxx - pxx * gradient) / px**2
    defect = -gradient / hessian - px * (-Lx / Lxx)
    formula = -(Lx**2) * px * pxx / ((Lxx * px - Lx * pxx) * Lxx)
    return _zero(
        [defect - formula],
        "Newton in one variable: V' - phi_x V = -L_x^2 phi_x phi_xx / ((L_xx phi_x - L_x phi_xx) L_xx)",
    )


def discrete_noether(size: int = 3) -> Claim:
    r"""What a step of gradient descent does to the quantity of a symmetric generator.

    .. math::
        Q(\theta - \eta g) = Q(\theta) - \eta\,g^{\mathsf T}X\theta + \tfrac12\eta^2\,g^{\mathsf T}Xg,
        \qquad Q = \tfrac12\theta^{\mathsf T}X\theta

    where the middle term is zero when X is a symmetry of the loss.

    >>> discrete_noether(2).verdict
    'proved'
    """
    theta, g = (sp.Matrix(sp.symbols(f"{name}:{size}", real=True)) for name in ("theta", "g"))
    X = sp.Matrix(size, size, lambda i, j: sp.Symbol(f"X{min(i, j)}{max(i, j)}", real=True))
    rate = sp.Symbol("eta", real=True)

    def quantity(point: sp.Matrix) -> sp.Expr:
        """Q."""
        return (point.T * X * point)[0] / 2

    change = quantity(theta - rate * g) - quantity(theta) + rate * (g.T * X * theta)[0]
    return _zero(
        [change - rate**2 / 2 * (g.T * X * g)[0]],
        f"Q(theta - eta g) - Q(theta) + eta g^T X theta = eta^2 g^T X g / 2 for symmetric X, n = {size}",
    )


def commutator_identity(size: int = 3) -> Claim:
    r"""What keeps a linear symmetry from commuting with gradient flow of a constant co-metric P.

    .. math:: DV\,\xi - D\xi\,V = (XP + PX^{\mathsf T})\nabla L, \qquad \xi = X\theta,\; V = -P\nabla L

    for every loss with the symmetry: :math:`\xi^{\mathsf T}\nabla L = 0` differentiated gives
    :math:`\nabla^2L\,X\theta = -X^{\mathsf T}\nabla L`.

    >>> commutator_identity(2).verdict
    'proved'
    """
    X = sp.Matrix(size, size, lambda i, j: sp.Symbol(f"X{i}{j}", real=True))
    P = sp.Matrix(size, size, lambda i, j: sp.Symbol(f"P{min(i, j)}{max(i, j)}", real=True))
    g = sp.Matrix(sp.symbols(f"g:{size}", real=True))
    hessian_times_field = -X.T * g  # the derivative of the symmetry condition
    bracket = -P * hessian_times_field - X * (-P * g)
    return _zero(
        list(bracket - (X * P + P * X.T) * g),
        f"DV xi - Dxi V = (X P + P X^T) grad L for linear symmetries and constant P, n = {size}",
    )


def product_identity() -> tuple[Claim, Claim]:
    r"""Gradient flow of L(ab) in the coordinates w = ab and :math:`Q = a^2 - b^2`.

    .. math:: \dot Q = 0, \qquad \dot w = -\sqrt{Q^2 + 4w^2}\,L'(w)

    >>> [claim.verdict for claim in product_identity()]
    ['proved', 'proved']
    """
    a, b, slope = sp.symbols("a b s", real=True)
    flow_a, flow_b = -b * slope, -a * slope
    quantity, product = a**2 - b**2, a * b
    change = quantity.diff(a) * flow_a + quantity.diff(b) * flow_b
    velocity = product.diff(a) * flow_a + product.diff(b) * flow_b
    speed = a**2 + b**2  # positive, so it is the root of its square
    return (
        _zero([change], "dQ/dt = 0 along gradient flow of L(ab), Q = a^2 - b^2"),
        _zero(
            [velocity + speed * slope, speed**2 - (quantity**2 + 4 * product**2)],
            "dw/dt = -sqrt(Q^2 + 4 w^2) L'(w) along gradient flow of L(ab), w = ab",
        ),
    )


def _zero(differences: list[sp.Expr], statement: str) -> Claim:
    """The claim that rational functions are identically zero."""
    rest = [sp.fraction(sp.together(one))[0] for one in differences]
    if all(sp.expand(one) == 0 for one in rest):
        return Claim(statement=statement, verdict="proved", reason="the difference is the zero rational function")
    return Claim(
        statement=statement,
        verdict="refuted",
        reason="the difference is not the zero rational function",
        evidence={"differences": [str(one) for one in rest]},
    )
