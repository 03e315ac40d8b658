"""The case file (办件卷宗): one instance whole, as an applicant, a handler or an auditor may read it. Never the engine's state."""

from workflows.case_file.masking import masked_data, masked_text
from workflows.case_file.outline import Asked, outline
from workflows.case_file.path import Path, path_of
from workflows.case_file.prints import PAPERS, Checked, check_code, checked, note_printed
from workflows.case_file.reading import may_open_file, read, sent_before
from workflows.case_file.record import note_file_viewed, note_refused, note_viewed
from workflows.case_file.ruling_words import Reason, reasons
from workflows.case_file.sheets import DEMO, FORMATS, LIMIT_OF_CHECK, export, who
from workflows.case_file.unmasking import MaskedField, Unmasked, masked_fields, may_unmask, unmask
from workflows.case_file.views import (
    AttachmentView,
    AwaitedView,
    CaseFile,
    Change,
    EventView,
    LinkedView,
    RulingView,
    Stage,
    SubmissionView,
    TaskView,
    TimerView,
)

__all__ = [
    "DEMO", "FORMATS", "LIMIT_OF_CHECK", "PAPERS", "Asked", "AttachmentView", "AwaitedView", "CaseFile", "Change",
    "Checked", "EventView", "LinkedView", "MaskedField", "Path", "Reason", "RulingView", "Stage", "SubmissionView",
    "TaskView", "TimerView", "Unmasked", "check_code", "checked", "export", "masked_data", "masked_fields", "masked_text",
    "may_open_file", "may_unmask", "note_file_viewed", "note_printed", "note_refused", "note_viewed", "outline",
    "path_of", "read", "reasons", "sent_before", "unmask", "who",
]
