"""办理预计: the way ahead of real cases, with who and by when, before they are submitted and while they run (C23)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from benchmarks.counting import counted
from tests.appointing import path
from tests.factories import SETTING_UP
from tests.office import Applicant, Case, Office, Place
from workflows import deployment, forecast, instances, people
from workflows.case import numbered, with_columns
from workflows.errors import DuplicateCase, Forbidden
from workflows.forecast import Expected, Forecast
from workflows.models import Instance
from workflows.policies import add_working_days


def before(applicant: Applicant, **given: Any) -> Forecast:
    office = applicant.office
    with office.db.read() as session:
        return forecast.before(session, applicant.viewer, "admission", office.round(applicant.place), office.at, **given)


def of(case: Case, sign_in: str) -> Forecast:
    with case.office.db.read() as session:
        found = forecast.ahead(session, case.office.viewer(sign_in), case.number, case.office.at)
    assert found is not None
    return found


def steps(found: Forecast) -> list[str]:
    return [row.step_id for row in found.rows]


def row(found: Forecast, step: str) -> Expected:
    [one] = [row for row in found.rows if row.step_id == step]
    return one


def test_before_applying_the_whole_way_is_told_with_people_and_working_days(office: Office, liaoning: Place) -> None:
    applicant = office.applicant(liaoning.county_school)
    found = before(applicant, filled=applicant.fills().data, whole=True)
    assert steps(found)[:4] == ["adm_u1", "adm_u1b", "adm_u2", "adm_m1_a"]
    first = row(found, "adm_u1")
    assert [(one.role, one.name, one.people) for one in first.who] == [
        ("所在单位（学校）负责人", "和平区南湖第三小学", (office.viewer(liaoning.county_head).name,)),
    ]  # fmt: skip
    assert first.days == (date(2026, 11, 3), date(2026, 11, 4), date(2026, 11, 5), date(2026, 11, 6), date(2026, 11, 9))
    assert first.due_at == add_working_days(office.at, 5, office.pack("liaoning").calendar).at
    second = row(found, "adm_u1b")  # whoever uses up the period hands over on its last day: the next one counts from there
    assert second.days == (date(2026, 11, 10), date(2026, 11, 11), date(2026, 11, 12), date(2026, 11, 13), date(2026, 11, 16))
    assert (found.ends, found.end_at, found.endless) == (("已聘任",), None, ("入围", "进入考察"))
    assert found.until == row(found, "adm_u2").due_at
    assert "登记聘用备案" in found.uncounted and "入围" not in found.uncounted


def test_what_is_filled_in_decides_the_way_and_what_is_not_is_said_to_be_assumed(office: Office, liaoning: Place) -> None:
    for unit, way in ((liaoning.county_school, ["adm_u1", "adm_u1b"]), (liaoning.own_school, ["adm_u1", "adm_u2"])):
        applicant = office.applicant(unit)
        whole, empty = before(applicant, filled=applicant.fills().data, whole=True), before(applicant)
        typing = before(applicant, filled={"current_unit": unit})
        assert steps(whole)[:2] == way and steps(typing)[:2] == way
        assert row(whole, way[1]).choices[0].sure and row(typing, way[1]).choices[0].sure
        assert row(typing, "adm_u1").choices[0].taken == "齐全" and not row(typing, "adm_u1").choices[0].sure
        assert not row(empty, "adm_u2").choices[0].sure, "nothing is known of the unit"
        assert [one.leads_to for one in row(empty, "adm_u2").choices[0].others] == ["登记主管教育局意见", "主管教育局意见"]


def test_a_missing_document_shows_before_the_application_is_sent(office: Office, liaoning: Place) -> None:
    applicant = office.applicant(liaoning.own_school)
    found = before(applicant, filled=applicant.fills(lacking=["年度考核"]).data, whole=True)
    assert steps(found)[0] == "adm_u3"
    [choice] = found.rows[0].choices
    assert (choice.question, choice.taken, choice.sure) == ("材料是否齐全，单位意见是否仍有效？", "缺项，可补正", True)


def test_nobody_forecasts_what_they_may_not_start(office: Office, liaoning: Place) -> None:
    applicant = office.applicant(liaoning.own_school)
    applicant.applies()
    with pytest.raises(DuplicateCase):
        before(applicant)
    with office.db.read() as session, pytest.raises(Forbidden):
        forecast.before(session, applicant.viewer, "admission_round", "@ln-sy-tri", office.at)


def test_a_running_case_says_where_it_stands_and_each_act_moves_the_end(office: Office, liaoning: Place) -> None:
    case = office.applicant(liaoning.own_school).applies()
    found = of(case, liaoning.bureau_head)
    assert (steps(found)[0], found.rows[0].stands) == ("adm_u1", True)
    promised = found.until
    office.days_pass(2)
    case.task("adm_u1").by(liaoning.own_head).recommends()
    sooner = of(case, liaoning.bureau_head)
    assert (steps(sooner)[0], sooner.rows[0].stands) == ("adm_u2", True)
    assert sooner.until is not None and promised is not None and sooner.until < promised
    office.days_pass(7)  # and two days beyond the period: every step after it is counted from today
    late = of(case, liaoning.bureau_head)
    assert late.rows[0].due_at is not None and late.rows[0].due_at < office.at
    assert late.until == office.at


def test_after_the_last_unknown_wait_there_is_a_day_by_which_it_ends(office: Office, liaoning: Place) -> None:
    way = path(office, liaoning).comes_to_inspection().is_inspected().is_decided().is_published().publicity_ends()
    way.is_queried()
    found = of(way.case, liaoning.bureau_head)
    assert steps(found) == ["adm_u13", "adm_u11"] and found.endless == ()
    assert found.end_at == row(found, "adm_u11").due_at
    assert [one.taken for one in found.choices] == ["签约"]
    way.is_filed().signs()
    with office.db.read() as session:
        assert forecast.ahead(session, office.viewer(liaoning.bureau_head), way.case.number, office.at) is None


def test_an_applicant_is_not_told_by_a_forecast_what_they_may_not_read(office: Office, liaoning: Place) -> None:
    """What others have found out is not among what their forecast goes by; and nothing that is kept to one role in anybody's."""
    applicant = office.applicant(liaoning.own_school)
    case = applicant.applies()
    case.task("adm_u1").by(liaoning.own_head).does_not_recommend()
    mine, offices = of(case, applicant.teacher["phone"]), of(case, liaoning.reviewer)
    assert steps(mine) == steps(offices)
    with office.db.read() as session:
        [(found, _)] = with_columns(session, numbered(), [case.number])
        own, theirs = (forecast._known(found, office.viewer(name)) for name in (applicant.teacher["phone"], liaoning.reviewer))
    assert set(own.variables) == {"application"} and "recommendation" in own.unknown
    assert "recommendation" in theirs.variables
    assert "entry_query" in theirs.unknown and "entry_query" in own.unknown


def test_whoever_may_not_act_in_it_is_not_among_those_who_could(office: Office, liaoning: Place) -> None:
    """The applicant holds the role themselves: the forecast leaves them out, as the task will."""
    applicant = office.applicant(liaoning.own_school, name="杜若")
    people.grant(office.db, SETTING_UP, applicant.viewer.number, "ln-sy", "bureau_hr", date(2026, 1, 1), at=office.at)
    found = before(applicant, filled=applicant.fills().data, whole=True)
    assert "杜若" not in row(found, "adm_u2").who[0].people and len(row(found, "adm_u2").who[0].people) >= 2


def test_an_office_sees_the_way_of_what_it_would_start(office: Office, liaoning: Place) -> None:
    viewer = office.viewer("sy.trioffice")
    with office.db.read() as session:
        one = next(one for one in instances.startable(session, viewer) if one.process_id == "admission_round")
        found = forecast.before(session, viewer, one.process_id, one.where, office.at)
    assert found.rows and found.ends
    assert any(who.people for row in found.rows for who in row.who)


def test_a_forecast_changes_nothing_and_asks_little(office: Office, liaoning: Place) -> None:
    applicant = office.applicant(liaoning.county_school)
    case = applicant.applies()
    before_it = case.row().state, case.row().version
    of(case, liaoning.reviewer)
    with office.db.read() as session:
        viewer = office.viewer(liaoning.reviewer)
        with counted(office.db.engine) as found:
            forecast.ahead(session, viewer, case.number, office.at)
        with counted(office.db.engine) as listed:
            numbers = list(session.execute(select(Instance.number)).scalars())
            forecast.ends(session, viewer, numbers, office.at)
    assert len(found.statements) <= 6, found.statements
    assert len(listed.statements) <= 2, listed.statements
    assert (case.row().state, case.row().version) == before_it


def test_a_year_without_its_holidays_is_provisional(office: Office, liaoning: Place) -> None:
    applicant = office.applicant(liaoning.own_school)
    office.at += timedelta(days=21)  # the last steps lie in a year that is not announced
    found = before(applicant, filled=applicant.fills().data, whole=True)
    with office.db.read() as session:
        pack = deployment.packs(session, deployment.newest_pack_set(session))["liaoning"].on(office.at.date())
    assert not pack.calendar.announced(2027)
    assert found.provisional and any(row.provisional for row in found.rows) and not found.rows[0].provisional
