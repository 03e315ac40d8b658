"""Incidents (流程异常): acts that the machine could not carry out. Reading order: raising (what is kept), reading (for pages)."""

from workflows.incidents.raising import (
    BACK_OFF,
    CAUSES,
    DEFECT,
    STATUSES,
    SUBJECTS,
    Kept,
    Raised,
    as_request,
    dismiss,
    due,
    end,
    failed_again,
    is_incident,
    kept,
    moot,
    raise_,
    reason_of,
    release,
    submission_of,
    take,
    watching,
)
from workflows.incidents.reading import IncidentRow, IncidentView, Sought, causes, count_open, find, one, open_in

__all__ = [
    "BACK_OFF", "CAUSES", "DEFECT", "STATUSES", "SUBJECTS", "IncidentRow", "IncidentView", "Kept", "Raised", "Sought",
    "as_request", "causes", "count_open", "dismiss", "due", "end", "failed_again", "find", "is_incident", "kept", "moot",
    "one", "open_in", "raise_", "reason_of", "release", "submission_of", "take", "watching",
]
