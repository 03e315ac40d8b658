"""One filled form, as a frozen value: what the pages hand to the verbs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class AttachmentRef:
    """One uploaded file as a form names it; the bytes lie in the store under their digest."""

    #: Lower-case hex SHA-256 of the bytes.
    sha256: str
    #: Name as the person's machine had it, cleaned.
    name: str
    #: Media type found by content, not by name.
    media_type: str
    #: Bytes.
    size: int
    #: Dotted path of the field that holds it, e.g. ``achievements.0.evidence``.
    field: str


@dataclass(frozen=True)
class Submission:
    """One filled form. Data is plain JSON (see ``workflows.engine``), replaced whole, never merged."""

    #: The form's id, e.g. ``admission.application``.
    form_id: str
    #: Field key -> value: str, int, bool, None, list, dict and Decimal; dates as ISO text.
    data: Mapping[str, Any]
    #: Made when the page was shown; the same token twice is one completion.
    token: str
    attachments: tuple[AttachmentRef, ...] = field(default=())
    #: What the person saw beside their own entries (read-only and computed values), for the record.
    seen: Mapping[str, Any] = field(default_factory=dict)

    @property
    def variable(self) -> str:
        """Name of the instance variable that holds the data: the last part of the form's id."""
        return self.form_id.rpartition(".")[2]
