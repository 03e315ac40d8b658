"""What a definition calls its steps and its forms' fields. Files never change under one digest, so this is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy.orm import Session

from workflows import deployment
from workflows.case_file.outline import Asked, outline
from workflows.engine import Diagram


@dataclass(frozen=True)
class Papers:
    """One definition as a reader of cases needs it."""

    diagram: Diagram
    #: Element id -> name, as drawn.
    step_names: Mapping[str, str]
    #: Step id -> kind.
    step_kinds: Mapping[str, str]
    #: Form id -> the form's file.
    forms: Mapping[str, bytes]
    #: Form id -> what it asks.
    outlines: Mapping[str, Mapping[str, Asked]]

    def step_name(self, step_id: str) -> str:
        """The step's name, or its id where it has none."""
        return self.step_names.get(step_id) or step_id


_kept: dict[str, Papers] = {}


def papers(session: Session, digest: str) -> Papers:
    """The papers of a definition."""
    found = _kept.get(digest)
    if found is None:
        loaded = deployment.definition(session, digest)
        names = {step.id: step.name for step in loaded.diagram.steps.values() if step.name}
        kinds = {step.id: step.kind for step in loaded.diagram.steps.values()}
        outlines = {form_id: outline(raw) for form_id, raw in loaded.forms.items()}
        found = _kept[digest] = Papers(loaded.diagram, names, kinds, loaded.forms, outlines)
    return found
