"""教研员申报, from the form to its answer: the ways a case can go (domain.md 3.1)."""

from __future__ import annotations

from tests.office import Office, Place


def test_a_teacher_of_another_bureau_is_recommended_released_and_qualified(office: Office, place: Place) -> None:
    case = office.applicant(place.county_school).applies()
    case.waits_at("adm_u1")
    case.task("adm_u1").by(place.county_head).recommends()
    case.waits_at("adm_u1b")
    case.task("adm_u1b").by(place.county_bureau).consents()
    case.waits_at("adm_u2")
    case.task("adm_u2").by(place.reviewer).qualifies()
    case.ended("adm_v0_e")
    assert case.row().facts["admission_no"].endswith("-0001")
    kind, params = case.told("林书豪")[-1]
    assert kind == "qualified" and params["admission_no"] == case.row().facts["admission_no"]
