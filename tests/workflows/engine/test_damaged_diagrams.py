"""Diagrams damaged at random: each is refused with a place and a reason, or read and run; nothing else ever happens."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from lxml import etree

from tests.workflows.engine.blocks import Maker
from tests.workflows.engine.drawing import (
    begin,
    boundary,
    choice,
    decide,
    drawing,
    end,
    flows,
    house,
    ruling,
    script,
    service,
    some,
    sub,
    user,
    zeebe,
)
from workflows.engine import Diagram, complete, fire, read, start
from workflows.errors import DefinitionRefused, Problem, Refusal

RICH = drawing(
    begin("s", "admission.application"),
    user(
        "a",
        zeebe("formDefinition", formId="admission.review")
        + zeebe("assignmentDefinition", candidateGroups='=role("expert")', assignee="=instance.starter")
        + zeebe("taskSchedule", dueDate='=now() + duration("P5D")')
        + zeebe("priorityDefinition", priority="80")
        + zeebe("ioMapping", zeebe("input", source="=1", target="x") + zeebe("output", source="=x", target="y"))
        + zeebe("properties", zeebe("property", name="jiaoyan:actions", value="approve")),
    ),
    boundary("t", "a", "PT1H", cancel=False),
    decide("d", "DT-ADM-01", "r"),
    choice("g", "g-o"),
    script("c", "y + 1", "y"),
    some("o", "o-e"),
    service("v"),
    sub("q", begin("qs"), user("qu"), end("qe"), flows("qs qu qe")),
    boundary("u", "q", "P1D"),
    end(),
    flows("s a d g", "g c | y < 3", "c a", "g o", "o v | y > 0", "o q | true", "o e", "v e", "q e", "t e", "u e"),
)


def damage(raw: bytes, chance: random.Random) -> bytes:
    """One to three random changes: an element or attribute removed, doubled, renamed, moved or filled with something else."""
    root = etree.fromstring(raw)
    for _ in range(chance.randint(1, 3)):
        element = chance.choice(list(root.iter()))
        act = chance.randrange(6)
        if act == 0 and element is not root:
            element.getparent().remove(element)
        elif act == 1 and element is not root:
            element.getparent().append(etree.fromstring(etree.tostring(element)))
        elif act == 2:
            element.tag = chance.choice(list(root.iter())).tag
        elif act == 3 and element.attrib:
            del element.attrib[chance.choice(list(element.attrib))]
        elif act == 4 and element.attrib:
            name = chance.choice(list(element.attrib))
            element.set(
                name, chance.choice(["", "=", "=1 +", "e", "a", "=null", "-1", "true", "真", "{}", "=" + "(" * 50])
            )
        elif act == 5 and element is not root and not len(element):
            target = chance.choice([one for one in root.iter() if one is not element])
            target.append(element)
    return etree.tostring(root)


def read_or_refuse(raw: bytes, file: str) -> tuple[Diagram, ...]:
    """The diagrams; none when the file was refused, as it must be, with places and reasons."""
    problems: tuple[Problem, ...] = ()
    drawn: tuple[Diagram, ...] = ()
    try:
        drawn = read(raw, file=file)
    except DefinitionRefused as refused:
        problems = refused.problems
    assert bool(drawn) != bool(problems)
    assert all(problem.file == file and problem.reason for problem in problems)
    return drawn


def survive(raw: bytes) -> bool:
    """Read and run ``raw`` for a few steps; whether it was read."""
    lent = house(lambda *_: ruling(ok=True), role=lambda name: {"role": name}, instance={"starter": "P1"})
    drawn = read_or_refuse(raw, "d.bpmn")
    for one in drawn:
        try:
            progress = start(one, {"y": 1}, lent)
            for _ in range(6):
                waiting = [(complete, task.token) for task in progress.opened] + [
                    (fire, timer.token) for timer in progress.timers
                ]
                if not waiting:
                    break
                verb, token = waiting[0]
                progress = (
                    complete(one, progress.state, token, {"y": 4}, lent)
                    if verb is complete
                    else fire(one, progress.state, token, lent)
                )
        except Refusal:
            continue
    return bool(drawn)


def test_the_undamaged_diagram_runs() -> None:
    assert survive(RICH)


@pytest.mark.parametrize("seed", range(40))
def test_a_damaged_diagram_is_refused_or_runs(seed: int) -> None:
    chance = random.Random(seed)
    others = [Maker(seed).process(2)[0], RICH, RICH]
    read_at_all = [survive(damage(chance.choice(others), chance)) for _ in range(12)]
    assert len(read_at_all) == 12


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1000, 1400))
def test_many_damaged_diagrams_are_refused_or_run(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(50):
        survive(damage(RICH, chance))


@pytest.mark.shared
def test_every_foreign_model_is_refused_with_places_or_read(request: pytest.FixtureRequest) -> None:
    folder = Path(request.config.getoption("--shared")) / "corpora"
    files = [path for path in sorted(folder.rglob("*")) if path.suffix in {".bpmn", ".xml"}]
    assert files
    for path in files:
        read_or_refuse(path.read_bytes(), path.name)
