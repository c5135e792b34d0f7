"""The convergence theory of teleportation, theorem by theorem, each as a check of a problem at hand.

Every function returns claims with verdicts: a certificate where there is a declared loss, a
:class:`~solvers.convergence.theorem_check.TheoremCheck` elsewhere.  :mod:`solvers.rates` is the doorway.
"""
