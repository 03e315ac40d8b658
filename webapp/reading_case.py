"""Which parts of a case a reader is shown: the applicant their own papers, a handler what they need, the office and auditors all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from workflows.access import OFFICE_ROLES, READING_ROLES, Viewer
from workflows.case_file import CaseFile, EventView, RulingView, SubmissionView
from workflows.remarks import OFFICE


def is_applicant(case: CaseFile, viewer: Viewer) -> bool:
    """Whether the case is the reader's own."""
    return case.starter_number == viewer.number and not case.for_office


def took_part(case: CaseFile, viewer: Viewer) -> bool:
    """Whether the reader is its applicant, handles it now, or has acted in it: their looking is no event."""
    return is_applicant(case, viewer) or not case.masked or any(one.actor == viewer.number for one in case.events)


def _reads_all(case: CaseFile, viewer: Viewer) -> bool:
    return viewer.has(*OFFICE_ROLES, *READING_ROLES) or not case.masked


def submissions(case: CaseFile, viewer: Viewer) -> Sequence[SubmissionView]:
    """What the reader may read of what was submitted.

    An applicant reads only their own; somebody who handled an earlier step, what lay before them up to their last act.
    """
    if is_applicant(case, viewer):
        return [one for one in case.submissions if one.by_number == viewer.number]
    if _reads_all(case, viewer):
        return case.submissions
    acted = [one.at for one in case.events if one.actor == viewer.number]
    return [one for one in case.submissions if acted and one.at <= max(acted)]


def rulings(case: CaseFile, viewer: Viewer) -> Sequence[RulingView]:
    """The rulings; an applicant reads them once the office has answered: told why not, or the case has ended."""
    if not is_applicant(case, viewer):
        return case.rulings
    answered = case.ended_at is not None or any(task.holder == viewer.number for task in case.open_tasks)
    return case.rulings if answered else ()


def events(case: CaseFile, viewer: Viewer) -> Sequence[EventView]:
    """The timeline; an applicant is not shown what others changed in their own forms, nor what the office says to itself."""
    if not is_applicant(case, viewer):
        return case.events
    return [
        one if one.actor == viewer.number else replace(one, changes=())
        for one in case.events
        if one.actor == viewer.number or not (one.kind in _INTERNAL or one.payload.get("audience") == OFFICE)
    ]


#: Kinds of act that are the office's own business.
_INTERNAL = frozenset({"case:copied", "copy:read", "task:prioritised"})
