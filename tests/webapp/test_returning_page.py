"""The page of 退回 among parallel branches: what goes back, what stays, and what ends by it, before it is done."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from sqlalchemy import select
from werkzeug.test import TestResponse

from tests import factories, reviewing
from tests.office import Office
from tests.webapp.case_world import APPLICANT, HR1, World
from tests.workflows.test_returning_branches import WAYS
from workflows import instances
from workflows.models import Task
from workflows.submission import Submission

Words = Callable[[TestResponse], str]
WHY = "经费预算与课题内容不符，请重新核对后再报"


def test_the_page_says_which_branches_go_back_and_what_ends(house: Any, root: Path, words: Words) -> None:
    world = World(house)
    db, at = house.database, house.watch()
    reviewing.deploy(cast(Office, SimpleNamespace(db=db, at=at)), root, ways=WAYS)
    paper = Submission("review.proposal", {"title": "阅读", "budget": "1", "panel": ["甲"]}, "t" * 24)
    number = instances.start(db, factories.viewer(db, APPLICANT, at), "ways", world.round, paper, at=at).instance_number

    def task(step: str) -> str:
        with db.read() as session:
            return str(session.execute(select(Task.number).where(Task.step_id == step, Task.status == "open")).scalar_one())

    for place, step in enumerate(("first", "discuss")):
        opinion = Submission("review.opinion", {"kind": "同意"}, f"{place}" * 24)
        instances.complete_task(db, factories.viewer(db, HR1, at), task(step), opinion, at=at)
    discussed = task("agree")
    page = words(world.browser(HR1).get(f"/tasks/{discussed}/return"))
    assert "会商" in page and "只退回本分支，其他分支照常办理。" in page
    assert "初审" in page and "同时终止正在办理的：核算；已办的意见留在办件里。" in page
    with db.read() as session:
        first = session.execute(select(Task.number).where(Task.step_id == "first")).scalar_one()
    answer = world.browser(HR1).post(f"/tasks/{discussed}/return", {"to": first, "reason": WHY})
    assert answer.status_code == 303
    shown = words(world.browser(HR1).get(f"/instances/{number}"))
    assert "初审" in shown and task("first")
