"""
Train a vision transformer on a Stiefel manifold
================================================

A command for the terminal; `python examples/train_digits_transformer.py --help` lists its options. It trains a vision
transformer of many layers, without skip connections around its attention and without normalisation, twice: with query,
key and value projections on the Stiefel manifold, and with free ones. All parameters are moved by the same rule at the
same learning rate. The result is one JSON object on standard output.

Source: B. Brantner, "Generalizing Adam to Manifolds for Efficiently Training Transformers", arXiv:2305.16901.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from torch_applications.command import parser, run_script, tracker
from torch_applications.images import Images, digits, idx_folder
from torch_applications.transformer_training import RULES, Epoch, train_transformer

from manifolds.errors import InputError


def main(arguments: list[str] | None = None) -> int:
    """Run the command; the exit code is 0, or 2 for bad input."""
    made = parser("Train a vision transformer with and without orthogonality constraints.")
    made.add_argument("--data", type=Path, metavar="DIR", help="a folder with the files of MNIST or Fashion-MNIST")
    made.add_argument("--layers", type=int, help="blocks; 32 for digits, 16 for files")
    made.add_argument("--heads", type=int, help="heads of the attention; 4 for digits, 7 for files")
    made.add_argument("--side", type=int, default=7, help="pixels along a side of a patch of the files")
    made.add_argument("--projections", choices=["both", "stiefel", "free"], default="both", help="what is trained")
    made.add_argument("--rule", choices=list(RULES), default="adam", help="of the optimizer")
    made.add_argument("--epochs", type=int, default=20, help="passes over the images")
    made.add_argument("--batch", type=int, default=128, help="images of a step")
    made.add_argument("--learning-rate", type=float, default=1e-3, help="of all parameters alike")
    return run_script(train, made.parse_args(arguments))


def train(options: argparse.Namespace) -> dict[str, Any]:
    """The trainings that the options ask for."""
    if options.epochs < 1:
        raise InputError(f"--epochs {options.epochs}", why="there is nothing to train", cure="give 1 or more")
    images = digits() if options.data is None else idx_folder(options.data, side=options.side)
    wanted = {"both": (True, False), "stiefel": (True,), "free": (False,)}[options.projections]
    runs = []
    with tracker(total=options.epochs * len(wanted), quiet=options.quiet) as bar:
        for orthonormal in wanted:
            word = "Stiefel" if orthonormal else "free"

            def told(epoch: Epoch, word: str = word) -> None:
                bar.update(
                    bar.task_ids[0],
                    advance=1,
                    description=f"{word}: loss {epoch.loss:.3f}, test accuracy {epoch.accuracy:.3f}",
                )

            runs.append(_run(images, options, orthonormal=orthonormal, progress=told))
    return {"schema": "symport/example/digits-transformer/1", "data": _described(images, options), "runs": runs}


def _run(images: Images, options: argparse.Namespace, *, orthonormal: bool, progress: Any) -> dict[str, Any]:
    """One training, as an object for JSON."""
    default_layers, default_heads = (32, 4) if options.data is None else (16, 7)
    _, run = train_transformer(
        images,
        layers=default_layers if options.layers is None else options.layers,
        heads=default_heads if options.heads is None else options.heads,
        orthonormal=orthonormal,
        epochs=options.epochs,
        batch=options.batch,
        rule=options.rule,
        learning_rate=options.learning_rate,
        seed=options.seed,
        progress=progress,
    )
    return asdict(run)


def _described(images: Images, options: argparse.Namespace) -> dict[str, Any]:
    """What the images are."""
    return {
        "source": "digits" if options.data is None else str(options.data),
        "train": len(images.train_labels),
        "test": len(images.test_labels),
        "patches": images.patches,
        "pixels": images.pixels,
    }


if __name__ == "__main__":
    sys.exit(main())
