"""Can today's staff finish this? A small puzzle, solved before anybody waits; told for each place that runs a process."""

from __future__ import annotations

from datetime import timedelta
from itertools import product
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from tests.office import Office, Place
from tests.workflows.test_candidates import redraw, vacate
from webapp.commands import main
from workflows import deployment, staff_check
from workflows.errors import NotFound

STEPS = "abcde"


def _pairs(*words: str) -> set[frozenset[str]]:
    return {frozenset(word) for word in words}


def test_two_steps_apart_need_two_people_and_a_triangle_three() -> None:
    one, two = frozenset({1}), frozenset({1, 2})
    assert staff_check.conflict({"a": one, "b": one}, _pairs("ab")) == ("a", "b")
    assert staff_check.conflict({"a": one, "b": two}, _pairs("ab")) == ()
    assert staff_check.conflict({"a": two, "b": two, "c": two}, _pairs("ab", "bc")) == ()
    assert set(staff_check.conflict({"a": two, "b": two, "c": two, "d": one}, _pairs("ab", "bc", "ac"))) == set("abc")


@given(
    st.dictionaries(st.sampled_from(STEPS), st.frozensets(st.integers(1, 4), min_size=1), min_size=1),
    st.sets(st.frozensets(st.sampled_from(STEPS), min_size=2, max_size=2)),
)
def test_it_answers_as_trying_everything_does(people: dict[str, frozenset[int]], apart: set[frozenset[str]]) -> None:
    def possible(some: dict[str, frozenset[int]]) -> bool:
        return any(
            all(chosen[one] != chosen[other] for one, other in (sorted(pair) for pair in apart) if {one, other} <= chosen.keys())
            for chosen in (dict(zip(some, each, strict=True)) for each in product(*some.values()))
        )

    group = staff_check.conflict(people, apart)
    assert bool(group) is not possible(people)
    if group:
        assert not possible({step: people[step] for step in group})
        for step in group:
            assert possible({one: people[one] for one in group if one != step}), "none can be left out"


def found(office: Office, code: str = "ln-sy-tri") -> staff_check.Checked:
    with office.db.read() as session:
        [checked] = staff_check.check(session, "admission", office.at, organisation=code)
    return checked


def test_a_furnished_office_can_finish_and_steps_that_depend_on_the_case_are_told(office: Office, liaoning: Place) -> None:
    checked = found(office)
    assert checked.can_finish and checked.count > 5, checked.findings
    assert "单位推荐" in checked.depending, "whose head it is depends on the applicant"


def test_one_reviewer_cannot_look_again_at_their_own_refusal(office: Office, liaoning: Place) -> None:
    vacate(office, liaoning.second_reviewer)
    checked = found(office)
    few = [one for one in checked.findings if one.kind == "few"]
    assert {"adm_u2", "adm_u6"} in [{step for step, _ in one.steps} for one in few]
    assert {one.people for one in few} == {(office.viewer(liaoning.reviewer).name,)}
    assert not checked.can_finish
    vacate(office, liaoning.reviewer)
    checked = found(office)
    assert {"adm_u2", "adm_u6"} <= {step for one in checked.findings if one.kind == "nobody" for step, _ in one.steps}


def test_a_single_person_is_told_as_a_risk(office: Office, liaoning: Place) -> None:
    redraw(office, '=role("bureau_head")')
    checked = found(office)
    lonely = [one for one in checked.findings if one.kind == "one" and "adm_u2" in dict(one.steps)]
    assert lonely and not lonely[0].stops


def test_it_looks_where_the_process_runs_as_of_today(office: Office, liaoning: Place) -> None:
    with office.db.read() as session:
        codes = {one.organisation_code for one in staff_check.check(session, "admission", office.at)}
        assert {"ln-sy-tri", "gx-nn-tri"} <= codes
        assert {one.process_id for one in staff_check.every(session, office.at)} == {
            one.process_id for one in deployment.current(session)
        }
        with pytest.raises(NotFound):
            staff_check.check(session, "none", office.at)
        with pytest.raises(NotFound):
            staff_check.check(session, "admission", office.at, organisation="none")
    vacate(office, liaoning.second_reviewer)
    with office.db.read() as session:
        [past] = staff_check.check(session, "admission", office.at - timedelta(days=30), organisation="ln-sy-tri")
    assert past.can_finish and not found(office).can_finish


def test_reviews_that_follow_each_other_are_apart_and_corrections_between_do_not_hide_it(office: Office) -> None:
    with office.db.read() as session:
        diagram = deployment.definition(session, deployment.newest(session, "admission")).diagram
    assert frozenset({"adm_u2", "adm_u6"}) in staff_check.declared_apart(diagram)
    apart = staff_check.reviews_in_turn(diagram)
    assert frozenset({"adm_u2", "adm_u4"}) in apart and frozenset({"adm_u1", "adm_u2"}) in apart
    assert frozenset({"adm_u1", "adm_u4"}) not in apart


def test_two_people_are_enough_for_three_reviews_one_after_the_other(office: Office) -> None:
    """A third review between two lets one person do both: that is no lack of people."""
    with office.db.read() as session:
        [checked] = staff_check.check(session, "admission_round", office.at, organisation="ln-sy-tri")
    assert checked.can_finish, checked.findings


def test_the_command_tells_it_and_its_exit_says_so(office: Office, liaoning: Place, tmp_path: Path) -> None:
    def command(*words: str) -> tuple[int, str]:
        url = office.db.url.render_as_string(hide_password=False)
        answer = CliRunner().invoke(main, [*words, "--data", str(tmp_path)], env={"JIAOYAN_DATABASE_URL": url})
        return answer.exit_code, answer.output

    asked = ("staff-check", "--process", "admission", "--organisation", "ln-sy-tri")
    code, told = command(*asked)
    assert code == 0 and "1 place(s) checked, 0 cannot finish" in told
    vacate(office, liaoning.second_reviewer)
    # What keeps people is asked as of the machine's day.
    code, told = command(*asked)
    assert code == 2 and "cannot finish: 资格审查、资格复核" in told and office.viewer(liaoning.reviewer).name in told
