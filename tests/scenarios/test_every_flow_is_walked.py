"""Every sequence flow of every diagram is walked by some story, as the record of those stories tells it.

A diagram that gets a flow without a story fails here. The stories are run by this test itself, on SQLite, so that
the answer does not depend on which tests ran before or in which process.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.office import PLACES, Office, Place
from tests.scenarios import test_admission_ways as ways
from workflows import engine

STORIES: tuple[Callable[[Office, Place], None], ...] = (
    ways.test_a_teacher_of_another_bureau_is_recommended_released_and_qualified,
    ways.test_a_teacher_of_the_hiring_bureau_needs_no_second_opinion_of_that_bureau,
    ways.test_the_units_opinion_stays_valid_while_the_facts_it_attested_do,
    ways.test_a_correction_that_never_comes_is_a_withdrawal_at_the_end_of_the_fifth_working_day,
    ways.test_documents_missing_for_the_third_time_end_in_a_refusal_with_reasons,
    ways.test_who_accepts_the_refusal_ends_the_case,
    ways.test_three_working_days_of_silence_accept_the_refusal,
    ways.test_another_reviewer_upholds_the_refusal,
    ways.test_another_reviewer_changes_the_refusal,
    ways.test_an_applicant_withdraws_and_everything_else_stops,
)


def drawn(root: Path) -> set[str]:
    """Ids of the sequence flows of every diagram under ``bpmn/``."""
    return {
        flow.id
        for path in sorted((root / "bpmn").rglob("*.bpmn"))
        for diagram in engine.read(path.read_bytes(), file=path.name)
        for flow in diagram.flows
    }


def test_every_flow_is_walked(new_office: Callable[[], Office], root: Path) -> None:
    walked: set[str] = set()
    for story in STORIES:
        office = new_office()
        story(office, PLACES["guangxi"])
        walked |= office.walked()
    flows = drawn(root)
    assert len(flows) >= 25
    assert flows - walked == set(), "drawn and never walked"
    assert walked - flows == set(), "walked and not drawn"
