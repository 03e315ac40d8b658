"""Staffing by subject and stage (domain.md 3.0.12, I13): which cells a place needs, and which are not filled."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from workflows.errors import FactsRefused

#: How a place splits its posts by stage: every subject on every stage, or every subject once and the stages as advice.
MUST, ADVISE = "must", "advise"


@dataclass(frozen=True)
class Cell:
    """A subject, on one stage or (None) on any."""

    subject: str
    stage: str | None

    def as_facts(self) -> dict[str, Any]:
        """Return the cell as plain data for a ruling."""
        return {"subject": self.subject, "stage": self.stage}

    @property
    def words(self) -> str:
        """Return the cell as people say it: 小学语文, or the subject alone."""
        return self.subject if self.stage is None or self.subject.startswith(self.stage) else f"{self.stage}{self.subject}"


@dataclass(frozen=True)
class StaffingGaps:
    """The answer: cells that must be filled and are not, cells that should be, and who stands in meanwhile."""

    required: tuple[Cell, ...]
    missing: tuple[Cell, ...]
    #: Cells of a stage that the place is only advised to fill.
    suggestions: tuple[Cell, ...]
    #: (cell, kind of post of who covers it): missing cells that somebody else covers for the time being.
    temporary: tuple[tuple[Cell, str], ...]
    #: Kind of post -> number of rows of the roster.
    posts: Mapping[str, int] = field(default_factory=dict)

    def as_facts(self) -> dict[str, Any]:
        """Return what an expression sees, as plain data; ``words`` lists the missing cells for people."""
        return {
            "required": [cell.as_facts() for cell in self.required],
            "missing": [cell.as_facts() for cell in self.missing],
            "suggestions": [cell.as_facts() for cell in self.suggestions],
            "temporary": [{**cell.as_facts(), "post_type": post} for cell, post in self.temporary],
            "posts": dict(self.posts),
            "words": "、".join(cell.words for cell in self.missing),
            "suggested": "、".join(cell.words for cell in self.suggestions),
        }


@dataclass(frozen=True)
class Curriculum:
    """Which subjects the national curriculum has on which stage, and the other names of both (GK)."""

    #: Stage -> its subjects.
    subjects: Mapping[str, Collection[str]]
    #: Another name -> the subject it is the same post as (信息科技 -> 信息技术).
    subject_names: Mapping[str, str]
    #: Another name -> the stage (幼儿园 -> 学前).
    stage_names: Mapping[str, str]

    def stage(self, name: str) -> str:
        """Return a stage under its own name; FactsRefused when there is none."""
        stage = self.stage_names.get(name, name)
        if stage not in self.subjects:
            raise FactsRefused(fact="stages", reason=f"没有“{name}”这个学段（{'、'.join(self.subjects)}）")
        return stage

    def subject(self, name: str) -> str:
        """Return what a subject counts as."""
        return self.subject_names.get(name, name)

    def stages_of(self, subject: str, offered: Sequence[str]) -> list[str]:
        """Return the offered stages on which a subject is taught; a subject of no stage is local: on every one."""
        known = {stage: {self.subject(one) for one in subjects} for stage, subjects in self.subjects.items()}
        if not any(self.subject(subject) in subjects for subjects in known.values()):
            return list(offered)
        return [stage for stage in offered if self.subject(subject) in known[stage]]


def staffing_gaps(
    split: str, stages: Iterable[str], subjects: Iterable[str] | None, extra: Collection[str],
    curriculum: Curriculum, filled_by: Collection[str], staff: Iterable[Mapping[str, Any]],
) -> StaffingGaps:
    """Compare a place's roster with the cells it needs (3.0.12); ``split`` is MUST or ADVISE.

    ``stages`` are those the place offers; ``subjects`` those of its curriculum (None: all that the national curriculum has
    on these stages); ``extra`` those the place must have besides, on their own stage where that is offered, else
    once. ``staff`` are rows ``{subject, stage, post_type}``; a row without a stage covers a subject, but no stage of
    it. A cell is filled by a post of ``filled_by`` alone (I13). FactsRefused for an unknown stage.
    """
    offered = list(dict.fromkeys(curriculum.stage(stage) for stage in stages))
    named = list(subjects) if subjects is not None else [one for stage in offered for one in curriculum.subjects[stage]]
    wanted: dict[str, str] = {}
    for subject in (*named, *extra):
        wanted.setdefault(curriculum.subject(subject), subject)
    also = {curriculum.subject(subject) for subject in extra}
    roster = [
        (curriculum.subject(str(row.get("subject"))), curriculum.stage(row["stage"]) if row.get("stage") else None,
         str(row.get("post_type"))) for row in staff
    ]
    by_stage: list[Cell] = []
    whole: list[Cell] = []
    for key, subject in wanted.items():
        on = curriculum.stages_of(subject, offered)
        by_stage += [Cell(subject, stage) for stage in on]
        if on or key in also:
            whole.append(Cell(subject, None))
        if not on and key in also:
            by_stage.append(Cell(subject, None))

    def who(cell: Cell) -> list[str]:
        return [post for subject, stage, post in roster
                if subject == curriculum.subject(cell.subject) and cell.stage in (None, stage)]

    def open_cells(cells: Iterable[Cell]) -> tuple[Cell, ...]:
        return tuple(cell for cell in cells if not any(post in filled_by for post in who(cell)))

    required = by_stage if split == MUST else whole
    missing = open_cells(required)
    advised = () if split == MUST else open_cells(cell for cell in by_stage if cell.stage)
    return StaffingGaps(
        required=tuple(required), missing=missing, suggestions=advised,
        temporary=tuple((cell, post) for cell in missing for post in dict.fromkeys(who(cell))),
        posts={post: sum(1 for row in roster if row[2] == post) for post in dict.fromkeys(row[2] for row in roster)},
    )
