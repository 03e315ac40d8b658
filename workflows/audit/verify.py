"""Integrity check (完整性校验): every stream walked from its first event to its head.

What it proves: nothing in a stream was changed, removed, inserted or re-ordered since it was written, as long as the
heads themselves are believed. Whoever can rewrite the whole database can rewrite the heads too; only sealing with an
outside anchor answers that, and it comes later (design/audit.md).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from workflows.audit.canonical import canonical
from workflows.audit.kinds import Kind
from workflows.audit.record import ALG, COVERED, FIRST, commit_to, leaf_hash
from workflows.models import Erasure, Event, EventPayload, Office, RulingRow, Stream, Submission


@dataclass(frozen=True)
class Finding:
    """One place where the record does not hold together."""

    stream: str
    seq: int
    reason: str


@dataclass(frozen=True)
class Verification:
    """What was checked and what was found."""

    streams: int
    events: int
    erased: int
    #: A demo data directory's clock may have been moved; the mark is permanent and printed with every answer.
    demo: bool
    findings: tuple[Finding, ...]

    @property
    def holds(self) -> bool:
        """Whether nothing was found."""
        return not self.findings


def verify(session: Session, *, stream: str | None = None) -> Verification:
    """Check one stream, or all of them; reads in order and holds one stream's hash at a time."""
    heads = {row.name: (row.seq, row.head_hash) for row in session.execute(select(Stream)).scalars()}
    if stream is not None:
        heads = {stream: heads[stream]} if stream in heads else {}
    erased = set(session.execute(select(Erasure.event_id)).scalars())
    findings: list[Finding] = []
    events = 0
    reached: dict[str, tuple[int, str]] = {}
    for event, payload in _rows(session, stream):
        events += 1
        seq, previous = reached.get(event.stream, (0, FIRST))
        findings += _check(event, payload, seq, previous, erased)
        reached[event.stream] = (event.seq, event.leaf_hash)
    for name, head in heads.items():
        at = reached.get(name, (0, FIRST))
        if at != head:
            findings.append(Finding(name, at[0], f"stream ends at {at[0]}, its head says {head[0]}"))
    findings += [Finding(name, 1, "events without a stream row") for name in reached if name not in heads]
    findings += _papers(session, stream)
    demo = bool(session.execute(select(Office.demo)).scalar())
    return Verification(len(heads), events, len(erased), demo, tuple(findings))


def _rows(session: Session, stream: str | None) -> Iterator[tuple[Event, EventPayload | None]]:
    query = (
        select(Event, EventPayload)
        .outerjoin(EventPayload, EventPayload.event_id == Event.event_id)
        .order_by(Event.stream, Event.seq)
        .execution_options(yield_per=500)
    )
    if stream is not None:
        query = query.where(Event.stream == stream)
    yield from session.execute(query).tuples()


def _papers(session: Session, stream: str | None) -> list[Finding]:
    """Forms and rulings kept beside the record for reading, held against what their event says of them."""
    found: list[Finding] = _missing(session, stream)
    query = (
        select(Submission, Event.stream, Event.seq, EventPayload.payload)
        .join(Event, Event.event_id == Submission.event)
        .join(EventPayload, EventPayload.event_id == Event.event_id)
        .execution_options(yield_per=200)
    )
    for submission, name, seq, payload in session.execute(query if stream is None else query.where(Event.stream == stream)):
        said = json.loads(payload).get("submission") or {}
        for part, value in (("data", submission.data), ("seen", submission.seen)):
            if said.get(part) != hashlib.sha256(canonical(value)).hexdigest():
                found.append(Finding(name, seq, f"the submitted form's {part} was changed after it was recorded"))
    rulings = (
        select(RulingRow, Event.stream, Event.seq, EventPayload.payload)
        .join(Event, Event.event_id == RulingRow.event)
        .join(EventPayload, EventPayload.event_id == Event.event_id)
        .execution_options(yield_per=200)
    )
    for ruling, name, seq, payload in session.execute(rulings if stream is None else rulings.where(Event.stream == stream)):
        said = [one["answer"] for one in json.loads(payload).get("rulings", ()) if one["step"] == ruling.step_id]
        if ruling.answer not in said:
            found.append(Finding(name, seq, f"the ruling of {ruling.step_id} was changed after it was recorded"))
    return found


def _missing(session: Session, stream: str | None) -> list[Finding]:
    """Forms and rulings that an event says were kept, and that are kept no longer."""
    forms = select(func.count()).where(Submission.event == Event.event_id).scalar_subquery()
    rulings = select(func.count()).where(RulingRow.event == Event.event_id).scalar_subquery()
    query = (
        select(Event.stream, Event.seq, EventPayload.payload, forms, rulings)
        .join(EventPayload, EventPayload.event_id == Event.event_id)
        .where(Event.kind.in_((Kind.INSTANCE_STARTED.value, Kind.TASK_COMPLETED.value, Kind.TIMER_FIRED.value)))
        .execution_options(yield_per=200)
    )
    found: list[Finding] = []
    for name, seq, payload, kept, ruled in session.execute(query if stream is None else query.where(Event.stream == stream)):
        said = json.loads(payload)
        if "submission" in said and not kept:
            found.append(Finding(name, seq, "the submitted form was removed after it was recorded"))
        if len(said.get("rulings", ())) > ruled:
            found.append(Finding(name, seq, "a ruling was removed after it was recorded"))
    return found


def _check(event: Event, payload: EventPayload | None, seq: int, previous: str, erased: set[str]) -> list[Finding]:
    found: list[Finding] = []
    if event.seq != seq + 1:
        found.append(Finding(event.stream, event.seq, f"comes after {seq}: an event is missing or was inserted"))
    if event.prev_hash != previous:
        found.append(Finding(event.stream, event.seq, "does not follow the event before it"))
    if event.alg != ALG:
        found.append(Finding(event.stream, event.seq, f"unknown algorithm {event.alg}"))
    elif leaf_hash({key: getattr(event, key) for key in COVERED}) != event.leaf_hash:
        found.append(Finding(event.stream, event.seq, "was changed after it was written"))
    if payload is None:
        if event.event_id not in erased:
            found.append(Finding(event.stream, event.seq, "its payload is missing and no erasure names it"))
    elif commit_to(payload.salt, payload.payload) != event.payload_commit:
        found.append(Finding(event.stream, event.seq, "its payload was changed after it was written"))
    return found
