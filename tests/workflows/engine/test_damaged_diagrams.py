"""Diagrams damaged at random: each is refused with a place and a reason, or read and run; nothing else ever happens."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from lxml import etree

from tests.workflows.engine.blocks import Maker
from tests.workflows.engine.drawing import (
    again,
    at,
    begin,
    begin_on,
    boundary,
    call,
    catch,
    choice,
    decide,
    drawing,
    end,
    end_with,
    error,
    escalation,
    event_sub,
    first_of,
    flows,
    house,
    message,
    node,
    on,
    receive,
    ruling,
    script,
    send,
    service,
    signal,
    some,
    sub,
    throw,
    timer,
    times,
    transaction,
    undo,
    user,
    what,
    zeebe,
)
from workflows.engine import Diagram, Progress, complete, deliver, fire, read, resume, start
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


EVENTFUL = drawing(
    message("m", "y"),
    signal("g"),
    error("r"),
    escalation("k"),
    begin(),
    begin_on(what("message", "m"), "s2"),
    user("a"),
    at("signal", "b", "a", "g", cancel=False),
    undo("a", "h"),
    node("userTask", "h", isForCompensation="true"),
    transaction(
        "q",
        begin("qs"),
        times(user("qu"), "2"),
        choice("qg", "qg-qe"),
        end_with("cancel", "qc"),
        end_with("error", "qr", "r"),
        throw("escalation", "qk", "k"),
        end("qe"),
        flows("qs qu qg qe", "qg qc | y = 1", "qg qr | y = 2", "qg qk | y = 3", "qk qe"),
    ),
    at("cancel", "c", "q"),
    at("error", "f", "q"),
    at("escalation", "k1", "q", "k", cancel=False),
    first_of("w"),
    receive("w1", "m"),
    on("signal", "w2", "g"),
    on("conditional", "w3", "y > 5"),
    catch("w4", "PT1H"),
    call("p2", "p", zeebe("ioMapping", zeebe("input", source="=y", target="z"))),
    again(script("l", "y + 1", "y"), "y < 9", most="9"),
    send("n", "m", zeebe("ioMapping", zeebe("input", source="=y", target="z"))),
    throw("compensate", "u", "a"),
    throw("link", "j", "L"),
    on("link", "j2", "L"),
    event_sub("e1", begin_on(timer("R2/PT1H", "timeCycle"), "e1s", interrupting=False), user("e1u"), flows("e1s e1u")),
    event_sub("e2", begin_on(what("error", "r"), "e2s"), user("e2u"), flows("e2s e2u")),
    end_with("signal", "z", "g"),
    end(),
    flows(
        "s a q w",
        "s2 a",
        "b e",
        "c u",
        "f e",
        "k1 e",
        "w w1 n",
        "w w2 p2 n",
        "w w3 l n",
        "w w4 j",
        "j2 z",
        "n z",
        "u e",
    ),
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


def act(drawn: Diagram, state: bytes, *, token: str, verb: Callable[..., Progress]) -> Progress:
    """One verb; what needs variables gets some."""
    return verb(drawn, state, token, LENT) if verb is fire else verb(drawn, state, token, {"y": 4}, LENT)


LENT = house(lambda *_: ruling(ok=True), role=lambda name: {"role": name}, instance={"starter": "P1"})


def survive(raw: bytes) -> bool:
    """Read and run ``raw`` for a few steps; whether it was read."""
    drawn = read_or_refuse(raw, "d.bpmn")
    for one in drawn:
        try:
            progress = start(one, {"y": 1}, LENT)
            for _ in range(6):
                waiting: list[Callable[[bytes], Progress]] = [
                    *(partial(act, one, token=task.token, verb=complete) for task in progress.opened),
                    *(partial(act, one, token=call.token, verb=resume) for call in progress.calls),
                    *(partial(act, one, token=place.token, verb=deliver) for place in progress.subscriptions),
                    *(partial(act, one, token=timer.token, verb=fire) for timer in progress.timers),
                ]
                if not waiting:
                    break
                progress = waiting[0](progress.state)
        except Refusal:
            continue
    return bool(drawn)


@pytest.mark.parametrize("drawn", [RICH, EVENTFUL], ids=["rich", "eventful"])
def test_the_undamaged_diagram_runs(drawn: bytes) -> None:
    assert survive(drawn)


@pytest.mark.parametrize("seed", range(40))
def test_a_damaged_diagram_is_refused_or_runs(seed: int) -> None:
    chance = random.Random(seed)
    others = [Maker(seed).process(2)[0], RICH, EVENTFUL]
    read_at_all = [survive(damage(chance.choice(others), chance)) for _ in range(12)]
    assert len(read_at_all) == 12


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1000, 1400))
def test_many_damaged_diagrams_are_refused_or_run(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(50):
        survive(damage(chance.choice([RICH, EVENTFUL]), chance))


@pytest.mark.shared
def test_every_foreign_model_is_refused_with_places_or_read(request: pytest.FixtureRequest) -> None:
    folder = Path(request.config.getoption("--shared")) / "corpora"
    files = [path for path in sorted(folder.rglob("*")) if path.suffix in {".bpmn", ".xml"}]
    assert files
    for path in files:
        read_or_refuse(path.read_bytes(), path.name)
