"""Random processes on random paths, stored and loaded at every step, against a model of blocks (T1, T2)."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from tests.workflows.engine.blocks import Maker
from tests.workflows.engine.drawing import Walk
from workflows.engine import read


def play(seed: int, path: int, depth: int = 3, **kinds: str) -> int:
    """Walk one process to its end; the number of steps. The seeds are in every failure."""
    raw, model = Maker(seed, **kinds).process(depth)
    (drawn,) = read(raw, file=f"seed-{seed}.bpmn")
    walk = Walk(drawn)
    chance = random.Random(path)
    sent: dict[str, int] = {}
    met: Counter[str] = Counter()
    for step in range(1000):
        where = f"seed {seed}, path {path}, step {step}"
        expected = Counter(model.waits())
        assert Counter(waits(walk)) == expected, where
        assert walk.progress.completed == model.finished, where
        assert {name: walk.variables[name] for name in sent} == sent, where
        if model.finished:
            return step
        # A message that goes on being waited for is met a few times, not for ever.
        kind, name = chance.choice(
            sorted(wait for wait in expected if met[wait[1]] < 3 or wait[0] != "message") or sorted(expected)
        )
        model.do(name)
        met[name] += 1
        if kind == "timer":
            walk.fire(name)
        else:
            sent[name] = step
            {"task": walk.do, "message": walk.deliver, "call": walk.resume}[kind](name, **{name: step})
    raise AssertionError(f"seed {seed}, path {path} does not end")


def waits(walk: Walk) -> list[tuple[str, str]]:
    """What the instance waits for: kind and step."""
    found = {"task": walk.open, "timer": walk.waiting, "message": walk.listening, "call": list(walk.calls.values())}
    return [(kind, step) for kind, steps in found.items() for step in steps]


@pytest.mark.parametrize("seed", range(120))
def test_a_random_process_does_what_its_blocks_say(seed: int) -> None:
    for path in range(3):
        play(seed, path)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1000, 2000))
def test_many_random_processes_do_what_their_blocks_say(seed: int) -> None:
    for path in range(2):
        play(seed, path, depth=4)
