"""Memory of one worker over 100,000 completions: its resident set after 10,000, 50,000 and 100,000 (a report, no bar).

The completions are timers that fire: each loads a case, runs the engine, ends it and records it, as the worker's beat does
it, in one process that does nothing else. Cases are started in between, 5,000 at a time, by the same worker.
"""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

from benchmarks import annual
from benchmarks.figures import Figure
from workflows import bulk, jobs, timers

COMPLETIONS, EACH = 100_000, 5_000
LOOKS = (10_000, 50_000, 100_000)


def run() -> list[Figure]:
    """Measure; takes about five minutes."""
    figures = []
    with annual.office(EACH) as db:
        for number in range(COMPLETIONS // EACH):
            at = annual.AT + timedelta(days=4 * number)
            bulk.request(db, annual.OPERATOR, annual.EVERYBODY, at=at)
            jobs.run_next(db, {bulk.BULK_START: bulk.run}, lambda at=at: at)  # type: ignore[misc]
            fired = timers.fire_due(db, at=at + timedelta(days=3))
            if fired != EACH:
                raise RuntimeError(f"{fired} of {EACH} fired")
            done = (number + 1) * EACH
            if done in LOOKS:
                figures.append(Figure(f"memory: a worker after {done:,} completions", "MiB", round(_resident(), 1)))
    return figures


def _resident() -> float:
    """Resident set of this process, MiB."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
