"""Every sequence flow of every diagram is walked by some story, as the record of those stories tells it.

A diagram that gets a flow without a story fails here. The stories are run by this test itself, on SQLite, so that
the answer does not depend on which tests ran before or in which process.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.office import PLACES, Office, Place
from tests.scenarios import test_admission_to_appointment as onward
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
    onward.test_from_the_shortlist_to_the_roster,
    onward.test_an_internal_competition_needs_no_filing,
    onward.test_an_exception_that_the_meeting_grants_qualifies,
    onward.test_an_exception_that_the_meeting_refuses_is_told_with_its_reason,
    onward.test_who_is_not_shortlisted_is_out,
    onward.test_a_cancelled_round_ends_its_applications,
    onward.test_who_has_no_valid_total_is_out,
    onward.test_a_reserve_waits_however_long_and_is_substituted_in,
    onward.test_a_reserve_whose_post_is_filled_is_out,
    onward.test_who_fails_the_recheck_and_accepts_it_is_not_qualified,
    onward.test_who_fails_the_inspection_is_checked_by_another_and_the_round_is_asked_for_a_substitute,
    onward.test_an_outside_opinion_that_was_entered_wrongly_is_entered_again,
    onward.test_who_is_not_appointed_by_the_meeting_is_out,
    onward.test_a_decision_is_put_off_twice_and_not_a_third_time,
    onward.test_an_objection_is_entered_once_by_the_bureau_and_looked_into,
    onward.test_an_upheld_objection_is_checked_by_another_where_a_body_outside_was_asked,
    onward.test_an_inquiry_is_put_off_once,
    onward.test_a_record_in_the_entry_query_ends_it,
    onward.test_a_filing_that_is_refused_is_checked_by_another,
    onward.test_who_does_not_sign_gives_the_place_up,
    onward.test_the_opinion_of_a_bureau_without_an_account_is_registered_and_says_by_whom,
    onward.test_a_refusal_that_is_registered_for_a_bureau_is_checked_by_another,
    onward.test_who_withdraws_after_the_ranking_gives_the_place_back,
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
