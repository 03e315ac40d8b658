"""Who comes second through the pages: told by name, nothing in the case, one ``input:rejected`` in their own stream (T3).

``meanwhile`` lets another act happen when the page has read everything and its verb is about to write.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import select

from tests import factories
from tests.webapp.case_world import APPLICANT, HR1, HR2, SYSTEM, World, problems
from workflows import assignments, control, instances
from workflows.access import Viewer
from workflows.models import Event

WHY = "情况核实期间暂不办理"


@pytest.fixture
def world(house: Any) -> World:
    return World(house)


@pytest.fixture
def reviewing(world: World) -> tuple[World, str, str]:
    """A case that waits for its qualification review: the world, the case's number, the task's."""
    number = world.start()
    answer = world.recommend(world.task(number, "adm_u1"))
    assert answer.status_code == 303, problems(answer)
    return world, number, world.task(number, "adm_u2")


def _stream(world: World, name: str) -> list[str]:
    with world.house.database.read() as session:
        return list(session.execute(select(Event.kind).where(Event.stream == name).order_by(Event.seq)).scalars())


def _rejected(world: World) -> list[tuple[str, str | None]]:
    """(stream, reason) of every refused post."""
    return [(event.stream, event.reason) for event, _ in world.events("input:rejected")]


def _meanwhile(monkeypatch: pytest.MonkeyPatch, module: Any, verb: str, act: Callable[[], object]) -> None:
    """Another act comes between what the page has read and what its verb writes."""
    real = getattr(module, verb)

    def second(*arguments: Any, **named: Any) -> Any:
        monkeypatch.setattr(module, verb, real)
        with ThreadPoolExecutor(1) as elsewhere:  # a request of its own, not one inside this one
            elsewhere.submit(act).result()
        return real(*arguments, **named)

    monkeypatch.setattr(module, verb, second)


def _holds(world: World, number: str) -> None:
    control.suspend(world.house.database, SYSTEM, number, WHY, at=world.house.watch())


def _withdraws(world: World, number: str) -> None:
    control.withdraw(world.house.database, _viewer(world, APPLICANT), number, WHY, at=world.house.watch())


def _viewer(world: World, who: str) -> Viewer:
    return factories.viewer(world.house.database, who, world.house.watch())


@pytest.mark.parametrize("first", ["a colleague decides", "the case is held", "the applicant withdraws", "a colleague claims"])
def test_a_decision_that_comes_second(
    reviewing: tuple[World, str, str], monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    world, number, task = reviewing
    db, at = world.house.database, world.house.watch()
    acts: dict[str, Callable[[], object]] = {
        "a colleague decides": lambda: world.review(HR1, task, "不合格", "学历材料与原件不一致，不予通过。"),
        "the case is held": lambda: _holds(world, number),
        "the applicant withdraws": lambda: _withdraws(world, number),
        "a colleague claims": lambda: assignments.claim(db, _viewer(world, HR1), task, at=at),
    }
    before = len(_stream(world, f"instance:{number}"))
    _meanwhile(monkeypatch, instances, "complete_task", acts[first])
    answer = world.review(HR2, task, "合格")
    assert answer.status_code == 409
    [(stream, reason)] = _rejected(world)
    assert stream == f"person:{world.numbers[HR2]}"
    assert reason == ("E_SUSPENDED" if first == "the case is held" else "E_STALE")
    assert len(_stream(world, f"instance:{number}")) == before + 1


def test_a_claim_that_comes_second(reviewing: tuple[World, str, str]) -> None:
    world, number, task = reviewing
    at = world.house.watch()
    world.browser(HR2).get(f"/tasks/{task}")
    assignments.claim(world.house.database, _viewer(world, HR1), task, at=at)
    before = _stream(world, f"instance:{number}")
    answer = world.browser(HR2).post(f"/tasks/{task}/claim")
    assert answer.status_code == 409
    assert _rejected(world) == [(f"person:{world.numbers[HR2]}", "E_STALE")]
    [(_, payload)] = world.events("input:rejected")
    assert json.loads(payload)["subject"] == f"/tasks/{task}/claim"
    assert _stream(world, f"instance:{number}") == before


def test_a_withdrawal_that_comes_second(reviewing: tuple[World, str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    world, number, _ = reviewing
    before = len(_stream(world, f"instance:{number}"))
    database, at = world.house.database, world.house.watch()
    _meanwhile(monkeypatch, control, "withdraw", lambda: control.cancel(database, SYSTEM, number, WHY, at=at))
    answer = world.browser(APPLICANT).post(f"/instances/{number}/withdraw", {"reason": WHY})
    assert answer.status_code == 409
    assert _rejected(world) == [(f"person:{world.numbers[APPLICANT]}", "E_STALE")]
    assert len(_stream(world, f"instance:{number}")) == before + 1


@pytest.mark.parametrize("act", ["suspend", "cancel", "resume"])
def test_a_case_that_was_ended_meanwhile(reviewing: tuple[World, str, str], act: str) -> None:
    world, number, _ = reviewing
    admin = world.house.person("root", ("ln-jyt", "system_admin"), name="孙志强")
    world.numbers["root"] = admin
    world.browser("root")
    control.cancel(world.house.database, SYSTEM, number, WHY, at=world.house.watch())
    before = _stream(world, f"instance:{number}")
    answer = world.browser("root").post(f"/instances/{number}/control/{act}", {"reason": WHY})
    assert answer.status_code == 409
    assert _rejected(world) == [(f"person:{admin}", "E_STALE")]
    assert _stream(world, f"instance:{number}") == before


def test_an_application_sent_from_a_second_window(world: World) -> None:
    late = world.application()
    world.start()
    answer = world.send(APPLICANT, late, _send="1")
    assert answer.status_code == 422
    assert _rejected(world) == [(f"person:{world.numbers[APPLICANT]}", "E_DUPLICATE")]


def test_an_autosave_that_comes_too_late_is_no_act(reviewing: tuple[World, str, str]) -> None:
    world, _, task = reviewing
    late = world.sheet(HR2, f"/tasks/{task}")
    assert world.review(HR1, task, "合格").status_code == 303
    assert world.send(HR2, late, f"/tasks/{task}/draft").status_code == 409
    assert _rejected(world) == []
