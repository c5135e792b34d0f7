"""Networks and regressions."""

from __future__ import annotations

from symmetries.catalogue.entry import CatalogEntry

KUNIN = 'D. Kunin, J. Sagastuy-Brena, S. Ganguli, D. L. K. Yamins, H. Tanaka, "Neural Mechanics" (2021)'
TELEPORTATION = 'B. Zhao, N. Dehmamy, R. Walters, R. Yu, "Symmetry Teleportation for Accelerated Optimization" (2022)'
SUSSMANN = (
    'H. J. Sussmann, "Uniqueness of the weights for minimal feedforward nets with a given input-output map" (1992)'
)
PAIR = {"x": (2,), "y": (2,)}
WITHOUT_BIAS = {"W1": (3, 2), "W2": (2, 3)}
WITH_BIAS = {"W1": (3, 2), "b1": (3,), "W2": (2, 3), "b2": (2,)}

ENTRIES = (
    CatalogEntry(
        name="linear-network",
        title="Linear network of three layers",
        formula="sum((y - W3@W2@W1@x)**2)",
        parameters={"W1": (2, 3), "W2": (2, 2), "W3": (2, 2)},
        data={"x": (3,), "y": (2,)},
        dimension=8,
        essential_dimension=8,
        algebra="gl(2,R) + gl(2,R)",
        note="An invertible matrix between every two layers.",
        source=(
            'A. M. Saxe, J. L. McClelland, S. Ganguli, "Exact solutions to the nonlinear dynamics of learning" (2013)'
        ),
    ),
    CatalogEntry(
        name="relu-network",
        title="ReLU network with one hidden layer",
        formula="mean((y - W2@relu(W1@x + b1) - b2)**2)",
        parameters=WITH_BIAS,
        data=PAIR,
        dimension=3,
        essential_dimension=3,
        algebra="R^3",
        note="relu(c z) = c relu(z) for c > 0: the weights into a neuron scale up while those out of it scale down.",
        source=(
            f'{KUNIN}; L. Dinh, R. Pascanu, S. Bengio, Y. Bengio, "Sharp Minima Can Generalize For Deep Nets" (2017)'
        ),
    ),
    CatalogEntry(
        name="leaky-relu-network",
        title="Leaky ReLU network with one hidden layer",
        formula="mean((y - W2@leaky_relu(W1@x + b1, 1/10))**2)",
        parameters={"W1": (3, 2), "b1": (3,), "W2": (2, 3)},
        data=PAIR,
        dimension=3,
        essential_dimension=3,
        algebra="R^3",
        note="The leaky ReLU is homogeneous too: one scaling for each hidden neuron.",
        source=TELEPORTATION,
    ),
    CatalogEntry(
        name="homogeneous-network",
        title="Network with a homogeneous activation of degree 2",
        formula="sum((y - W2@relu(W1@x)**2)**2)",
        parameters=WITHOUT_BIAS,
        data=PAIR,
        dimension=3,
        essential_dimension=3,
        algebra="R^3",
        note="The weights into a neuron scale by c, those out of it by c**-2.",
        source=TELEPORTATION,
    ),
    CatalogEntry(
        name="residual-network",
        title="Residual block",
        formula="sum((y - x - W2@relu(W1@x))**2)",
        parameters=WITHOUT_BIAS,
        data=PAIR,
        dimension=3,
        essential_dimension=3,
        algebra="R^3",
        note="The skip connection fixes the outer space and leaves the scalings of the hidden neurons.",
        source='K. He, X. Zhang, S. Ren, J. Sun, "Deep Residual Learning for Image Recognition" (2016)',
    ),
    CatalogEntry(
        name="tanh-network",
        title="Tanh network with one hidden layer",
        formula="mean((y - W2@tanh(W1@x + b1) - b2)**2)",
        parameters=WITH_BIAS,
        data=PAIR,
        ansatz="affine",
        dimension=0,
        essential_dimension=0,
        algebra="0",
        note="Sussmann: permutations and signs of neurons are the only redundancies, and they are discrete.",
        source=SUSSMANN,
    ),
    CatalogEntry(
        name="sigmoid-network",
        title="Sigmoid network with one hidden layer",
        formula="mean((y - W2@sigmoid(W1@x + b1) - b2)**2)",
        parameters=WITH_BIAS,
        data=PAIR,
        ansatz="affine",
        dimension=0,
        essential_dimension=0,
        algebra="0",
        note=(
            "sigmoid(z) = (1 + tanh(z/2))/2, so as for tanh the redundancies are discrete: sigmoid(-z) = 1 - "
            "sigmoid(z) moves a bias."
        ),
        source=SUSSMANN,
    ),
    CatalogEntry(
        name="gelu-network",
        title="GELU network with one hidden layer",
        formula="mean((y - W2@gelu(W1@x))**2)",
        parameters=WITHOUT_BIAS,
        data=PAIR,
        ansatz="affine",
        dimension=0,
        essential_dimension=0,
        algebra="0",
        note="GELU is not homogeneous: the scalings of ReLU networks are lost.",
        source='D. Hendrycks, K. Gimpel, "Gaussian Error Linear Units (GELUs)" (2016)',
    ),
    CatalogEntry(
        name="swiglu-network",
        title="SwiGLU block",
        formula="sum((y - W2@((W1@x)*sigmoid(W1@x)*(V@x)))**2)",
        parameters={"W1": (3, 2), "V": (3, 2), "W2": (2, 3)},
        data=PAIR,
        dimension=3,
        essential_dimension=3,
        algebra="R^3",
        note="The gate W1 is fixed; the linear branch V and the output W2 share a scaling for each hidden neuron.",
        source='N. Shazeer, "GLU Variants Improve Transformer" (2020)',
    ),
    CatalogEntry(
        name="softmax-regression",
        title="Softmax regression",
        formula="cross_entropy(X@W + b, Y)",
        parameters={"W": (2, 3), "b": (3,)},
        data={"X": (2, 2), "Y": (2, 3)},
        ansatz="affine",
        dimension=30,
        null_directions=3,
        essential_dimension=0,
        note=(
            "The same number added to all logits changes nothing: d + 1 null directions v, and f v for the ten "
            "affine functions f."
        ),
        source=KUNIN,
    ),
    CatalogEntry(
        name="softmax-network",
        title="ReLU network with softmax output",
        formula="cross_entropy(W2@relu(W1@x), y)",
        parameters={"W1": (2, 2), "W2": (3, 2)},
        data={"x": (2,), "y": (3,)},
        dimension=22,
        null_directions=2,
        essential_dimension=2,
        note=(
            "The rows of W2 may shift together (two null directions, f v for ten linear f); on the slice the two "
            "neurons scale."
        ),
        source=KUNIN,
    ),
    CatalogEntry(
        name="logistic-regression",
        title="Logistic regression",
        formula="mean(softplus(X@w + b) - y*(X@w + b))",
        parameters={"w": (3,), "b": ()},
        data={"X": (2, 3), "y": (2,)},
        ansatz="affine",
        dimension=0,
        essential_dimension=0,
        algebra="0",
        note="A single logit: the shift of softmax regression is gone.",
        source='D. R. Cox, "The regression analysis of binary sequences" (1958)',
    ),
    CatalogEntry(
        name="low-rank-adaptation",
        title="Low-rank adaptation (LoRA) of a given weight",
        formula="sum((y - (W + B@A)@x)**2)",
        parameters={"B": (3, 2), "A": (2, 3)},
        data={"W": (3, 3), "x": (3,), "y": (3,)},
        dimension=4,
        essential_dimension=4,
        algebra="gl(2,R)",
        note="B -> B g^-1, A -> g A: the update is a matrix factorisation.",
        source='E. J. Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models" (2021)',
    ),
    CatalogEntry(
        name="siamese-network",
        title="Contrastive loss of shared linear embeddings",
        formula="cross_entropy((X@W)@(Z@W).T, eye(3))",
        parameters={"W": (3, 2)},
        data={"X": (3, 3), "Z": (3, 3)},
        dimension=1,
        essential_dimension=1,
        algebra="so(2)",
        note="Only scalar products of embeddings are seen: the embedding space may rotate.",
        source=(
            'A. van den Oord, Y. Li, O. Vinyals, "Representation Learning with Contrastive Predictive Coding" (2018)'
        ),
    ),
    CatalogEntry(
        name="autoencoder",
        title="Linear autoencoder with tied weights",
        formula="sum((x - W@W.T@x)**2)",
        parameters={"W": (3, 2)},
        data={"x": (3,)},
        dimension=1,
        essential_dimension=1,
        algebra="so(2)",
        note="Tied weights leave the rotations of the code; untied ones have gl(2,R).",
        source='P. Baldi, K. Hornik, "Neural networks and principal component analysis" (1989)',
    ),
    CatalogEntry(
        name="three-layer-regression",
        title="Regression by a leaky ReLU network with two hidden layers",
        formula="sum((Y - W3@leaky_relu(W2@leaky_relu(W1@X, 1/10), 1/10))**2)/2",
        parameters={"W1": (3, 2), "W2": (2, 3), "W3": (2, 2)},
        data={"X": (2, 3), "Y": (2, 3)},
        dimension=5,
        essential_dimension=5,
        algebra="R^5",
        note="One scaling for each of the five hidden units; teleportation was first tried on such a network.",
        source=TELEPORTATION,
    ),
)
