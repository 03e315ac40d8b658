"""Driving an imported model from its start to its end: whatever it waits for comes, whatever it reads is something it knows."""

from __future__ import annotations

import random
import re
from types import SimpleNamespace
from typing import Any

from tests.workflows.engine.drawing import Walk, house
from workflows.engine import Diagram
from workflows.engine.errors import Incident

#: What the house lends to every walk.
HOUSE = {"instance": {"starter": "P1"}}
#: Acts after which a walk is given up.
MOST = 120


class Answers(dict[str, Any]):
    """Values for every name that the conditions of a diagram read, chosen anew each time."""

    def __init__(self, drawn: Diagram, chance: random.Random) -> None:
        super().__init__()
        self._chance = chance
        self._choices: dict[str, list[Any]] = {}
        texts = [(place, one.text, one.compiled.names) for _, place, one in drawn.formulas()]
        labels = [label for _, text, _ in texts for label in re.findall(r'"([^"]*)"', text)]
        for place, text, names in texts:
            for name in sorted(set(names) - HOUSE.keys()):
                self._choices.setdefault(name, [])
                self._choices[name] += self._values(name, place, text, labels)
        self.renew()

    def renew(self) -> Answers:
        """Choose again."""
        for name, values in self._choices.items():
            self[name] = self._chance.choice(values or [True])
        return self

    @staticmethod
    def _values(name: str, place: str, text: str, labels: list[str]) -> list[Any]:
        if place == "timer":
            return ["PT1H"]
        if place in {"correlationKey", "assignee", "candidateUsers", "candidateGroups"}:
            return ["K-1"]
        if place in {"dueDate", "followUpDate"}:
            return ["2026-12-01"]
        if place == "inputCollection" or f" in {name}" in text:
            return [["a", "b"], *([label] for label in re.findall(r'"([^"]*)"', text))]
        if place == "loopCardinality":
            return [2]
        if among := re.findall(rf'list contains\({name}, "([^"]*)"\)', text):
            return [list(among)]
        if equal := re.findall(rf'\b{name} = "([^"]*)"', text):
            return list(equal)
        if numbers := re.findall(rf"\b{name} (?:=|>=|<=|<|>) (-?\d+)", text):
            return [int(number) + step for number in numbers for step in (-1, 0, 1)]
        if keys := re.findall(rf"\b{name}\.(\w+)", text):
            return [{key: [label] for key in keys} for label in ["a", *labels]]
        return [True, False]


def drive(drawn: Diagram, seed: int) -> Walk:
    """One walk through ``drawn``, begun at a start event of the seed's choice; it may not have come to the end."""
    chance = random.Random(seed)
    answers = Answers(drawn, chance)
    results = {step.decision_id: step.result_variable for step in drawn.steps.values() if step.decision_id}

    def decide(decision: str, _: object) -> SimpleNamespace:
        """The value that conditions read under the result's name; else a context of every answer."""
        known = dict(answers.renew())
        value = known.get(results[decision])
        return SimpleNamespace(outputs=known if value in (None, {}) else {}, value=value)

    lent = house(decide, **HOUSE)
    starts = [step for step in drawn.steps.values() if step.kind == "start" and not step.scope]
    begun = chance.choice(starts)
    walk = Walk(drawn, dict(answers), lent, at=begun.id)
    for _ in range(MOST):
        if walk.progress.completed:
            return walk
        acts = [
            *((walk.complete, token) for token in walk.tokens),
            *((walk.deliver, one.step_id) for one in walk.subscriptions.values()),
            *((walk.resume, step) for step in walk.calls.values()),
            *((walk.fire, step) for step in walk.timers.values()),
        ]
        act, where = chance.choice(acts)
        values = dict(answers.renew())
        if act == walk.complete:
            walk.complete(where, values)
        elif act == walk.fire:
            walk.fire(where)
        else:
            act(where, **values)
    return walk


def reaches_the_end(drawn: Diagram, seeds: int = 40) -> bool:
    """Whether one of the walks completes; incidents of unlucky answers are other walks' affair."""
    for seed in range(seeds):
        try:
            if drive(drawn, seed).progress.completed:
                return True
        except Incident:
            continue
    return False
