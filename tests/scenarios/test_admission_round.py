"""A round from its plan to its archive, with the applications that it decides of (domain.md 3.1)."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from tests.appointing import Path
from tests.office import Case, Hand, Office, Place
from tests.rounds_story import INTERVIEW_ON, RECHECK_ON, WRITTEN_ON, Batch, admission_no, at, plans
from webapp.demo import round_papers
from workflows import case_file
from workflows.audit import Kind

#: A round whose only element is the interview.
ORAL = {"面试": 100}
NAMES = ("甲一", "乙二", "丙三")


def interviewed(office: Office, place: Place, names: Sequence[str] = NAMES, **more: Any) -> tuple[Batch, list[Case]]:
    """A round without written test whose applicants are shortlisted and wait for the panel."""
    batch = plans(office, place, weights=ORAL, **more).opens()
    cases = [batch.receives(name) for name in names]
    batch.closes()
    batch.is_rechecked()
    office.time_is(at(INTERVIEW_ON))
    return batch, cases


def ranked(office: Office, place: Place, scores: Sequence[float | None] = (92, 85, 70), **more: Any) -> tuple[Batch, list[Case]]:
    """The same, ranked by what every member gives."""
    batch, cases = interviewed(office, place, NAMES[: len(scores)], **more)
    batch.is_scored({admission_no(case): score for case, score in zip(cases, scores, strict=True)})
    return batch, cases


def test_a_round_from_the_plan_to_the_appointment(office: Office, place: Place) -> None:
    batch = plans(office, place).opens()
    first, second, third = (batch.receives(name) for name in ("甲一", "乙二", "丙三"))
    batch.closes()
    office.time_is(at(WRITTEN_ON))
    batch.is_written({first.number: (80, 84), second.number: (90, 86), third.number: (70, 78)})
    office.time_is(at(RECHECK_ON))
    batch.is_rechecked()
    office.time_is(at(INTERVIEW_ON))
    batch.is_scored({admission_no(first): 92, admission_no(second): 81, admission_no(third): 75.5})
    assert batch.register() == {"甲一": ("inspecting", 1), "乙二": ("reserve", 2), "丙三": ("reserve", 3)}
    assert first.row_of("application")["full_name"] == "甲一"
    first.waits_at("adm_u7")
    way = Path(office, place, first)
    way.is_inspected().is_decided().is_published().publicity_ends().is_queried().signs()
    first.ended("adm_e")
    second.ended("adm_x3")
    third.ended("adm_x3")
    batch.ended("rnd_e")
    assert batch.round().status == "done"
    assert batch.register() == {"甲一": ("appointed", 1), "乙二": ("ranked_out", 2), "丙三": ("ranked_out", 3)}


# --- sealed until they may be seen ----------------------------------------------------------------------------------


def test_nobody_reads_another_members_score_before_all_are_given(office: Office, liaoning: Place) -> None:
    batch, (first, *_) = interviewed(office, liaoning)
    one, another = batch.panel[:2]
    batch.acts("rnd_u7", one, lambda folder, had: round_papers.interview(folder, "3", {"interview_score": 88.5}))
    assert scores_read(batch, one) == [Decimal("88.5")]
    blank = batch.hand("rnd_u7", another).request().prefill
    assert "interview_score" not in blank and "interview_no" not in blank
    for reader in (another, batch.staff.planner, batch.place.auditor, batch.place.reviewer):
        assert scores_read(batch, reader) == [None]
    batch.is_scored({str(task.inputs["admission_no"]): 80 for task in batch.all_at("rnd_u7")})
    for reader in (another, batch.staff.planner, batch.place.auditor):
        assert Decimal("88.5") in scores_read(batch, reader)
    assert first.row().status == "running"


def scores_read(batch: Batch, sign_in: str) -> list[Any]:
    """The interview scores that somebody reads in the round's case file."""
    with batch.office.db.read() as session:
        found = case_file.read(session, batch.office.viewer(sign_in), batch.number, batch.office.at)
    sent = [one for one in found.submissions if one.step_id == "rnd_u7"]
    assert all(bool(one.sealed_until) == (not one.data) for one in sent)
    return [None if not one.data else Decimal(str(one.data["interview_score"])) for one in sent]


def test_markers_see_blind_numbers_and_nobody_whose_they_are(office: Office, liaoning: Place) -> None:
    batch = plans(office, liaoning).opens()
    cases = [batch.receives(name) for name in ("甲一", "乙二")]
    batch.closes()
    for task in batch.all_at("rnd_u5"):
        told = str(task.inputs) + str(Hand(batch, task.number, batch.staff.markers[0]).request().prefill)
        assert not any(admission_no(case) in told or case.number in told for case in cases)
    assert "rnd_u5" not in {task.step_id for task in batch.tasks() if task.holder_id is not None}
    batch.is_written({cases[0].number: (80, 84), cases[1].number: (90, 86)})
    [opened] = [one for one in office.events("office:rounds") if one.kind == Kind.BLIND_NUMBERS_OPENED]
    pairs = office.payload(opened)["opened"]
    assert {one["admission_no"] for one in pairs} == {admission_no(case) for case in cases}
    assert batch.round().unblinded_at == office.at
