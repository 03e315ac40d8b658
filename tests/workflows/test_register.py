"""What was looked up among places and people is believed as long as nothing in them changes."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from sqlalchemy import select

from benchmarks.counting import counted
from tests.factories import SETTING_UP, SINCE, make_person, make_places
from workflows import candidates, people
from workflows.db import Database
from workflows.models import Membership, Organisation, Person

AT = datetime(2026, 9, 1, 1, 0, tzinfo=UTC)
RULE = {"role": "bureau_hr", "at": None}


@pytest.fixture
def office(database: Database) -> Database:
    make_places(database, [("ln-sy", "沈阳市教育局", "edu_bureau", "city", "")], "liaoning", at=AT)
    make_person(database, "吴立新", roles=[("bureau_hr", "ln-sy")], at=AT)
    return database


def _asked(database: Database) -> tuple[list[str], int]:
    """Who may take a task of the bureau now, and with how many statements that was found."""
    with database.read() as session:
        place = session.execute(select(Organisation.id)).scalar_one()
        version = session.execute(select(people.VERSION)).scalar_one()
        with counted(database.engine) as found:
            known = people.register(session, version).known
            answer = candidates.find(session, [RULE], None, place, date(2026, 9, 1), [], known)
    return [somebody.name for somebody in answer.people], len(found.statements)


def test_who_holds_a_role_is_looked_up_once_until_somebody_else_does(office: Database) -> None:
    assert _asked(office) == (["吴立新"], 1)
    assert _asked(office) == (["吴立新"], 0)
    make_person(office, "郑晓燕", roles=[("bureau_hr", "ln-sy")], at=AT)
    assert _asked(office) == (["吴立新", "郑晓燕"], 1)
    assert _asked(office)[1] == 0
    with office.read() as session:
        first = session.execute(select(Membership.id).join(Person).where(Person.name == "吴立新")).scalar_one()
    people.revoke(office, SETTING_UP, first, date(2026, 8, 31), at=AT)
    assert _asked(office) == (["郑晓燕"], 1)
    make_places(office, [("ln-sy-tri", "沈阳市教育研究院", "tri", "city", "ln-sy")], "liaoning", at=AT)
    with office.read() as session:
        assert session.execute(select(people.VERSION)).scalar_one() == 5, "two places, three changes of roles"


def test_a_change_that_is_not_kept_changes_nothing(office: Database) -> None:
    _asked(office)
    with office.write() as session:
        person = session.execute(select(Person)).scalar_one()
        place = session.execute(select(Organisation)).scalar_one()
        session.add(Membership(person_id=person.id, organisation_id=place.id, role="bureau_hr", from_on=SINCE, begun_by_event=""))
        people.register_changed(session)
        session.flush()
        session.rollback()
    assert _asked(office) == (["吴立新"], 0)


def test_an_older_reading_does_not_put_back_what_stood_then(office: Database) -> None:
    _asked(office)
    with office.read() as session:
        version = session.execute(select(people.VERSION)).scalar_one()
        newer = people.register(session, version + 1)
        newer.names["ln-sy"] = "沈阳市教育局"
        assert people.register(session, version).names == {}
        assert people.register(session, version + 1) is newer
