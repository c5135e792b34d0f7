"""Sweeps: the same bits whatever runs them, failures that stay alone, and nothing lost when a process ends."""

import json
import os
import signal
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from multiprocessing import get_context

import pytest
import sweep_tasks as tasks

from manifolds.errors import InputError
from symport.sweep import sweep
from symport.sweeps.executors import workers_of

GRID = {"a": [1.0, 2.0, 3.0], "b": [0.0, 0.5]}


def results(found):
    return [(dict(one.task.parameters), one.task.repeat, one.seed, dict(one.result)) for one in found.records]


# the same bits


def test_records_follow_the_grid_and_seeds_the_parameters():
    found = sweep(tasks.draw, GRID, repeats=2, rng=5)
    assert [(one.task.parameters["a"], one.task.parameters["b"], one.task.repeat) for one in found.records] == [
        (a, b, repeat) for a in GRID["a"] for b in GRID["b"] for repeat in (0, 1)
    ]
    seeds = [one.seed for one in found.records]
    assert len(set(seeds)) == 12
    assert [one.result["seed"] for one in found.records] == seeds
    assert all(0 <= seed < 2**48 for seed in seeds)


def test_a_seed_depends_on_neither_the_order_nor_the_other_values():
    whole = {str(p): (s, r) for p, _, s, r in results(sweep(tasks.draw, GRID))}
    part = sweep(tasks.draw, {"b": [0.5], "a": [3.0, 1.0]})
    for parameters, _, seed, result in results(part):
        ordered = str({name: parameters[name] for name in ("a", "b")})
        assert whole[ordered] == (seed, result)
    assert [one.seed for one in sweep(tasks.draw, GRID, rng=1).records] != [seed for seed, _ in whole.values()]


@pytest.mark.parametrize("executor", ["process", "threads", "pool"])
def test_the_same_bits_on_every_executor(executor):
    expected = results(sweep(tasks.draw, GRID))
    if executor == "threads":
        with ThreadPoolExecutor(2) as pool:
            assert results(sweep(tasks.draw, GRID, executor=pool)) == expected
    elif executor == "pool":
        with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
            assert results(sweep(tasks.draw, GRID, executor=pool)) == expected
    else:
        assert results(sweep(tasks.draw, GRID, executor=executor, workers=2)) == expected


def test_a_seed_that_is_given_is_taken():
    found = sweep(tasks.draw, {"a": [1.0, 2.0], "rng": [7, 8]})
    assert [one.result["seed"] for one in found.records] == [7, 8, 7, 8]
    assert [one.seed for one in found.records] == [7, 8, 7, 8]


# failures stay alone


def test_every_kind_of_failure_is_reported_and_the_others_finish():
    values = ["one", "refuse", "raise", "kill", "hang", "local", "exit", "seven"]
    found = sweep(tasks.picky, {"a": values}, executor="process", workers=3, retries=1, timeout=3.0)
    assert [one.task.parameters["a"] for one in found.records] == ["one", "seven"]
    kinds = {one.task.parameters["a"]: (one.kind, one.attempts) for one in found.failed}
    assert kinds == {
        "refuse": ("input", 1),
        "raise": ("error", 2),
        "kill": ("worker", 2),
        "hang": ("timeout", 2),
        "local": ("error", 2),
        "exit": ("error", 2),
    }
    by_value = {one.task.parameters["a"]: one for one in found.failed}
    assert by_value["refuse"].error.why == "it says so"
    assert "ZeroDivisionError: nothing divides by it" in by_value["raise"].error.why
    assert "picky" in by_value["raise"].trace
    for one in found.failed:
        assert all((one.error.what, one.error.why, one.error.cure))
        assert "\n  why: " in one.to_dict()["error"]


def test_failures_in_this_process_stay_alone_too():
    found = sweep(tasks.picky, {"a": ["raise", "one", "refuse", "exit"]}, retries=0)
    assert [one.task.parameters["a"] for one in found.records] == ["one"]
    assert [(one.kind, one.attempts) for one in found.failed] == [("error", 1), ("input", 1), ("error", 1)]


def test_what_fails_once_is_tried_again(tmp_path):
    fixed = {"folder": str(tmp_path)}
    found = sweep(tasks.raising_once, {"a": [1, 2]}, parameters=fixed)
    assert ([one.attempts for one in found.records], found.failed) == ([2, 2], ())
    found = sweep(tasks.once, {"a": [1, 2, 3]}, parameters=fixed, executor="process", workers=2)
    assert ([one.attempts for one in found.records], found.failed) == ([2, 2, 2], ())


def test_a_result_that_is_no_table_is_refused():
    failed = sweep(tasks.wrong, {"a": [1]}).failed
    assert "type str" in failed[0].error.what
    assert failed[0].kind == "input"


# processes that end


def test_a_worker_that_is_killed_loses_no_record(tmp_path):
    """Kill the process of a running task; what was finished is not run again."""
    stuck, killed = tmp_path / "calls-0", []

    def kill(outcome):
        assert (tmp_path / "kept" / "records" / f"{outcome.task.digest}.json").exists()
        while not killed:
            time.sleep(0.01)
            if stuck.exists() and stuck.read_text().endswith("\n"):
                killed.append(int(stuck.read_text()))
                os.kill(killed[0], signal.SIGKILL)

    found = sweep(
        tasks.noted,
        {"a": list(range(6))},
        parameters={"folder": str(tmp_path), "stuck": 0},
        executor="process",
        workers=2,
        folder=tmp_path / "kept",
        callback=kill,
    )
    assert ([one.result["value"] for one in found.records], found.failed) == (list(range(6)), ())
    assert [one.attempts for one in found.records] == [2, 1, 1, 1, 1, 1]
    calls = {one.name: one.read_text().split() for one in tmp_path.glob("calls-*")}
    first, second = map(int, calls.pop("calls-0"))
    assert (first, {len(pids) for pids in calls.values()}) == (killed[0], {1})
    assert first != second


def test_a_broken_pool_of_the_caller_is_replaced_where_it_can_be(tmp_path):
    make = partial(ProcessPoolExecutor, 2, mp_context=get_context("spawn"))
    fixed = {"folder": str(tmp_path)}
    found = sweep(tasks.once, {"a": [1, 2]}, parameters=fixed, executor=make, retries=4)
    assert ([one.result["value"] for one in found.records], found.failed) == ([1, 2], ())


def test_a_broken_pool_that_nobody_can_replace_is_reported():
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        found = sweep(tasks.picky, {"a": ["one", "kill", "two"]}, executor=pool, retries=0)
    assert [one.task.parameters["a"] for one in found.records] == ["one"]
    assert {one.kind for one in found.failed} == {"worker"}
    assert len(found.failed) == 2


def test_threads_that_hang_are_reported_and_the_rest_runs():
    stop = threading.Event()
    with ThreadPoolExecutor(2) as pool:

        def wait(a):
            if a == 0:
                stop.wait(60)
            return a

        found = sweep(wait, {"a": [0, 1, 2, 3]}, executor=pool, timeout=0.5, retries=0)
        stop.set()
    assert [one.result["value"] for one in found.records] == [1, 2, 3]
    assert [one.kind for one in found.failed] == ["timeout"]


# going on


def test_a_later_run_goes_on_and_reads_the_same_bits(tmp_path):
    fixed = {"folder": str(tmp_path)}
    first = sweep(tasks.noted, {"a": [1, 2]}, parameters=fixed, folder=tmp_path / "kept")
    whole = sweep(tasks.noted, {"a": [1, 2, 3]}, parameters=fixed, folder=tmp_path / "kept")
    assert (first.resumed, whole.resumed, len(whole.records)) == (0, 2, 3)
    assert results(whole)[:2] == results(first)
    assert {len(one.read_text().split()) for one in tmp_path.glob("calls-*")} == {1}


def test_a_record_that_is_damaged_or_foreign_is_made_again(tmp_path):
    found = sweep(tasks.draw, {"a": [1.0, 2.0, 3.0]}, folder=tmp_path)
    files = [tmp_path / "records" / f"{one.task.digest}.json" for one in found.records]
    files[0].write_text(files[0].read_text()[:40])
    files[1].write_text(files[2].read_text())
    other = json.loads(files[2].read_text()) | {"version": "0.0.0"}
    files[2].write_text(json.dumps(other))
    again = sweep(tasks.draw, {"a": [1.0, 2.0, 3.0]}, folder=tmp_path)
    assert again.resumed == 0
    assert results(again) == results(found)
    assert sweep(tasks.draw, {"a": [1.0, 2.0, 3.0]}, folder=tmp_path).resumed == 3
    assert sweep(tasks.draw, {"a": [1.0, 2.0, 3.0]}, folder=tmp_path, rng=1).resumed == 0


def test_numbers_that_are_not_finite_are_null(tmp_path):
    found = sweep(not_finite, {"a": [1]}, folder=tmp_path)
    assert dict(found.records[0].result) == {"up": None, "list": [None, 1.0]}
    assert results(sweep(not_finite, {"a": [1]}, folder=tmp_path)) == results(found)


def not_finite(a):
    return {"up": float("inf"), "list": [float("nan"), 1.0]}


# input


@pytest.mark.parametrize(
    ("grid", "options", "word"),
    [
        ({"a": []}, {}, "no values"),
        ({"a": 3}, {}, "no list of values"),
        ({"a": "adam"}, {}, "no list of values"),
        ({"a": [1, 1]}, {}, "twice"),
        ({"a": [float("nan")]}, {}, "finite"),
        ({"a": [object()]}, {}, "finite"),
        ({"a": ["x" * 20_000]}, {}, "longer than"),
        ({"a": [1], "c": [2]}, {}, "unexpected keyword argument 'c'"),
        ({"b": [1]}, {}, "missing a required argument: 'a'"),
        ({"a": [1]}, {"parameters": {"a": 1}}, "both fixed and on the grid"),
        ({"a": list(range(1000)), "b": list(range(1000))}, {}, "the limit is 100,000"),
        ({"a": [1]}, {"repeats": 0}, "no number of runs"),
        ({"a": [1]}, {"repeats": 10**9}, "the limit is 100,000"),
        ({"a": [1]}, {"retries": -1}, "no number of further attempts"),
        ({"a": [1]}, {"timeout": 0, "executor": "process"}, "no number of seconds"),
        ({"a": [1]}, {"timeout": 1.0}, "cannot be stopped"),
        ({"a": [1]}, {"rng": -1}, "integer"),
        ({"a": [1], "rng": [-1]}, {}, "no seed"),
        ({"a": [1]}, {"executor": "cloud"}, "no such executor"),
        ({"a": [1]}, {"executor": "dask:"}, "no address"),
        ({"a": [1]}, {"executor": 3}, "no executor"),
        ({"a": [1]}, {"executor": "process", "workers": 0}, "no such number of workers"),
    ],
)
def test_bad_input(tmp_path, grid, options, word):
    with pytest.raises(InputError) as caught:
        sweep(tasks.draw, grid, folder=tmp_path / "kept", **options)
    assert word in str(caught.value)
    assert not (tmp_path / "kept").exists()


def test_no_function_and_no_cluster():
    with pytest.raises(InputError, match="no function"):
        sweep(3, {"a": [1]})
    with pytest.raises(InputError, match="registered"):
        sweep("os:system", {"command": ["true"]})


# dask


@pytest.mark.filterwarnings("ignore")
def test_a_dask_cluster(tmp_path):
    distributed = pytest.importorskip("distributed")
    expected = results(sweep(tasks.draw, GRID))
    options = {"n_workers": 2, "threads_per_worker": 1, "processes": False, "dashboard_address": None}
    with distributed.LocalCluster(**options) as cluster, distributed.Client(cluster, set_as_default=False) as client:
        assert results(sweep(tasks.draw, GRID, executor=client)) == expected
        assert results(sweep(tasks.draw, GRID, executor=client.get_executor(pure=False))) == expected
        by_address = f"dask:{cluster.scheduler_address}"
        assert results(sweep(tasks.draw, GRID, executor=by_address, folder=tmp_path)) == expected
        found = sweep(tasks.picky, {"a": ["one", "raise", "refuse"]}, executor=client)
        assert len(found.records) == 1
        assert [(one.kind, one.attempts) for one in found.failed] == [("error", 2), ("input", 1)]


@pytest.mark.filterwarnings("ignore")
def test_a_task_that_hangs_on_a_cluster_keeps_its_thread_and_no_other():
    distributed = pytest.importorskip("distributed")
    options = {"n_workers": 1, "threads_per_worker": 2, "processes": False, "dashboard_address": None}
    with distributed.LocalCluster(**options) as cluster, distributed.Client(cluster, set_as_default=False) as client:
        given = {"executor": client, "timeout": 0.4, "retries": 0}
        found = sweep(tasks.slow, {"pause": [3.0, 0.0, 0.1, 0.2]}, parameters={"a": 5}, **given)
        assert [one.result["value"] for one in found.records] == [5, 5, 5]
        assert [one.kind for one in found.failed] == ["timeout"]
        found = sweep(tasks.slow, {"pause": [2.0, 2.5, 0.3, 0.4]}, parameters={"a": 5}, **given)
        assert [one.kind for one in found.failed[:2]] == ["timeout", "timeout"]
        assert {one.kind for one in found.failed[2:]} <= {"worker", "timeout"}
        assert len(found.records) + len(found.failed) == 4


@pytest.mark.filterwarnings("ignore")
def test_a_cluster_that_is_not_there(monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr("symport.sweeps.executors.PATIENCE", 0.3)
    with pytest.raises(InputError, match="start it, or check its address"):
        workers_of("dask:tcp://127.0.0.1:1")
