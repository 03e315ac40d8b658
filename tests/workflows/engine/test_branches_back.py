"""Random processes in which steps go back at random: only one branch where there are more, and no token is lost or doubled (T1, T2)."""

from __future__ import annotations

import copy
import random
from collections import Counter

import pytest

from tests.workflows.engine.blocks import Maker, ScopePlay, go_back
from tests.workflows.engine.test_random_processes import waits
from tests.workflows.engine.test_rewinding import Back, act
from workflows.engine import read
from workflows.engine.errors import RewindAmbiguous

KINDS = "task sequence sequence parallel parallel inclusive choice loop sub each again call receive race"


def whole_of(token: str) -> str:
    """The repetition for a task that is one of many, else the task."""
    host, _, place = token.rpartition(".")
    return host if host and place.isdecimal() else token


def play(seed: int, path: int, depth: int = 3) -> tuple[int, int, int]:
    """Walk one process to its end, going back on the way: how often alone, how often whole, how often it was refused.

    After every act what waits is what the model of blocks says, in which the branch was put back as a block. Gone back to is
    what is on the way: each step as it was done last, but for what was undone since.
    """
    raw, model = Maker(seed, kinds=KINDS).process(depth)
    (drawn,) = read(raw, file=f"seed-{seed}.bpmn")
    walk, chance = Back(drawn), random.Random(path)
    then: dict[str, ScopePlay] = {}
    way: dict[str, tuple[str, str, bytes]] = {}
    alone = whole = refused = 0
    for number in range(400):
        where = f"seed {seed}, path {path}, act {number}"
        assert Counter(waits(walk)) == Counter(model.waits()), where
        assert walk.progress.completed == model.finished, where
        if model.finished:
            return alone, whole, refused
        if way and number < 60 and chance.random() < 0.4:
            token, step, state = chance.choice(list(way.values())[-6:])
            kept = walk.progress.state
            try:
                progress = walk.back_to(token, walk.first_of(token, state))
            except RewindAmbiguous:
                assert walk.progress.state == kept, where
                refused += 1
                continue
            model = go_back(model, then[whole_of(token)], step)
            order = list(walk.when)
            since = set(order[order.index(token) :])
            way = {
                name: one for name, one in way.items()
                if one[0] not in since or (progress.undone and name not in progress.undone)
            }  # fmt: skip
            alone, whole = alone + bool(progress.undone), whole + (not progress.undone)
            assert all(one.step_id == step for one in progress.opened), where
        else:
            kind, name = chance.choice(sorted(waits(walk)))
            if kind == "task":
                token = walk.token(name)
                then.setdefault(whole_of(token), copy.deepcopy(model))
                way.pop(name, None)
                way[name] = (token, name, walk.progress.state)
            act(walk, kind, name, n=number)
            model.do(name)
    raise AssertionError(f"seed {seed}, path {path} does not end")


def test_whatever_goes_back_is_a_block_and_the_rest_stays() -> None:
    found = [play(seed, seed) for seed in range(120)]
    alone, whole, refused = (sum(one) for one in zip(*found, strict=True))
    assert alone > 100 and whole > 60 and refused > 100


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1000, 1600))
def test_whatever_goes_back_is_a_block_in_large_processes(seed: int) -> None:
    for path in range(2):
        play(seed, path, depth=4)
