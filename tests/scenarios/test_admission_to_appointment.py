"""From the admission number to the appointment, and every other way that an application can end after it.

The round speaks by messages that the stories send by hand; ``test_admission_round`` lets the round itself send them.
"""

from __future__ import annotations

from sqlalchemy import select

from tests.appointing import path
from tests.office import Office, Place
from workflows.models import Membership, Organisation, PersonnelEvent, Researcher


def test_from_the_shortlist_to_the_roster(office: Office, place: Place) -> None:
    way = path(office, place)
    way.comes_to_inspection().is_inspected().is_decided().is_published().publicity_ends()
    way.is_queried().is_filed().signs()
    way.case.ended("adm_e")
    with office.db.read() as session:
        [row] = session.execute(select(Researcher)).scalars()
        [happened] = session.execute(select(PersonnelEvent)).scalars()
        held = session.execute(select(Membership).where(Membership.role == "researcher")).scalar_one()
        where = session.get_one(Organisation, row.organisation_id)
    assert (row.post_type, row.subjects, row.stages, row.status) == ("专职", ["语文"], ["小学"], "在岗")
    assert where.org_type == "tri" and row.base_on == row.start_on == row.from_on == held.from_on
    assert (happened.kind, happened.on, happened.appointment_no) == ("聘任", row.start_on, row.appointment_no)
    assert way.case.row().facts["appointment_no"] == row.appointment_no
    assert way.sent()[-1] == ("本岗位有结论", office.round(place.key))
    office.check_record()
