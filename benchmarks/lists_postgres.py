"""The pages of benchmarks/lists.py on PostgreSQL, up to a million open tasks; only where a server can be had."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks import lists, postgres
from benchmarks.figures import Figure

#: Open tasks, one after the other.
SIZES = (10_000, 100_000, 1_000_000)


def run(rows: int = 0) -> list[Figure]:
    """Measure; with ``rows`` open tasks at most, if given. Takes about ten minutes, most of them to make the rows."""
    with postgres.databases(2) as urls, tempfile.TemporaryDirectory() as folder:
        return lists.measured("PostgreSQL", Path(folder), urls, lists.up_to(SIZES, rows))
