"""The optimizers whose naturality is known by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from solvers.naturality.adapters import from_rule
from solvers.naturality.optimizers import (
    adafactor,
    adaptive,
    averaging,
    full_matrix,
    gradient_descent,
    kronecker,
    matrix_norms,
    mirror,
    natural_gradient,
    quasi_newton,
    second_order,
    shampoo,
    sign_based,
)
from solvers.naturality.spec import OptimizerSpec
from solvers.rules import AdaGrad, Adam, AdamW, AMSGrad, NAdam, RMSProp, make_rule

EPSILON = 1e-2
"""Of the entries with an epsilon: large enough to be seen beside gradients of order one."""

_RULES = (
    *(from_rule(make_rule(name)) for name in ("gradient-descent", "heavy-ball", "nesterov", "sign-descent", "lion")),
    *(from_rule(rule(epsilon=0.0)) for rule in (AdaGrad, RMSProp, Adam, AMSGrad, NAdam)),
    from_rule(make_rule("adadelta")),
    from_rule(Adam(epsilon=EPSILON), name="adam-epsilon"),
    from_rule(AdamW(epsilon=0.0, weight_decay=0.1)),
)

_VECTOR = (
    gradient_descent.normalised_gradient_descent(),
    gradient_descent.polyak_step(),
    gradient_descent.barzilai_borwein(),
    gradient_descent.lars(),
    gradient_descent.distance_over_gradients(),
    gradient_descent.distance_over_gradients_transported(),
    sign_based.rprop(),
    sign_based.rprop_typed(),
    sign_based.madam(),
    sign_based.multiplicative_gradient(),
    adaptive.adam_l2(),
    adaptive.adam_declared_rates(),
    adaptive.adadelta_typed(),
    adaptive.root_free_rmsprop(),
    adaptive.root_free_adam(),
    adaptive.vector_adam(),
    adaptive.adahessian(),
    full_matrix.full_matrix_adagrad(),
    full_matrix.online_newton_step(),
    full_matrix.online_newton_step(epsilon=EPSILON, name="online-newton-step-epsilon"),
    second_order.newton(),
    second_order.damped_newton(),
    second_order.saddle_free_newton(),
    second_order.diagonal_newton(),
    natural_gradient.natural_gradient(),
    natural_gradient.natural_gradient_damped(),
    natural_gradient.natural_gradient_pseudo_inverse(),
    natural_gradient.gauss_newton(),
    natural_gradient.empirical_fisher(),
    natural_gradient.levenberg_marquardt(),
    natural_gradient.levenberg_marquardt_scaled(),
    quasi_newton.bfgs(),
    quasi_newton.bfgs_natural(),
    quasi_newton.lbfgs(),
    mirror.mirror_transported(),
    mirror.exponentiated_gradient(),
    mirror.burg_mirror(),
    averaging.averaged(second_order.newton()),
    averaging.exponentially_averaged(second_order.newton()),
    averaging.lookahead(second_order.newton()),
)

_MATRIX = (
    matrix_norms.muon_exact(),
    matrix_norms.muon_newton_schulz(),
    matrix_norms.row_normalised(),
    shampoo.shampoo(),
    shampoo.shampoo(epsilon=EPSILON, name="shampoo-quarter-epsilon"),
    shampoo.shampoo(exponent=0.5, name="shampoo-half"),
    shampoo.soap(),
    shampoo.kl_shampoo(),
    shampoo.kl_shampoo(exponent=1.0, name="kl-shampoo-root-free"),
    shampoo.kl_shampoo(exponent=1.0, epsilon=EPSILON, name="kl-shampoo-root-free-epsilon"),
    adafactor.adafactor(),
    adafactor.adafactor(relative=True),
    kronecker.kfac(),
    kronecker.kfac(damping=EPSILON, name="kfac-damped"),
    kronecker.ekfac(),
)

OPTIMIZERS: Mapping[str, OptimizerSpec] = MappingProxyType({spec.name: spec for spec in (*_RULES, *_VECTOR, *_MATRIX)})
"""Specs by name; those of matrices have ``matrix`` set, and several read what
:func:`~solvers.naturality.structures.declare` adds to a problem."""
