"""沿用上次意见: what somebody wrote when a step of a case was theirs before, offered when it is theirs again.

Offered and never sent by itself: it goes into the draft at a press of a button, without what must be said anew each time – the
choice, declarations, ticks, a signature. Where the words that are sent are the same, the record says since when they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from workflows import engine
from workflows.drafts import PERSONAL
from workflows.models import Submission, Task

#: Types of field in which somebody says something in their own words; and types and kinds that are said anew each time.
_WORDS = frozenset({"textarea", "textfield"})
_ANEW = frozenset({"checkbox", "expression", "filepicker"})


@dataclass(frozen=True)
class LastOpinion:
    """What somebody sent when they did a step last."""

    #: The event that recorded it, and the task.
    event: str
    task: str
    at: datetime
    #: Top-level answers that may be taken over: key -> value.
    answers: Mapping[str, Any]
    #: Key -> (label, words) of what they said in their own words.
    words: Mapping[str, tuple[str, str]]


def did_before(step: engine.Step, person: str, acted: Iterable[Sequence[Any]]) -> bool:
    """Whether a person has done a step of a case before; ``acted`` begins each row with step, key and person's number.

    Of one of many at the same step (会签, panels) the others' papers are about something else.
    """
    return step.repetition is None and any(row[0] == step.id and row[2] == person for row in acted)


def last(session: Session, person_id: int, task: Task, form: bytes, outcome: str | None) -> LastOpinion | None:
    """What a person sent last at the step of a task on the same form, or nothing; ``outcome`` is the key of the choice."""
    found = session.execute(
        select(Submission.event, Task.number, Submission.at, Submission.data)
        .join(Task, Task.id == Submission.task_id)
        .where(Submission.instance_id == task.instance_id, Submission.step_id == task.step_id, Submission.by_id == person_id,
               Submission.form_id == task.form_id, Task.main_id.is_(None), Submission.task_id != task.id)
        .order_by(Submission.id.desc())
        .limit(1)
    ).one_or_none()
    if found is None:
        return None
    fields = {str(one["key"]): one for one in _fields(orjson.loads(form).get("components") or ())}
    # In the form's order: what a database gives back has none.
    said = {key: found.data[key] for key in fields if key in found.data and _may_go_on(fields[key], key, outcome, found.data[key])}
    words = {
        key: (str(fields[key].get("label") or key), value) for key, value in said.items()
        if fields[key].get("type") in _WORDS and isinstance(value, str)
    }
    return LastOpinion(found.event, found.number, found.at, said, words)


def _may_go_on(field: Mapping[str, Any], key: str, outcome: str | None, value: Any) -> bool:
    said_anew = field.get("type") in _ANEW or field.get("readonly") is True or key == outcome or key in PERSONAL
    return not said_anew and value not in (None, "", [], {})


def _fields(components: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Fields of the first level of the data; tables are begun anew."""
    for one in components:
        if one.get("key"):
            yield one
        elif one.get("type") == "group" and not one.get("path"):
            yield from _fields(one.get("components") or ())


def as_before(before: LastOpinion | None, data: Mapping[str, Any]) -> dict[str, Any]:
    """For the event of a completion: that its words are those of last time, all of them; nothing otherwise."""
    if before is None or not before.words or any(data.get(key) != words for key, (_, words) in before.words.items()):
        return {}
    return {"as_before": {"event": before.event, "at": before.at.isoformat()}}
