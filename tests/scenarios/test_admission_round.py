"""A round from its plan to its archive, with the applications that it decides of (domain.md 3.1)."""

from __future__ import annotations

from tests.appointing import Path
from tests.office import Office, Place
from tests.rounds_story import INTERVIEW_ON, RECHECK_ON, WRITTEN_ON, admission_no, at, plans


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
