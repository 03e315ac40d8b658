"""Staffing cells (3.0.12, I13): what is required, what fills it, what stands in meanwhile."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.errors import FactsRefused
from workflows.policies.staffing import Curriculum, StaffingGaps, staffing_gaps

SCHOOL = Curriculum(
    {"学前": ["学前教育"], "小学": ["语文", "数学", "信息科技"], "初中": ["语文", "数学", "物理", "信息科技"]},
    {"信息科技": "信息技术"}, {"幼儿园": "学前"},
)
STAGES, SUBJECTS, POSTS = ["学前", "小学", "初中"], ["语文", "数学", "物理", "信息技术", "学前教育"], ["专职", "兼职", "特约"]
rosters = st.lists(
    st.fixed_dictionaries({
        "subject": st.sampled_from(SUBJECTS), "stage": st.none() | st.sampled_from(STAGES), "post_type": st.sampled_from(POSTS),
    }), max_size=12,
)
places = st.lists(st.sampled_from(STAGES), unique=True, min_size=1)


def gaps(split: Any, staff: list[dict[str, Any]], stages: list[str], extra: list[str] | None = None) -> StaffingGaps:
    return staffing_gaps(split, stages, SUBJECTS, extra or [], SCHOOL, ["专职"], staff)


@given(places, rosters, st.sampled_from(["must", "advise"]))
def test_every_required_cell_is_missing_or_has_a_full_time_post(stages: list[str], staff: list[dict[str, Any]], split: str) -> None:
    answer = gaps(split, staff, stages)
    for cell in answer.required:
        filled = any(
            SCHOOL.subject(row["subject"]) == SCHOOL.subject(cell.subject) and cell.stage in (None, row["stage"])
            and row["post_type"] == "专职" for row in staff
        )
        assert (cell in answer.missing) is not filled
    assert set(answer.missing) <= set(answer.required)
    assert {cell for cell, _ in answer.temporary} <= set(answer.missing)


@given(places, rosters)
def test_part_time_and_invited_people_change_nothing_but_who_stands_in(stages: list[str], staff: list[dict[str, Any]]) -> None:
    full_time = [row for row in staff if row["post_type"] == "专职"]
    assert gaps("must", staff, stages).missing == gaps("must", full_time, stages).missing
    assert gaps("must", full_time, stages).temporary == ()


@given(places, rosters)
def test_what_is_advised_is_never_missing(stages: list[str], staff: list[dict[str, Any]]) -> None:
    advised, must = gaps("advise", staff, stages), gaps("must", staff, stages)
    assert all(cell.stage is None for cell in advised.missing) and must.suggestions == ()
    assert set(advised.suggestions) == set(must.missing)
    # A place that fills every stage fills every subject.
    assert must.missing or not advised.missing


@given(places, rosters, st.sampled_from(POSTS), st.sampled_from(SUBJECTS))
def test_one_more_person_never_opens_a_cell(stages: list[str], staff: list[dict[str, Any]], post: str, subject: str) -> None:
    more = [*staff, {"subject": subject, "stage": stages[0], "post_type": post}]
    assert set(gaps("must", more, stages).missing) <= set(gaps("must", staff, stages).missing)


def test_a_subject_counts_on_the_stages_that_teach_it_and_under_its_other_name() -> None:
    answer = staffing_gaps("must", ["小学", "初中"], ["物理", "信息技术", "武术"], [], SCHOOL, ["专职"], [])
    assert [(cell.subject, cell.stage) for cell in answer.missing] == [
        ("物理", "初中"), ("信息技术", "小学"), ("信息技术", "初中"), ("武术", "小学"), ("武术", "初中"),
    ]
    filled = staffing_gaps("must", ["小学"], ["信息技术"], [], SCHOOL, ["专职"],
                           [{"subject": "信息科技", "stage": "小学", "post_type": "专职"}])
    assert filled.missing == ()


def test_an_extra_subject_is_wanted_on_its_stage_or_once() -> None:
    assert [cell.words for cell in staffing_gaps("must", ["小学"], [], ["学前教育"], SCHOOL, ["专职"], []).missing] == ["学前教育"]
    (cell,) = staffing_gaps("must", ["幼儿园"], [], ["学前教育"], SCHOOL, ["专职"], []).missing
    assert (cell.subject, cell.stage, cell.words) == ("学前教育", "学前", "学前教育")


def test_without_subjects_the_national_curriculum_is_taken() -> None:
    assert len(staffing_gaps("must", ["初中"], None, [], SCHOOL, ["专职"], []).required) == 4


def test_a_stage_that_is_none_is_refused() -> None:
    with pytest.raises(FactsRefused, match="大学"):
        gaps("must", [], ["大学"])
    with pytest.raises(FactsRefused, match="大学"):
        gaps("must", [{"subject": "语文", "stage": "大学", "post_type": "专职"}], ["小学"])
