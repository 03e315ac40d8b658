"""Random processes on random paths, where each step is done by a new operating-system process from stored bytes (T2)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.workflows.engine import drawing, test_random_processes
from tests.workflows.engine.elsewhere import VERBS, verb
from tests.workflows.engine.test_random_processes import play
from workflows import engine


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    drawings: dict[str, bytes] = {}

    def read(raw: bytes, *, file: str) -> Any:
        drawings[file] = raw
        return engine.read(raw, file=file)

    monkeypatch.setattr(test_random_processes, "read", read)
    for name in VERBS:
        monkeypatch.setattr(drawing, name, verb(name, drawings))


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize("seed", range(4))
def test_a_random_process_goes_on_in_new_processes(seed: int) -> None:
    assert play(seed, seed) > 0


@pytest.mark.long
@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize("seed", range(10_000, 11_000))
def test_many_random_processes_go_on_in_new_processes(seed: int) -> None:
    play(seed, seed)
