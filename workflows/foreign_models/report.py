"""What an import says: what was rewritten, what is lost, what is still to be provided; each with its place."""

from __future__ import annotations

from dataclasses import dataclass

from workflows.errors import Problem


@dataclass(frozen=True)
class Note:
    """One thing about one element of the file."""

    #: "rewritten" (the meaning stays), "lost" (no counterpart here) or "provide" (named, to be made by the office).
    kind: str
    #: Id of the element, or of the nearest one around it that has one; "" for the file.
    element: str
    #: BPMN name of the element it is about, for the tables of bpmn/README.md.
    tag: str
    #: 1-based line in the file as it was given.
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.line} [{self.element}] {self.reason}" if self.element else f"{self.line} {self.reason}"


@dataclass(frozen=True)
class Imported:
    """The outcome of one file."""

    #: "as is" (needs no change), "imported" (rewritten), "drawn" (not executable) or "refused".
    outcome: str
    #: The file to keep; None when it was refused.
    content: bytes | None
    #: What was changed, what is lost, what is to be provided, by line. Losses mean "drawn" or "refused".
    notes: tuple[Note, ...]

    def of(self, kind: str) -> tuple[Note, ...]:
        """The notes of one kind."""
        return tuple(note for note in self.notes if note.kind == kind)

    def problems(self, file: str) -> tuple[Problem, ...]:
        """The losses as problems of ``file``, for a refusal."""
        return tuple(Problem(file, note.line, note.element, note.reason) for note in self.of("lost"))
