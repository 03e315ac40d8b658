"""沿用上次意见: one's own words of last time are offered when a step comes again, and nothing of them is sent by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import select

from tests import reviewing
from tests.again import REQUEST
from tests.office import Office, Place
from workflows import instances
from workflows.access import Viewer
from workflows.audit import Kind
from workflows.models import Event, EventPayload
from workflows.submission import Submission

SAID = {"result": "退回", "opinion": "经费的依据没有写明", "note": "见第三页", "read": True}


class Request:
    """A request that one reviewer has sent back to its author once."""

    def __init__(self, office: Office, place: Place, root: Path) -> None:
        reviewing.deploy(office, root, request=REQUEST)
        self.office, self.sent = office, 0
        self.one, self.other = office.viewer(place.reviewer), office.viewer(place.second_reviewer)
        self.author = office.applicant(place.own_school)
        moved = instances.start(
            office.db, self.author.viewer, "request", office.round(self.author.place), self.paper("draft", title="请示"), at=office.at
        )
        self.number = moved.instance_number

    def paper(self, form: str, **data: Any) -> Submission:
        self.sent += 1
        return Submission(f"request.{form}", data, f"t-{self.sent}")

    def does(self, who: Viewer, step: str, form: str, **data: Any) -> None:
        instances.complete_task(self.office.db, who, self.task(step), self.paper(form, **data), at=self.office.at)

    def task(self, step: str) -> str:
        with self.office.db.read() as session:
            return str(instances.open_task(session, self.number, step))

    def asked(self, who: Viewer) -> instances.FormRequest:
        with self.office.db.read() as session:
            return instances.task_form(session, who, self.task("check"), self.office.at)

    def completions(self) -> list[dict[str, Any]]:
        with self.office.db.read() as session:
            return [orjson.loads(raw) for raw in session.execute(
                select(EventPayload.payload).join(Event, Event.event_id == EventPayload.event_id)
                .where(Event.kind == Kind.TASK_COMPLETED).order_by(Event.seq)
            ).scalars()]  # fmt: skip


@pytest.fixture
def request_back(office: Office, liaoning: Place, root: Path) -> Request:
    case = Request(office, liaoning, root)
    assert case.asked(case.one).last_opinion is None, "nobody has said anything yet"
    case.does(case.one, "check", "check", **SAID)
    case.does(case.author.viewer, "improve", "draft", title="请示（修改）")
    return case


def test_ones_own_last_opinion_is_offered_without_what_is_said_anew(request_back: Request) -> None:
    asked = request_back.asked(request_back.one)
    assert asked.last_opinion is not None
    assert asked.last_opinion.answers == {"opinion": SAID["opinion"], "note": SAID["note"]}, "no choice, no tick"
    assert list(asked.last_opinion.words.values()) == [("意见", SAID["opinion"]), ("备注", SAID["note"])]
    assert not asked.prefill.get("opinion") and not asked.prefill.get("result"), "offered, not filled in"
    assert request_back.asked(request_back.other).last_opinion is None, "another's opinion is another's"


def test_the_record_says_when_the_words_are_those_of_last_time(request_back: Request) -> None:
    request_back.does(request_back.one, "check", "check", **SAID)
    request_back.does(request_back.author.viewer, "improve", "draft", title="请示（再改）")
    request_back.does(request_back.one, "check", "check", **{**SAID, "result": "同意", "opinion": "依据已经补充"})
    first, _, second, _, third = request_back.completions()
    assert "as_before" not in first and "as_before" not in third
    with request_back.office.db.read() as session:
        named = session.execute(select(Event).where(Event.event_id == second["as_before"]["event"])).scalar_one()
    assert named.kind == Kind.TASK_COMPLETED


def test_the_same_words_of_another_are_their_own(request_back: Request) -> None:
    request_back.does(request_back.other, "check", "check", **SAID)
    assert all("as_before" not in payload for payload in request_back.completions())
