"""Every sequence flow of every diagram is walked by some story, as the record of those stories tells it.

A diagram that gets a flow without a story fails here. The stories are run by this test itself, on SQLite, so that
the answer does not depend on which tests ran before or in which process.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.office import PLACES, Office, Place
from tests.scenarios import test_admission_round as rounds
from tests.scenarios import test_admission_to_appointment as onward
from tests.scenarios import test_admission_ways as ways
from workflows import engine

Story = Callable[[Office, Place], None]
APPLICATIONS: tuple[Story, ...] = (
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


ROUNDS: tuple[Story, ...] = (
    rounds.test_a_round_from_the_plan_to_the_appointment,
    rounds.test_a_plan_is_returned_twice_improved_and_then_approved_with_both_outside_answers,
    rounds.test_a_plan_that_the_bureau_does_not_approve_is_over,
    lambda office, place: rounds.test_a_refusal_from_outside_ends_the_plan_once_somebody_else_has_checked_the_entry(
        office, place, "rnd_u2a", (), "establishment"
    ),
    lambda office, place: rounds.test_a_refusal_from_outside_ends_the_plan_once_somebody_else_has_checked_the_entry(
        office, place, "rnd_u2b", ("rnd_u2a",), "hrss"
    ),
    rounds.test_too_few_apply_and_the_window_is_extended_until_enough_have,
    rounds.test_too_few_apply_and_a_post_is_given_up,
    rounds.test_too_few_apply_and_the_round_goes_on_all_the_same,
    rounds.test_too_few_apply_and_the_round_is_cancelled,
    rounds.test_whoever_has_no_valid_paper_is_not_shortlisted_and_nobody_ends_the_round,
    rounds.test_a_recheck_that_fails_is_reviewed_and_the_next_moves_up_only_if_it_stands,
    rounds.test_a_transfer_asks_neither_for_competition_nor_for_a_recheck,
    rounds.test_nobody_comes_and_the_post_stays_vacant_for_a_new_plan,
    rounds.test_a_member_corrects_a_score_once_before_a_witness_and_the_record_keeps_both,
    rounds.test_the_next_on_the_list_takes_the_place_of_who_is_not_appointed,
    rounds.test_open_applications_are_listed_to_the_bureau_fifteen_working_days_after_the_close,
    rounds.test_every_month_the_bureau_is_told_which_posts_still_wait,
)
#: Process -> the stories that walk its diagram.
STORIES = {"admission": APPLICATIONS, "admission_round": ROUNDS}


def drawn(root: Path) -> dict[str, set[str]]:
    """Ids of the sequence flows of every diagram under ``bpmn/``, by process."""
    return {
        diagram.process_id: {flow.id for flow in diagram.flows}
        for path in sorted((root / "bpmn").rglob("*.bpmn"))
        for diagram in engine.read(path.read_bytes(), file=path.name)
    }


def test_every_diagram_has_stories(root: Path) -> None:
    flows = drawn(root)
    assert set(flows) == set(STORIES) and all(len(found) >= 25 for found in flows.values())


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("place", sorted(PLACES))
@pytest.mark.parametrize("process", sorted(STORIES))
def test_every_flow_is_walked(new_office: Callable[[], Office], root: Path, process: str, place: str) -> None:
    walked: set[str] = set()
    for story in STORIES[process]:
        office = new_office()
        story(office, PLACES[place])
        walked |= office.walked()
    flows = drawn(root)
    assert flows[process] - walked == set(), "drawn and never walked"
    assert walked - set[str]().union(*flows.values()) == set(), "walked and not drawn"
