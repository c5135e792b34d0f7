"""Where tasks run: in this process, in processes of their own, or wherever an executor of the caller puts them."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import suppress
from importlib import import_module
from typing import Any, final


class Workers(ABC):
    """Places at which one task runs at a time.

    Parameters
    ----------
    places: how many there are.
    can_stop: whether a task that takes too long can be given up.
    """

    places: int
    can_stop = True

    @abstractmethod
    def submit(self, place: int, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Begin a call at a place that is free."""

    def began(self, place: int) -> float | None:
        """Monotonic time from which the place has been ready to work; None while it is not."""
        return 0.0

    @abstractmethod
    def renew(self, place: int) -> bool:
        """Make a place usable after its worker ended; False where this cannot be done."""

    @abstractmethod
    def give_up(self, place: int, future: Future[Any]) -> bool:
        """Abandon what runs at a place; whether the place is free at once."""

    @abstractmethod
    def close(self) -> None:
        """End all work."""


@final
class InThisProcess(Workers):
    """One place, which works while the caller waits."""

    places = 1
    can_stop = False

    def submit(self, place: int, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Do the work now."""
        future: Future[Any] = Future()
        future.set_result(function(*arguments))
        return future

    def renew(self, place: int) -> bool:
        """There is nothing that could end."""
        return True

    def give_up(self, place: int, future: Future[Any]) -> bool:
        """Nothing runs while the caller looks."""
        return True

    def close(self) -> None:
        """There is nothing to end."""


@final
class Processes(Workers):
    """A pool of one process for each place, so that one that ends or is ended takes no other task with it.

    Parameters
    ----------
    places: how many processes.
    """

    def __init__(self, places: int) -> None:
        self.places = places
        self._context = multiprocessing.get_context("spawn")
        self._pools: dict[int, ProcessPoolExecutor] = {}
        self._pids: dict[int, Future[int]] = {}
        self._ready: dict[int, float] = {}
        self._last: dict[int, Future[Any]] = {}

    def submit(self, place: int, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Begin a call in the process of a place, started when it is needed first."""
        if place not in self._pools:
            pool = ProcessPoolExecutor(max_workers=1, mp_context=self._context, initializer=prepare)
            self._pools[place] = pool
            self._pids[place] = pool.submit(os.getpid)
            self._pids[place].add_done_callback(lambda _: self._ready.__setitem__(place, time.monotonic()))
        self._last[place] = self._pools[place].submit(function, *arguments)
        return self._last[place]

    def began(self, place: int) -> float | None:
        """When the process of the place was ready."""
        return self._ready.get(place)

    def renew(self, place: int) -> bool:
        """End what is left of the process; the next call starts another one."""
        pool, pid = self._pools.pop(place), self._pids.pop(place)
        self._ready.pop(place, None)
        is_known = pid.done() and not pid.cancelled() and pid.exception() is None
        if is_known:
            with suppress(ProcessLookupError):
                os.kill(pid.result(), getattr(signal, "SIGKILL", signal.SIGTERM))
        pool.shutdown(wait=is_known, cancel_futures=True)
        return True

    def give_up(self, place: int, future: Future[Any]) -> bool:
        """Kill the process."""
        return self.renew(place)

    def close(self) -> None:
        """End all processes, idle ones in peace."""
        for place, pool in list(self._pools.items()):
            if place in self._last and self._last[place].done():
                del self._pools[place]
                pool.shutdown(wait=True)
            else:
                self.renew(place)


@final
class Given(Workers):
    """An executor of the caller.

    Parameters
    ----------
    executor: whose ``submit`` is called.
    places: how many tasks it runs at a time.
    make: makes another executor when this one is broken; None where nobody can.
    finish: called at the end.
    cancels: whether a call that was cancelled has really ended; a cluster forgets it while its thread goes on.
    """

    def __init__(
        self,
        executor: Executor,
        places: int,
        *,
        make: Callable[[], Executor] | None = None,
        finish: Callable[[], Any] | None = None,
        cancels: bool = True,
    ) -> None:
        self.executor, self.places, self._make, self._finish = executor, places, make, finish
        self._cancels = cancels

    def submit(self, place: int, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Hand the call to the executor."""
        return self.executor.submit(function, *arguments)

    def renew(self, place: int) -> bool:
        """Make another executor if this one takes no more work."""
        try:
            self.executor.submit(os.getpid).cancel()
        except RuntimeError:
            if self._make is None:
                return False
            self.executor.shutdown(wait=False)
            self.executor = self._make()
        return True

    def give_up(self, place: int, future: Future[Any]) -> bool:
        """Ask the executor to cancel; the place is free when what runs there ends."""
        return self._cancels and future.cancel()

    def close(self) -> None:
        """Close what was opened here; an executor of the caller stays open."""
        if self._make is not None:
            self.executor.shutdown(wait=False, cancel_futures=True)
        if self._finish is not None:
            self._finish()


def prepare() -> None:
    """Make a process ready: one thread for linear algebra, interruptions left to the parent, and an end with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with suppress(ImportError):
        import_module("threadpoolctl").threadpool_limits(limits=1)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: Any) -> None:
    """Wait for the end of the parent and end, so that a sweep that was killed leaves no process behind."""
    parent.join()
    os._exit(1)
