"""
Train orthogonal and unitary recurrent networks
===============================================

A command for the terminal; `python examples/train_orthogonal_recurrence.py --help` lists its options. It trains
recurrent networks on the copy task: ten symbols are to be said again after a long silence. A network without memory
cannot do better than a loss of :math:`10 \\log 8 / (\\text{delay} + 20)`. The result is one JSON object on standard
output.

Source: M. Arjovsky, A. Shah and Y. Bengio, "Unitary evolution recurrent neural networks" (2016), section 5.1.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from typing import Any

from torch_applications.command import parser, run_script, tracker
from torch_applications.copy_task import CopyTask
from torch_applications.recurrence import KINDS
from torch_applications.recurrence_training import Stretch, train_recurrence

from manifolds.errors import InputError


def main(arguments: list[str] | None = None) -> int:
    """Run the command; the exit code is 0, or 2 for bad input."""
    made = parser("Train recurrent networks on the copy task.")
    known = "; ".join(f"{name}: {words}" for name, words in KINDS.items())
    made.add_argument("--networks", nargs="+", choices=list(KINDS), default=["unitary", "lstm"], help=known)
    made.add_argument("--delay", type=int, default=200, help="time steps of silence")
    made.add_argument("--size", type=int, default=64, help="hidden units")
    made.add_argument("--steps", type=int, default=600, help="steps of Adam")
    made.add_argument("--batch", type=int, default=32, help="fresh sequences of a step")
    made.add_argument("--learning-rate", type=float, default=1e-3, help="of all parameters alike")
    made.add_argument("--schedule", choices=["cosine", "constant"], default="cosine", help="of the learning rate")
    made.add_argument("--clip", type=float, default=1.0, help="largest norm of a gradient; inf for no limit")
    return run_script(train, made.parse_args(arguments))


def train(options: argparse.Namespace) -> dict[str, Any]:
    """The trainings that the options ask for."""
    task = CopyTask(options.delay)
    if options.steps < 1:
        raise InputError(f"--steps {options.steps}", why="there is nothing to train", cure="give 1 or more")
    runs = []
    with tracker(total=options.steps * len(options.networks), quiet=options.quiet) as bar:
        for place, network in enumerate(options.networks):

            def told(stretch: Stretch, network: str = network, before: int = place * options.steps) -> None:
                words = f"{network}: loss {stretch.loss:.4f}, without memory {task.memoryless_loss:.4f}"
                bar.update(bar.task_ids[0], completed=before + stretch.step, description=words)

            _, run = train_recurrence(
                task,
                network=network,
                size=options.size,
                steps=options.steps,
                batch=options.batch,
                learning_rate=options.learning_rate,
                cosine=options.schedule == "cosine",
                clip=options.clip,
                seed=options.seed,
                progress=told,
            )
            runs.append(asdict(run))
    return {"schema": "symport/example/orthogonal-recurrence/1", "runs": runs}


if __name__ == "__main__":
    sys.exit(main())
