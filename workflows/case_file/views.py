"""One instance as plain values: what stood in the tables and the record when it was read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any


@dataclass(frozen=True)
class TaskView:
    """A step that waits, or waited, for a person."""

    number: str
    #: The engine's name for it, as the record's ``closed`` lists it.
    token: str
    step_id: str
    name: str
    form_id: str | None
    #: ``open``, ``suspended``, ``done``, ``cancelled``.
    status: str
    opened_at: datetime
    due_at: datetime | None
    #: ISO days that were counted.
    due_days: Sequence[str]
    due_provisional: bool
    holder_name: str | None
    #: Person number of the holder.
    holder: str | None
    done_at: datetime | None
    done_by_name: str | None
    outcome: str | None
    explanation: Mapping[str, Any]
    #: Who may take an open one: (role key or empty, organisation code or person number, its name).
    candidates: tuple[tuple[str, str, str], ...] = ()

    @property
    def signing(self) -> Mapping[str, Any]:
        """Of a signer's own task (加签): ``mode``, ``from``, ``reason``, ``main`` (number of the task that they sign); else empty."""
        found: Mapping[str, Any] = self.explanation.get("signing") or {}
        return found
    #: How urgent, 0 to 100 (zeebe:priorityDefinition, or as somebody set it).
    priority: int = 50


@dataclass(frozen=True)
class Change:
    """One field before and after."""

    #: Dotted path as recorded.
    path: str
    #: Label of the field, with the table's and the row's number where it lies in one.
    label: str
    old: Any
    new: Any


@dataclass(frozen=True)
class EventView:
    """One act of the record, in the words of the people in it."""

    event_id: str
    stream: str
    seq: int
    at: datetime
    recorded_at: datetime
    kind: str
    #: The kind's words, a message id.
    label: str
    actor_kind: str
    actor_kind_label: str
    actor: str | None
    actor_name: str | None
    actor_role: str | None
    actor_org_name: str | None
    on_behalf_of_name: str | None
    task: str | None
    #: Name of the step the act belongs to, where it belongs to one.
    step_name: str | None
    outcome: str | None
    reason: str | None
    ip: str | None
    leaf_hash: str
    #: Parts of the act; empty when lawfully erased.
    payload: Mapping[str, Any]
    erased: bool
    changes: tuple[Change, ...] = ()

    @property
    def by_machine(self) -> bool:
        """A rule or a deadline, never a person."""
        return self.actor_kind in {"rule", "timeout"}


@dataclass(frozen=True)
class SubmissionView:
    """One filled form as it was sent."""

    #: Event that recorded it; names it in addresses.
    event: str
    step_id: str
    step_name: str
    form_id: str
    by_name: str
    by_number: str
    at: datetime
    task: str | None
    data: Mapping[str, Any]
    #: Read-only and computed values that stood beside it.
    seen: Mapping[str, Any]
    #: The form's file, of the version that was filled in; empty if the definition does not hold it.
    form: bytes
    #: Field path -> label, for the fields of this form.
    labels: Mapping[str, str] = field(default_factory=dict)
    #: Name of the step until which nobody but its author reads it; empty when it is open. Nothing of it is here then.
    sealed_until: str = ""
    #: Roles that alone read it (``jiaoyan:readers``), where the reader holds none of them. Nothing of it is here then.
    kept_to: tuple[str, ...] = ()
    #: Names of the bodies outside whose opinions it enters (form X1).
    outside: tuple[str, ...] = ()


@dataclass(frozen=True)
class RulingView:
    """One automatic ruling, whole."""

    step_id: str
    step_name: str
    decision: str
    at: datetime
    outcome: str | None
    answer: Mapping[str, Any]
    event: str


@dataclass(frozen=True)
class TimerView:
    """A moment that something waited or waits for."""

    step_id: str
    step_name: str
    #: ``engine``, ``reminder``, ``overdue``.
    kind: str
    due_at: datetime
    due_days: Sequence[str]
    due_provisional: bool
    fired_at: datetime | None
    result: str | None


@dataclass(frozen=True)
class AttachmentView:
    """One uploaded file."""

    sha256: str
    name: str
    media_type: str
    size: int
    field: str | None
    uploaded_by_name: str
    uploaded_at: datetime


@dataclass(frozen=True)
class AwaitedView:
    """A step that waits for something other than a person."""

    step_id: str
    step_name: str
    #: ``message``, ``signal`` or ``timer``.
    kind: str
    #: Name of the message or signal.
    name: str
    #: Of a timer.
    due_at: datetime | None = None


@dataclass(frozen=True)
class LinkedView:
    """A case that this one called, or that called this one."""

    number: str
    process_name: str
    status: str
    #: Name of the end that it reached.
    outcome_name: str | None
    #: Name of the call activity.
    step_name: str
    started_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True)
class Stage:
    """One stage on the step bar."""

    name: str
    #: ``done``, ``now``, ``ahead`` or ``cancelled`` (was reached, then ran out or was called off).
    state: str
    #: When it was passed.
    at: datetime | None = None
    #: Until when what waits there is due.
    due_at: datetime | None = None
    #: Whether it stands still because the case is suspended.
    held: bool = False


@dataclass(frozen=True)
class CaseFile:
    """One instance whole."""

    number: str
    title: str
    process_id: str
    process_name: str
    version: int
    definition: str
    pack_set: str
    place: str
    ruling_on: date
    organisation_code: str
    organisation_name: str
    starter_name: str
    starter_number: str
    round_number: str | None
    round_title: str | None
    #: A key of ``workflows.case.STATUSES``.
    status: str
    outcome: str | None
    outcome_name: str | None
    started_at: datetime
    ended_at: datetime | None
    #: Personal data is masked in submissions, changes and rulings.
    masked: bool
    tasks: tuple[TaskView, ...]
    #: The instance's own stream, in order.
    events: tuple[EventView, ...]
    #: Acts in people's streams that name the instance: who looked, exported, or was refused.
    looks: tuple[EventView, ...]
    submissions: tuple[SubmissionView, ...]
    rulings: tuple[RulingView, ...]
    timers: tuple[TimerView, ...]
    attachments: tuple[AttachmentView, ...]
    #: Step id -> name, as drawn.
    step_names: Mapping[str, str]
    #: The step bar.
    stages: tuple[Stage, ...]
    #: What automatic steps gave out, e.g. ``admission_no``.
    facts: Mapping[str, Any]
    #: Step id -> kind, see ``workflows.engine.Step``.
    step_kinds: Mapping[str, str] = field(default_factory=dict)
    #: What it waits for besides people and what it called.
    awaited: tuple[AwaitedView, ...] = ()
    #: What it called (下级办件), in order.
    called: tuple[LinkedView, ...] = ()
    #: What called it (上级办件), for whoever may see that.
    caller: LinkedView | None = None
    #: Whoever started it did so for their office, and is no applicant.
    for_office: bool = False
    #: What it is about, in a line, by its process's rule (``jiaoyan:summary``); empty without one.
    summary: str = ""

    @property
    def open_tasks(self) -> tuple[TaskView, ...]:
        """What it waits for now; opinions on it are part of that."""
        return tuple(task for task in self.tasks if task.status == "open" and not task.signing)

    @property
    def open_signatures(self) -> tuple[TaskView, ...]:
        """The opinions that it waits for now (加签)."""
        return tuple(task for task in self.tasks if task.status == "open" and task.signing)

    @property
    def held_tasks(self) -> tuple[TaskView, ...]:
        """What it will wait for again when it is resumed."""
        return tuple(task for task in self.tasks if task.status == "suspended" and not task.signing)
