"""期限: what is due that somebody may see, the nearest first; how periods were kept; each by its index (E6, F10)."""

from __future__ import annotations

from datetime import date, timedelta
from io import BytesIO

import openpyxl
import pytest

from benchmarks import lists
from benchmarks.counting import counted
from tests.office import Case, Office, Place
from tests.workflows.test_lists import GROWING, asked, postgres_walks, sqlite_walks
from workflows import deadlines, deployment
from workflows.deadlines import Due, Sought
from workflows.models import Event


def due(office: Office, sign_in: str, sought: Sought | None = None, **page: int) -> list[Due]:
    with office.db.read() as session:
        return list(deadlines.due(session, office.viewer(sign_in), sought or Sought(), office.at, **page).rows)


def where(rows: list[Due]) -> list[tuple[str, str]]:
    return [(row.case, row.step_id) for row in rows]


@pytest.fixture
def three(office: Office, liaoning: Place) -> tuple[Case, Case, Case]:
    """Three cases at their first steps, begun on three days; the second waits for the hiring bureau."""
    first = office.applicant(liaoning.county_school, name="林书豪").applies()
    office.days_pass(1)
    second = office.applicant(liaoning.own_school, name="苏婉清").applies()
    second.task("adm_u1").by(liaoning.own_head).recommends()
    office.days_pass(1)
    third = office.applicant(liaoning.own_school, name="程若兰").applies()
    return first, second, third


def test_everybody_sees_what_they_may_and_the_nearest_stands_first(office: Office, liaoning: Place, three: tuple[Case, ...]) -> None:
    first, second, third = (case.number for case in three)
    every = [(first, "adm_u1"), (second, "adm_u2"), (third, "adm_u1")]
    assert where(due(office, liaoning.bureau_head)) == every, "what is in their charge, wherever it waits"
    assert where(due(office, liaoning.auditor)) == every
    assert where(due(office, liaoning.own_head)) == [(third, "adm_u1")], "what waits for them"
    assert where(due(office, three[0].applicant.teacher["phone"])) == [(first, "adm_u1")], "their own case"
    assert where(due(office, "gx.audit")) == [] and where(due(office, "nn.hr1")) == []


def test_a_deadline_explains_itself_and_says_who_has_it(office: Office, liaoning: Place, three: tuple[Case, ...]) -> None:
    first = due(office, liaoning.bureau_head)[0]
    assert first.days == ["2026-11-03", "2026-11-04", "2026-11-05", "2026-11-06", "2026-11-09"]
    assert first.on == date(2026, 11, 9)
    assert (first.role, first.office_name, first.holder_name, first.mine) == ("home_principal", "和平区南湖第三小学", None, False)
    assert [row.mine for row in due(office, liaoning.reviewer)] == [False, True, False]


def test_a_list_is_narrowed_by_time_and_whose_it_is(office: Office, liaoning: Place, three: tuple[Case, ...]) -> None:
    first, second, third = (case.number for case in three)
    head = liaoning.bureau_head
    assert where(due(office, head, Sought(when="late"))) == []
    office.days_pass(4)  # the first is late, the second due in two days of the calendar
    assert where(due(office, head, Sought(when="late"))) == [(first, "adm_u1")]
    assert where(due(office, head, Sought(when="today"))) == [(second, "adm_u2")]
    assert where(due(office, head, Sought(when="week"))) == [(second, "adm_u2"), (third, "adm_u1")]
    assert where(due(office, liaoning.reviewer, Sought(whose="mine"))) == [(second, "adm_u2")]
    assert where(due(office, liaoning.reviewer, Sought(whose="own"))) == []
    assert where(due(office, head, Sought(step_id="adm_u1"))) == [(first, "adm_u1"), (third, "adm_u1")]
    assert where(due(office, head, Sought(place="gx"))) == [] and len(due(office, head, Sought(place="ln", process_id="admission"))) == 3
    assert where(due(office, head, page=2, size=2)) == [(third, "adm_u1")]


def test_the_same_rows_come_however_many_cases_are_in_charge(
    office: Office, liaoning: Place, three: tuple[Case, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = {few: [] for few in (1, 2000)}
    for few, found in rows.items():
        monkeypatch.setattr(deadlines, "_FEW", few)
        for sought in (Sought(), Sought(when="late"), Sought(step_id="adm_u1"), Sought(place="ln-sy-tri"), Sought(place="gx")):
            found.append(where(due(office, liaoning.auditor, sought)))
            found.append(where(due(office, "gx.audit", sought)))
    assert rows[1] == rows[2000] and rows[1][0]


def test_what_is_done_or_suspended_is_not_due(office: Office, liaoning: Place, three: tuple[Case, ...]) -> None:
    three[2].task("adm_u1").by(liaoning.own_head).recommends()
    assert (three[2].number, "adm_u2") in where(due(office, liaoning.bureau_head))
    assert (three[2].number, "adm_u1") not in where(due(office, liaoning.bureau_head))


def test_how_periods_were_kept_is_counted_by_step_and_office(office: Office, liaoning: Place, three: tuple[Case, ...]) -> None:
    office.days_pass(9)
    for case, head in ((three[0], liaoning.county_head), (three[2], liaoning.own_head)):
        case.task("adm_u1").by(head).recommends()
    with office.db.read() as session:
        found = deadlines.kept(session, office.viewer(liaoning.auditor), office.at)
        city = deadlines.kept(session, office.viewer(liaoning.bureau_head), office.at)
        nobody = deadlines.kept(session, office.viewer(liaoning.own_head), office.at)
        before = deadlines.kept(session, office.viewer(liaoning.auditor), office.at + timedelta(days=60))
    assert {(row.step_name, row.office_name, row.done, row.late, row.share) for row in found} == {
        ("单位推荐", "和平区南湖第三小学", 1, 1, 0), ("单位推荐", "沈阳市浑河高级中学", 2, 1, 50),
    }  # fmt: skip
    assert {row.office for row in city} == {row.office for row in found} and nobody == [] == before


def test_of_an_office_that_did_very_much_its_newest_are_counted(
    office: Office, liaoning: Place, three: tuple[Case, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    office.days_pass(9)
    three[2].task("adm_u1").by(liaoning.own_head).recommends()  # late, after the one that was in time
    viewer = office.viewer(liaoning.auditor)

    def told() -> tuple[list[tuple[int, int]], bool]:
        with office.db.read() as session:
            found = deadlines.kept(session, viewer, office.at)
        return [(row.done, row.late) for row in found], deadlines.is_partly(found)

    assert told() == ([(2, 1)], False)
    monkeypatch.setattr(deadlines, "COUNTED_DONE", 1)
    assert told() == ([(1, 1)], True)


def test_the_list_leaves_the_house_as_a_workbook_and_that_is_recorded(office: Office, liaoning: Place, three: tuple[Case, ...]) -> None:
    viewer = office.viewer(liaoning.bureau_head)
    made = deadlines.export(office.db, viewer, Sought(step_id="adm_u1"), at=office.at)
    sheet = openpyxl.load_workbook(BytesIO(made.content)).active
    assert [sheet.cell(row, 5).value for row in (2, 3)] == [three[0].number, three[2].number]
    assert sheet.cell(2, 10).value == 5 and sheet.cell(2, 11).value.startswith("2026-11-03")
    with office.db.read() as session:
        event = session.query(Event).filter(Event.kind == "record:exported").one()
    payload = office.payload(event)
    assert payload["sought"] == {"list": "deadlines", "step_id": "adm_u1"} and payload["sha256"] == made.sha256


def test_a_page_of_deadlines_is_read_by_indexes_in_few_statements(office: Office, liaoning: Place) -> None:
    office.check_record = lambda: None  # type: ignore[method-assign]  # the copies have none
    office.applicant(liaoning.own_school, name="林书豪").applies().task("adm_u1").by(liaoning.own_head).recommends()
    reviewer, auditor, applicant = office.viewer(liaoning.reviewer), office.viewer(liaoning.auditor), office.viewer(liaoning.own_head)
    lists.multiply(office.db, 0, 5000, reviewer)
    with office.db.read() as session:
        deployment.current(session)
    walks = sqlite_walks if office.db.is_sqlite else postgres_walks
    every = (Sought(), Sought(when="late"), Sought(whose="mine"), Sought(whose="own"), Sought(place="ln-sy-tri", step_id="adm_u2"))
    for viewer in (reviewer, auditor, applicant):
        for sought in every:
            statements = asked(office, lambda session, viewer=viewer, sought=sought: deadlines.due(session, viewer, sought, office.at))
            statements += asked(office, lambda session, viewer=viewer: deadlines.kept(session, viewer, office.at))
            assert 0 < len(statements) <= 3
            with office.db.read() as session:
                walked = [(table, one) for one, values in statements for table in walks(session, one, values) if table in GROWING]
            assert walked == [], (viewer.name, sought, walked)
    with office.db.read() as session, counted(office.db.engine) as found:
        assert deadlines.due(session, auditor, Sought(), office.at).at_least
    assert len(found.statements) <= 2
