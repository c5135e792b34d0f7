"""Executors by name: this process, processes of their own, or a dask cluster by its address."""

from __future__ import annotations

import os
from concurrent.futures import Executor
from importlib import import_module
from typing import Any

from manifolds.errors import InputError
from symport.sweeps.workers import Given, InThisProcess, Processes, Workers

NAMES = 'serial, process, or dask:ADDRESS such as "dask:tcp://127.0.0.1:8786"'

MOST_WORKERS = 512

PATIENCE = 15
"""Seconds for a cluster to answer."""


def workers_of(executor: Any, workers: int | None = None) -> Workers:
    """The workers that an executor, a client of dask, a function that makes an executor, or a name stands for.

    Raises
    ------
    InputError: it is none of these, there is no such cluster, or the number of workers makes no sense.

    >>> workers_of("serial").places
    1
    """
    if workers is not None and (isinstance(workers, bool) or not isinstance(workers, int)):
        raise InputError(f"workers = {workers!r}", why="it is no number", cure="give an integer from 1 up")
    if workers is not None and not 1 <= workers <= MOST_WORKERS:
        cure = f"give an integer from 1 to {MOST_WORKERS}"
        raise InputError(f"workers = {workers}", why="there is no such number of workers", cure=cure)
    if isinstance(executor, Workers):
        return executor
    if isinstance(executor, str):
        return _named(executor, workers)
    if hasattr(executor, "get_executor"):
        return _of_client(executor, workers, closes=False)
    if isinstance(executor, Executor):
        return Given(executor, workers or _size(executor))
    if callable(executor):
        made = executor()
        if isinstance(made, Executor):
            return Given(made, workers or _size(made), make=executor)
    raise InputError(
        f"the executor {executor!r}", why="it is no executor", cure=f"use {NAMES}, or an Executor of concurrent.futures"
    )


def _named(name: str, workers: int | None) -> Workers:
    """The workers of a name."""
    if name == "serial":
        return InThisProcess()
    if name == "process":
        return Processes(workers or os.cpu_count() or 1)
    kind, _, address = name.partition(":")
    if kind == "dask" and address:
        return _of_client(_connect(address), workers, closes=True)
    why = "it has no address" if kind == "dask" else "there is no such executor"
    raise InputError(f"the executor {name!r}", why=why, cure=f"use {NAMES}")


def _connect(address: str) -> Any:
    """A client of the cluster at an address."""
    try:
        distributed: Any = import_module("distributed")
    except ImportError:
        cure = 'install it: pip install "symport[sweep]"'
        raise InputError(f"the executor 'dask:{address}'", why="dask.distributed is missing", cure=cure) from None
    try:
        return distributed.Client(address, timeout=PATIENCE, set_as_default=False)
    except (OSError, ValueError, RuntimeError, TypeError) as error:
        why = " ".join(str(error).split())[:300] or type(error).__name__
        raise InputError(f"the cluster at {address!r}", why=why, cure="start it, or check its address") from None


def _of_client(client: Any, workers: int | None, *, closes: bool) -> Workers:
    """The workers of a cluster: as many places as it has threads."""
    finish = client.close if closes else None
    places = workers or sum(client.nthreads().values())
    if not places:
        if finish is not None:
            finish()
        raise InputError("the cluster", why="it has no workers yet", cure="start some, then run this again")
    return Given(client.get_executor(pure=False), places, finish=finish, cancels=False)


def _size(executor: Executor) -> int:
    """How many tasks an executor runs at a time, where it says so."""
    size = getattr(executor, "_max_workers", None)
    return size if isinstance(size, int) and size > 0 else os.cpu_count() or 1
