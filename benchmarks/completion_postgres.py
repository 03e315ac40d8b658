"""The completion of benchmarks/completion.py on PostgreSQL, by one worker and by two; only where a server can be had.

The server waits for the disk as any server does.
"""

from __future__ import annotations

import multiprocessing
import tempfile
import time
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

from benchmarks import postgres
from benchmarks.completion import Bench, figures, office_of
from benchmarks.figures import Figure, beside
from tests.office import Office
from workflows.db import Database

#: Cases that each worker takes through all eight tasks.
_EACH = 6


def run() -> list[Figure]:
    """Measure; takes about a minute. ImportError where there is no server and none can be started."""
    with postgres.databases() as [url], tempfile.TemporaryDirectory() as folder, office_of(url, Path(folder)) as office:
        found = figures("completion, PostgreSQL", Bench(office).measure(), bar=True)
        one, two = (_rates(office, url, workers) for workers in (1, 2))
    return [*found, beside("completion, PostgreSQL: completions a second by two workers", "1/s", two, "by one", one)]


def _rates(office: Office, url: str, workers: int) -> list[float]:
    """Completions a second of all workers together, three times."""
    found = []
    for turn in range(3):
        bench = Bench(office, f"{workers}-{turn}-")
        cases = [[bench.begin("ours") for _ in range(_EACH)] for _ in range(workers)]
        barrier = multiprocessing.Barrier(workers + 1)
        crew = [multiprocessing.Process(target=_work, args=(url, bench, mine, barrier)) for mine in cases]
        for worker in crew:
            worker.start()
        barrier.wait(60)
        began = time.perf_counter()
        for worker in crew:
            worker.join()
        if any(worker.exitcode for worker in crew):
            raise RuntimeError("a worker failed")
        found.append(8 * _EACH * workers / (time.perf_counter() - began))
    return found


def _work(url: str, bench: Bench, cases: list[Any], barrier: Barrier) -> None:
    # A worker has connections of its own; what it inherited belongs to its parent.
    bench.reopen(Database(url))
    barrier.wait(60)
    for case in cases:
        bench.finish(case)
