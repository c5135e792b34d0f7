"""Recurrent layers, by the formulas of their cells."""

from __future__ import annotations

from collections.abc import Mapping

from solvers.pytorch.symmetry.finding.arguments import Rule

RULES: Mapping[str, Rule] = {}
