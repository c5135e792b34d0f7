"""Functions that the tests of sweeps run, in other processes too."""

import os
import signal
import time
from pathlib import Path

import numpy as np

from manifolds.errors import InputError


def draw(a, b=1.0, *, rng):
    """Numbers that depend on the parameters and on the seed."""
    values = np.random.default_rng(rng).standard_normal((40, 40))
    return {"norm": float(np.linalg.norm(values @ values.T)) * a + b, "seed": rng}


def slow(a, pause=0.2):
    time.sleep(pause)
    return a


def picky(a):
    """Refuse one value, raise at another, end the process at a third, hang at a fourth."""
    match a:
        case "refuse":
            raise InputError("a is refused", why="it says so", cure="take another one")
        case "raise":
            raise ZeroDivisionError("nothing divides by it")
        case "exit":
            raise SystemExit(3)
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "hang":
            time.sleep(600)
        case "local":

            class LocalError(Exception):
                """An error that no other process knows."""

            raise LocalError("unpicklable")
    return {"value": len(a)}


def once(a, folder):
    """End the process at the first call with an argument, succeed afterwards."""
    mark = Path(folder) / f"mark-{a}"
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return a


def noted(a, folder, stuck=None):
    """Note the process and each call in a file; the first call with the argument that is stuck does not return."""
    path = Path(folder) / f"calls-{a}"
    is_first = not path.exists()
    with open(path, "a", encoding="utf-8") as file:
        file.write(f"{os.getpid()}\n")
    if a == stuck and is_first:
        time.sleep(600)
    return {"value": a}


def raising_once(a, folder):
    mark = Path(folder) / f"raised-{a}"
    if not mark.exists():
        mark.touch()
        raise OSError("the disk was busy")
    return a


def wrong(a):
    return "no number"
