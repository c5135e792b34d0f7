r"""
Killing forms
=============

The form :math:`K(x, y) = \operatorname{tr}(\operatorname{ad} x\,\operatorname{ad} y)` shows at a glance what an algebra
is. It is negative definite for a compact algebra, has both signs for a non-compact one, and vanishes on the part that
is not semisimple.
"""

import matplotlib.pyplot as plt
import numpy as np

from symmetries import Affine, Loss, derive
from symmetries.brackets import bracket, components
from symmetries.structure.identify_fields import identify_fields

LOSSES = {
    "a sphere": (Loss.parse("x**2 + y**2 + z**2"), None),
    "a saddle": (Loss.parse("x**2 + y**2 - z**2"), None),
    "a factorisation": (Loss.parse("sum((Y - U@V)**2)", {"U": (2, 2), "V": (2, 2)}, data={"Y": (2, 2)}), None),
    "an unused parameter": (Loss.parse("x**2 + y**2 + 0*z", ["x", "y", "z"]), Affine()),
}

# %%
# Coordinates of the brackets in the basis of generators give the structure constants, and they the form.


def killing_form(fields):
    """The Killing form in the basis of the fields."""
    keys = sorted({key for field in fields for key in components(field)})
    rows = np.array([[float(components(field).get(key, 0)) for key in keys] for field in fields])
    count = len(fields)
    table = np.zeros((count, count, count))
    for i in range(count):
        for j in range(count):
            made = components(bracket(fields[i], fields[j]))
            table[i, j] = np.linalg.lstsq(rows.T, [float(made.get(key, 0)) for key in keys], rcond=None)[0]
    return np.einsum("iab,jba->ij", table, table)


figure, axes = plt.subplots(1, 4, figsize=(11, 3.2), layout="constrained")
for axis, (title, (loss, ansatz)) in zip(axes, LOSSES.items(), strict=True):
    algebra = derive(loss, ansatz=ansatz)
    form = killing_form(algebra.generators)
    bound = max(np.abs(form).max(), 1)
    picture = axis.imshow(form, cmap="RdBu", vmin=-bound, vmax=bound)
    axis.set(xticks=[], yticks=[])
    positive, negative, zero = algebra.killing_signature
    counted = np.linalg.eigvalsh(form)
    assert (np.sum(counted > 1e-9), np.sum(counted < -1e-9)) == (positive, negative)
    axis.set_title(f"{title}\n{algebra.name or 'no name'}   {positive} +, {negative} −, {zero} zero", fontsize=9)
    figure.colorbar(picture, ax=axis, shrink=0.7)
plt.show()

# %%
# The last algebra has no name of its own: a null direction brings fields that say nothing about the loss. Without them,
# what remains is a rotation.

algebra = derive(LOSSES["an unused parameter"][0], ansatz=Affine())
print(algebra.dimension, algebra.name, "| without null directions:", algebra.essential.name)
print(identify_fields(algebra.essential.generators).killing_signature)
