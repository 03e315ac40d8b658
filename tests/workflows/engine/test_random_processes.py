"""Random processes on random paths, stored and loaded at every step, against a model of blocks (T1, T2)."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from tests.workflows.engine.blocks import Maker
from tests.workflows.engine.drawing import Walk
from workflows.engine import read


def play(seed: int, path: int, depth: int = 3) -> int:
    """Walk one process to its end; the number of steps. The seeds are in every failure."""
    raw, model = Maker(seed).process(depth)
    (drawn,) = read(raw, file=f"seed-{seed}.bpmn")
    walk = Walk(drawn)
    chance = random.Random(path)
    sent: dict[str, int] = {}
    for step in range(1000):
        tasks, timers = Counter(model.tasks()), Counter(model.timers())
        assert Counter(walk.open) == tasks, f"seed {seed}, path {path}, step {step}"
        assert Counter(walk.waiting) == timers, f"seed {seed}, path {path}, step {step}"
        assert walk.progress.completed == model.finished, f"seed {seed}, path {path}, step {step}"
        assert {name: walk.variables[name] for name in sent} == sent, f"seed {seed}, path {path}, step {step}"
        if model.finished:
            return step
        name = chance.choice(sorted([*tasks, *timers]))
        model.do(name)
        if name in timers:
            walk.fire(name)
        else:
            sent[name] = step
            walk.do(name, **{name: step})
    raise AssertionError(f"seed {seed}, path {path} does not end")


@pytest.mark.parametrize("seed", range(120))
def test_a_random_process_does_what_its_blocks_say(seed: int) -> None:
    for path in range(3):
        play(seed, path)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1000, 2000))
def test_many_random_processes_do_what_their_blocks_say(seed: int) -> None:
    for path in range(2):
        play(seed, path, depth=4)
