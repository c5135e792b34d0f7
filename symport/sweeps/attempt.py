"""One attempt at a task, where it runs: what was found, or what went wrong as text that crosses every border."""

from __future__ import annotations

import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

from manifolds.errors import InputError
from symport.sweeps.experiment import Experiment, read_result
from symport.sweeps.task import Task

LONGEST_TRACE = 4000
"""Letters of a trace that are kept, from its end."""


@final
@dataclass(frozen=True, kw_only=True)
class Attempt:
    """How one attempt ended.

    Parameters
    ----------
    result: what the experiment found; None where it failed.
    seconds: how long it took.
    kind: of the failure: ``input``, ``error``, ``timeout`` or ``worker``; empty where there is none.
    error: the three parts of the message.
    trace: where it was raised.
    """

    result: Mapping[str, Any] | None = None
    seconds: float = 0.0
    kind: str = ""
    error: InputError | None = None
    trace: str = ""


def attempt(experiment: Experiment, task: Task) -> Attempt:
    """Run a task and catch whatever it raises."""
    started = time.perf_counter()
    try:
        result = read_result(experiment.run(task.parameters, experiment.seed_of(task)), experiment.name)
    except InputError as error:
        return Attempt(seconds=time.perf_counter() - started, kind="input", error=error)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - one task must not take the others with it
        trace = traceback.format_exc()[-LONGEST_TRACE:]
        return Attempt(seconds=time.perf_counter() - started, kind="error", error=raised(task, error), trace=trace)
    return Attempt(result=result, seconds=time.perf_counter() - started)


def raised(task: Task, error: BaseException, *, look: str = "read the trace") -> InputError:
    """The message of a task that raised, or whose worker did."""
    cure = f"{look}; the same command tries the failed tasks again"
    return InputError(task.describe(), why=f"{type(error).__name__}: {error}"[:1000], cure=cure)
