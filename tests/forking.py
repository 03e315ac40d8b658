"""The one fork server of a test process: Python has no second, and what it imports is settled when it starts."""

from __future__ import annotations

import multiprocessing

#: Processes forked from a server that has read what they read; whoever forks first starts it.
processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload(["tests.kill.warm", "tests.workflows.engine.elsewhere", "tests.workflows.engine.drawing"])
